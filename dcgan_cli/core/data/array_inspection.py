"""Facts that `dcgan inspect` shows about an `.npz`, an `.npy` or IDX files."""

from pathlib import Path
from typing import Any

import numpy as np

from dcgan_cli.core.data.arrays.files import ArrayFile, open_arrays
from dcgan_cli.core.data.arrays.idx import read_idx
from dcgan_cli.core.data.arrays.images import MNIST_SHAPE, read_images
from dcgan_cli.core.data.folder_inspection import SIZES, SMALL_GREY_SIZE, has_own_networks
from dcgan_cli.core.data.image_set import ImageSet, NoSplitError
from dcgan_cli.core.data.load import MIN_SCORED_IMAGES
from dcgan_cli.errors import DataError
from dcgan_cli.settings.schema import DataConfig

Facts = dict[str, Any]


def describe_arrays(path: Path) -> Facts:
    """Return facts about a file or folder of arrays, as training reads it.

    Args:
        path: an `.npz`, an `.npy` or a folder of IDX files.

    Returns:
        Facts of kind "data", with the splits that can be read, or of kind "arrays", with each
        array. The entry "problem" says why images cannot be used, "note" why none were found;
        "trainings" has the settings to train with, by what is trained.

    Raises:
        DataError: the file is damaged, or of another kind.
    """
    arrays = open_arrays(path)
    facts: Facts = {"kind": "data", "path": str(path), "splits": {}, "notes": [], "trainings": {}}
    read: dict[str, ImageSet] = {}
    for split in ("train", "test"):
        try:
            read[split] = data = read_images(path, split, any_shape=True)
        except NoSplitError as error:
            if split == "train":
                facts["note"] = str(error)
        except DataError as error:
            facts.setdefault("problem", str(error))
        else:
            facts["splits"][split] = _describe_split(data)
            facts["notes"] += [note for note in data.notes if note not in facts["notes"]]
    if "train" in read:
        problem = facts.get("problem")
        facts["trainings"] = _trainings(path, read["train"], read.get("test"), problem)
    if read:
        return facts
    facts["kind"] = "arrays"
    facts["arrays"] = {name: _describe_named(arrays, name) for name in arrays.names()}
    return facts


def describe_idx_file(path: Path) -> Facts:
    """Return facts about one IDX file.

    Raises:
        DataError: the file is not an IDX file.
    """
    try:
        array = read_idx(path)
    except DataError as error:
        raise DataError(
            f"{error}; inspect takes a run folder, a checkpoint, a .png, a folder of pictures, "
            "an .npz, an .npy or IDX files"
        ) from None
    return {"kind": "arrays", "path": str(path), "arrays": {path.name: _describe_array(array)}}


def _describe_split(data: ImageSet) -> Facts:
    images = np.asarray(data.images)
    described = _describe_array(images) | {"mean": round(float(images.mean()), 2)}
    if data.labels is not None:
        numbers, counts = np.unique(data.labels, return_counts=True)
        names = data.class_names or {number: number for number in numbers.tolist()}
        described["classes"] = {
            names[number]: count
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
        }
    return described


def _trainings(
    path: Path, train: ImageSet, test: ImageSet | None, problem: str | None
) -> dict[str, Facts]:
    """Return the settings to train on the images with, by what is to be trained."""
    count, height, width, channels = train.images.shape
    own_kind = (height, width, channels) == MNIST_SHAPE
    settings: Facts = {} if own_kind else {"data": "npz"}
    settings["data.path"] = str(path)
    if not own_kind:
        settings |= _form(height, width, channels)
    held_out = count - count // 2 if test is None else len(test.images)
    compared = count // 2 if test is None else count
    if problem or min(compared, held_out) < MIN_SCORED_IMAGES:
        settings["evaluate_every"] = 0
    trainings = {"train on it": settings}
    if train.labels is not None and len(np.unique(train.labels)) > 1:
        # data=mnist has data.classes=10 by default.
        counted = own_kind and (train.class_names or train.labels.max() >= DataConfig().classes)
        by_class = settings | {"model.conditional": True}
        trainings["class by class"] = by_class | ({"data.classes": 0} if counted else {})
    return trainings


def _form(height: int, width: int, channels: int) -> Facts:
    """Return the settings for images of a shape that differ from the defaults of data=npz."""
    side = min(height, width)
    smallest = SMALL_GREY_SIZE if channels == 1 else SIZES[-1]
    size = next((size for size in SIZES if size <= side), smallest)
    if height == width and has_own_networks(side):
        size = side
    settings: Facts = {}
    if size == SMALL_GREY_SIZE:
        settings["model"] = "dcgan28"
    if size != SIZES[0]:
        settings["data.image_size"] = size
    if channels == 1:
        settings["data.channels"] = 1
    return settings


def _describe_named(arrays: ArrayFile, name: str) -> Facts:
    try:
        return _describe_array(arrays.read(name))
    except DataError:  # Too large, or pickled.
        header = arrays.header(name)
        return {"shape": list(header.shape), "dtype": str(header.dtype)}


def _describe_array(array: np.ndarray) -> Facts:
    facts: Facts = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.size and np.isrealobj(array) and np.issubdtype(array.dtype, np.number):
        low, high = array.min().item(), array.max().item()
        if np.isfinite([low, high]).all():  # JSON has no NaN and no infinity.
            facts |= {"min": low, "max": high}
    return facts
