"""Find, read or download CIFAR-10.

Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

import contextlib
import dataclasses
from pathlib import Path
from pickletools import genops
from typing import Any

import numpy as np

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.image_cache import decoded_images
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.keras_download import keras_download
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.core.data.tfds_files import TfdsFiles, tfds_files
from dcgan_cli.core.environment import keras_folder
from dcgan_cli.core.storage import read_text
from dcgan_cli.errors import DataError, NotHereError

NAME = "cifar10"
"""Its name here and in tensorflow-datasets."""
CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SIZE = 32
ROW = 3 * SIZE * SIZE
"""Bytes of an image in the files: the red, the green and the blue plane."""
SOURCE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""The archive that `keras.datasets.cifar10` downloads, and its digest there."""
TARGET = "cifar-10-batches-py-target"
"""The folder that Keras extracts the archive into."""
INNER = "cifar-10-batches-py"
"""The folder in the archive. Older versions of Keras extract it beside the archive."""
FILES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
MAX_BYTES = 2**26
"""Maximum size of a file; they have 31 MB."""
KEYS = ("batch_label", "labels", "data", "filenames")
"""The keys of the dictionary in a file."""
TRAINING_SHA256 = "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a"
"""The digest of the 50,000 training images in the order of the files, by which a copy is known."""
TRAINING_SHAPE = (50000, SIZE, SIZE, 3)


def read_cifar10(split: str) -> ImageSet:
    """Return a split from Keras's folder, or from the files of tensorflow-datasets.

    Args:
        split: "train" or "test".

    Returns:
        Images as uint8 [N, 32, 32, 3], and their classes.

    Raises:
        NotHereError: it is in neither place.
        DataError: a file is damaged.
    """
    found = _found(split)
    if isinstance(found, Path):
        batches = [read_batch(found / name) for name in FILES[split]]
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        data = ImageSet(images, labels, "CIFAR-10")
    else:
        data = _from_records(found)
    return dataclasses.replace(data, dataset=NAME, class_names=CLASS_NAMES)


def read_cifar10_copy(path: Path, split: str, classes: int) -> ImageSet:
    """Return a split of an array file; see `read_images`.

    Labels without names get those of CIFAR-10. A copy of the training images is recognised by its
    content.
    """
    data = read_images(path, split, any_shape=True, classes=classes)
    if data.labels is not None and not data.class_names and classes == len(CLASS_NAMES):
        data = dataclasses.replace(data, class_names=CLASS_NAMES)
    if data.images.shape == TRAINING_SHAPE and data.digest() == TRAINING_SHA256:
        data = dataclasses.replace(data, dataset=NAME)
    return data


def read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of one file: uint8 [N, 32, 32, 3] and int64 [N].

    The files are pickles. They are not unpickled: `pickletools` lists the values in them, and
    neither imports nor calls anything.

    Raises:
        DataError: the file is damaged or of another kind.
    """
    try:
        values = _values(read_text(path, MAX_BYTES))
        labels = np.asarray(values["labels"])
        content = max((v for v in values["data"] if isinstance(v, str)), key=len)
        rows = np.frombuffer(content.encode("latin-1"), np.uint8).reshape(-1, ROW)
        if labels.dtype.kind != "i" or labels.shape != rows.shape[:1]:
            raise ValueError(f"it has {labels.shape} labels for {len(rows)} images")
        if labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
            raise ValueError(f"its labels are not from 0 to {len(CLASS_NAMES) - 1}")
    except Exception as error:  # A damaged file may raise anything.
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"{path} is damaged ({reason}); delete its folder, so that it is downloaded again"
        ) from None
    images = rows.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels.astype(np.int64)


def _values(pickled: bytes) -> dict[str, list[Any]]:
    """Return the numbers and strings that follow each of the keys in a pickled dictionary."""
    values: dict[str, list[Any]] = {}
    following: list[Any] = []
    for opcode, value, _ in genops(pickled):
        if value is None or "PUT" in opcode.name:  # PUT gives a value a number, for references.
            continue
        if value in KEYS:
            following = values.setdefault(value, [])
        else:
            following.append(value)
    return values


def _from_records(files: TfdsFiles) -> ImageSet:
    """Return the images in files of tensorflow-datasets, decoded into the cache."""
    load_tensorflow()
    from dcgan_cli.core.data.records.tfrecords import RecordPictures

    pictures = RecordPictures(files.pattern, files.class_names)
    decoded = decoded_images(pictures, Form(SIZE, 3, "crop"))
    if decoded.problems or decoded.labels is None:
        bad = [f"{name} {problem}" for name, problem in decoded.problems.items()]
        raise DataError(f"{files.pattern} is not CIFAR-10: {first_names(bad) or 'no labels'}")
    return ImageSet(decoded.images, decoded.labels, "CIFAR-10", sha256=decoded.sha256)


def _found(split: str) -> Path | TfdsFiles:
    """Return the folder of Keras's files, or the files of a split in tensorflow-datasets.

    Raises:
        NotHereError: there are neither.
    """
    datasets = keras_folder() / "datasets"
    for folder in (datasets / TARGET / INNER, datasets / INNER):
        # An earlier download may be incomplete.
        if all((folder / name).is_file() for names in FILES.values() for name in names):
            return folder
    with contextlib.suppress(NotHereError):
        if (files := tfds_files(NAME, split)) is not None:
            return files
    raise NotHereError(f"CIFAR-10 is not in {datasets}", NAME, None)


def download_cifar10() -> None:
    """Download CIFAR-10 into the folder of Keras, unless it is on this machine.

    Raises:
        DataError: it cannot be downloaded.
    """
    with contextlib.suppress(NotHereError):
        _found("train")
        return
    archive = {"fname": TARGET, "origin": SOURCE, "extract": True, "file_hash": SHA256}
    advice = "give data.path=FILE with an .npz of its images"
    keras_download("CIFAR-10", keras_folder() / "datasets", [archive], advice)
