"""Images that are in arrays: an `.npz` with Keras's keys, or a folder of IDX files."""

import zipfile
from pathlib import Path

import numpy as np

from dcgan_cli.core.arrays import TooLargeError, array_names, read_array
from dcgan_cli.core.idx import read_idx
from dcgan_cli.core.image_files import is_folder
from dcgan_cli.core.image_set import ImageSet, NoSplitError
from dcgan_cli.errors import DataError

MNIST_SHAPE = (28, 28, 1)


def read_images(path: Path, split: str = "train", *, any_shape: bool = False) -> ImageSet:
    """Read the images of an `mnist.npz` or of a folder of IDX files.

    Args:
        path: the file or folder.
        split: "train" or "test".
        any_shape: False refuses images that are not MNIST's 28x28 and grey.

    Raises:
        NoSplitError: it has no such split.
        DataError: it is neither, or is damaged.
    """
    if is_folder(path):
        return _read_idx_folder(path, split, any_shape=any_shape)
    if not path.exists():
        raise DataError(
            f"{path} is not there; data.path names an mnist.npz or a folder of IDX files"
        )
    if not path.is_file() or not zipfile.is_zipfile(path):  # Opening a pipe would wait.
        raise DataError(
            f"{path} is not an .npz archive; data.path takes one or a folder of IDX files"
        )
    return read_npz(path, split, any_shape=any_shape)


def is_idx_folder(path: Path) -> bool:
    """Whether a folder holds IDX files of images, by their names."""
    return path.is_dir() and any(path.glob("*-images-idx3-ubyte*"))


def read_npz(path: Path, split: str, *, any_shape: bool = False) -> ImageSet:
    """Read `x_<split>` and, where present, `y_<split>` of an archive with Keras's keys.

    Raises:
        NoSplitError: it has no `x_<split>`.
        DataError: it is no such archive, is damaged or too large, or its arrays are not images and
            labels.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = array_names(archive)
            if f"x_{split}" not in names:
                raise NoSplitError(f"{path} has no x_{split}; its keys are {', '.join(names)}")
            images = read_array(archive, f"x_{split}")
            labels = read_array(archive, f"y_{split}") if f"y_{split}" in names else None
    except DataError:
        raise
    except TooLargeError as error:
        raise DataError(
            f"{path}: {error}; write its images as pictures into a folder, for data=image_folder"
        ) from None
    except Exception as error:  # A spoiled header makes numpy and zipfile raise nearly anything.
        raise DataError(f"{path} cannot be read as .npz ({error}); get it again") from error
    return _image_set(images, labels, str(path), any_shape=any_shape)


def _read_idx_folder(folder: Path, split: str, *, any_shape: bool) -> ImageSet:
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _find_idx(folder, f"{prefix}-images-idx3-ubyte")
    if images is None:
        raise NoSplitError(
            f"{folder} has no {prefix}-images-idx3-ubyte or {prefix}-images-idx3-ubyte.gz; "
            "data=image_folder is for a folder of pictures"
        )
    labels = _find_idx(folder, f"{prefix}-labels-idx1-ubyte")
    classes = read_idx(labels) if labels else None
    return _image_set(read_idx(images), classes, str(folder), any_shape=any_shape)


def _find_idx(folder: Path, name: str) -> Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def _image_set(
    images: np.ndarray, labels: np.ndarray | None, source: str, *, any_shape: bool
) -> ImageSet:
    """Check shapes and types, and add the channel axis if it is missing."""
    found = f"found {images.dtype} {list(images.shape)}"
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if not any_shape and (images.dtype != np.uint8 or images.shape[1:] != MNIST_SHAPE):
        raise DataError(
            f"{source}: images must be uint8 [N, 28, 28], {found}; data=npz takes other sizes"
        )
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise DataError(
            f"{source}: images must be uint8 [N, H, W] or [N, H, W, C] with 1, 3 or 4 channels, "
            f"{found}"
        )
    if not images.size:
        raise DataError(f"{source} holds no images")
    if labels is not None and labels.shape == (len(images), 1):  # As Keras has CIFAR's.
        labels = labels[:, 0]
    if labels is not None and labels.shape != (len(images),):
        raise DataError(f"{source}: {len(images)} images have labels of shape {labels.shape}")
    return ImageSet(images, labels, source)
