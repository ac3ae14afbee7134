"""Read images and labels from arrays and convert them to uint8."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dcgan_cli.core.data.arrays.files import ArrayFile, open_arrays
from dcgan_cli.core.data.arrays.labels import LabelError, find_classes, plain_labels
from dcgan_cli.core.data.arrays.layouts import ArrayFormatError, Layout, find_layout
from dcgan_cli.core.data.arrays.names import SplitArrays
from dcgan_cli.core.data.arrays.value_ranges import find_range, to_pixels
from dcgan_cli.core.data.image_set import ImageSet, NoSplitError
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.errors import DataError

MNIST_SHAPE = (28, 28, 1)
MAPPED_FROM = 2**28
"""An `.npy` with more bytes of pixels is memory-mapped instead of read."""
LOOKED_AT = 1000
"""Number of images that are searched for the brightest pixel."""
DARK = 64
"""A note warns if no pixel (0 to 255) is this bright."""


def read_images(
    path: Path, split: str = "train", *, any_shape: bool = False, classes: int = 0
) -> ImageSet:
    """Return the images of an `.npz`, an `.npy` or a folder of IDX files, as uint8 [N, H, W, C].

    A large `.npy` of uint8 images is memory-mapped; everything else is read into memory. Labels
    that are not usable are dropped, with a note that says why.

    Args:
        path: the file or folder.
        split: "train" or "test".
        any_shape: whether to accept images other than 28x28 grey, which is MNIST's shape.
        classes: number of classes; 0 counts them.

    Raises:
        NoSplitError: there is no such split.
        DataError: the path is missing, damaged or of another kind, or its arrays are in no known
            format.
    """
    arrays = open_arrays(path)
    chosen = arrays.choose(split)
    train: SplitArrays | None = None
    if split == "test":
        with contextlib.suppress(NoSplitError):
            train = arrays.choose("train")
    try:
        images, note = _read_pixels(arrays, chosen, train)
    except ArrayFormatError as error:
        raise DataError(f"{path}: {error}") from None
    if not any_shape and images.shape[1:] != MNIST_SHAPE:
        raise DataError(
            f"{path}: images must be 28x28 and grey, found {arrays.header(chosen.images)}; "
            "for other sizes, give data=npz"
        )
    labels, names, problem = _read_labels(arrays, chosen, train, len(images), classes)
    notes = [f"array     {note}"] if note else []
    notes += [f"labels    not used: {problem}"] if problem else []
    return ImageSet(
        images,
        labels,
        str(path),
        class_names=names,
        labels_problem=problem,
        notes=(*notes, *_oddities(chosen.images, images)),
        check_unchanged=_check_of(path, images),
    )


def _read_pixels(
    arrays: ArrayFile, chosen: SplitArrays, train: SplitArrays | None
) -> tuple[np.ndarray, str]:
    """Return uint8 [N, H, W, C] and a description of the conversion; "" if there was none.

    Raises:
        ArrayFormatError: the array is in no known format.
    """
    array = arrays.read(chosen.images)
    layout = _layout_of(arrays, chosen)
    like = arrays.read(train.images) if train and _is_scaled(array) else None
    found = find_range(chosen.images, array, like)
    plain = array.dtype == np.uint8 and not layout.text
    note = ", ".join(filter(None, (found.text, layout.text)))
    images = to_pixels(array, layout, found)
    if isinstance(images, np.memmap) and images.nbytes <= MAPPED_FROM:
        images = np.array(images)  # Truncating a mapped file would kill the process.
    return images, "" if plain else note


def _layout_of(arrays: ArrayFile, chosen: SplitArrays) -> Layout:
    shapes = [arrays.header(name).shape for name in chosen.labels]
    counts = {shape[-1] if shape[0] == 1 else shape[0] for shape in shapes if shape}
    return find_layout(chosen.images, arrays.header(chosen.images), counts)


def _is_scaled(array: np.ndarray) -> bool:
    """Return whether an array's value range must be determined."""
    return array.dtype != np.uint8 and array.dtype != np.bool_


def _read_labels(
    arrays: ArrayFile, chosen: SplitArrays, train: SplitArrays | None, count: int, classes: int
) -> tuple[np.ndarray | None, tuple[str, ...], str]:
    """Return each image's class, the names of the classes, and why the labels are not usable.

    Raises:
        DataError: the labels are damaged.
    """
    if not chosen.labels:
        return None, (), ""
    try:
        name, labels = _plain_labels(arrays, chosen, count)
        known = labels
        if train and train.labels:
            _, known = _plain_labels(arrays, train, _layout_of(arrays, train).shape[0])
        found = find_classes(name, known, classes)
        return found.numbers(name, labels), found.names, ""
    except (LabelError, ArrayFormatError) as error:
        return None, (), str(error)


def _plain_labels(arrays: ArrayFile, chosen: SplitArrays, count: int) -> tuple[str, np.ndarray]:
    """Return the name and values of the labels whose number matches the images."""
    headers = {name: arrays.header(name) for name in chosen.labels}
    fitting = [name for name in headers if count in headers[name].shape[:2]] or list(headers)
    if len(fitting) > 1:
        raise LabelError(f"{first_names(fitting)} may all be the labels")
    name = fitting[0]
    if headers[name].dtype.hasobject:
        raise LabelError(f"{name} contains pickled objects, which are not supported")
    if len(headers[name].shape) > 2:  # These may be masks, which can be large.
        raise LabelError(f"{name} is {headers[name]}, more than one label per image")
    return name, plain_labels(name, arrays.read(name), count)


def _oddities(name: str, images: np.ndarray) -> list[str]:
    """Return notes about images that look wrong."""
    notes = []
    some = images[:: -(-len(images) // LOOKED_AT)]
    brightest = int(some.max())
    if brightest < DARK:
        notes.append(
            f"dark      the brightest pixel of {len(some):,} images is {brightest} of 255; scale "
            "the array if that pixel should be white"
        )
    if name.lower().startswith("emnist"):
        notes.append("array     EMNIST's images are transposed; samples will be too")
    return notes


def _check_of(path: Path, images: np.ndarray) -> Callable[[], None]:
    """Return a function that raises DataError if memory-mapped images have changed on disk."""
    if not isinstance(images, np.memmap):
        return lambda: None

    def state() -> tuple[int, ...] | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    before = state()

    def check() -> None:
        if state() != before:
            raise DataError(f"{path} has changed since it was read; restore it and resume")

    return check
