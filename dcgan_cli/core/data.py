"""Training images: found, checked and read into memory. Needs no TensorFlow."""

import dataclasses
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_cli.config import DataConfig
from dcgan_cli.core.arrays import array_names, read_array
from dcgan_cli.core.idx import read_idx
from dcgan_cli.errors import DataError

BUNDLED_MNIST = Path(__file__).parent.parent / "assets" / "mnist" / "mnist.npz"
BUNDLED_MNIST_SHA256 = "8e083283c91432a55ec214b424b750f347064b1c21bf79cd5a9a425e1c6c2048"
"""Printed by scripts/make_mnist.py, which made the file."""
MNIST_IMAGES_SHA256 = "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
"""The digest of its 60,000 training images, by which a copy of one's own is known too."""
IMAGE_SIZE = 28


class NoSplitError(DataError):
    """The file or folder does not have the split that was asked for."""


@dataclass(frozen=True)
class ImageSet:
    """Images that a run trains on, or that `dcgan inspect` looks at."""

    images: np.ndarray
    """uint8 [N, 28, 28, 1], 0 is black."""
    labels: np.ndarray | None
    """uint8 [N], the class of each image, where known."""
    source: str
    """Where they came from, in words."""
    dataset: str | None = None
    """Which known data set they are of, such as "mnist"."""

    def digest(self, *, with_labels: bool = False) -> str:
        """Return the sha256 of the images, which tells one training set from another.

        Args:
            with_labels: whether labels that differ make another set.
        """
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        if with_labels and self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()

    def check_labels(self, classes: int) -> None:
        """Check that there are labels, and that they are whole numbers from 0 to classes - 1.

        Raises:
            DataError: there are none, or one is not.
        """
        if self.labels is None:
            raise DataError(
                f"model.conditional needs labels, and {self.source} has none; leave it out"
            )
        if len(odd := self.labels[(self.labels < 0) | (self.labels >= classes)]):
            raise DataError(
                f"{self.source} has the label {odd[0]}; data.classes={classes} means labels from "
                f"0 to {classes - 1}"
            )


def load_training_images(config: DataConfig) -> ImageSet:
    """Load the images that the settings name.

    Raises:
        DataError: the file is missing, damaged, of another kind, or has fewer than `limit` images.
    """
    if config.path is None:
        _check_bundled()
        data = read_npz(BUNDLED_MNIST, "train")
        data = ImageSet(data.images, data.labels, "MNIST", "mnist")
    else:
        data = read_images(Path(config.path))
        if data.digest() == MNIST_IMAGES_SHA256:
            data = dataclasses.replace(data, dataset="mnist")
    if config.limit is None:
        return data
    if config.limit > len(data.images):
        raise DataError(
            f"data.limit={config.limit} is more than the {len(data.images)} images of {data.source}"
        )
    labels = None if data.labels is None else data.labels[: config.limit]
    return dataclasses.replace(data, images=data.images[: config.limit], labels=labels)


def load_held_out_images(config: DataConfig) -> ImageSet | None:
    """Load the test split that belongs to the training images, or None if there is none.

    Raises:
        DataError: it is there and is damaged or of another kind.
    """
    try:
        return read_images(Path(config.path) if config.path else BUNDLED_MNIST, "test")
    except NoSplitError:
        return None


def read_images(path: Path, split: str = "train") -> ImageSet:
    """Read the images of an `mnist.npz` or of a folder of IDX files.

    Args:
        path: the file or folder.
        split: "train" or "test".

    Raises:
        NoSplitError: it has no such split.
        DataError: it is neither, or is damaged.
    """
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except OSError as error:  # A name that is too long, say.
        raise DataError(f"{path} cannot be looked at ({error.strerror})") from None
    if is_folder:
        return _read_idx_folder(path, split)
    if not exists:
        raise DataError(
            f"{path} is not there; data.path names an mnist.npz or a folder of IDX files"
        )
    if not path.is_file() or not zipfile.is_zipfile(path):  # Opening a pipe would wait.
        raise DataError(
            f"{path} is not an .npz archive; data.path takes one or a folder of IDX files"
        )
    return read_npz(path, split)


def read_npz(path: Path, split: str) -> ImageSet:
    """Read `x_<split>` and, where present, `y_<split>` of an archive with Keras's keys.

    Raises:
        NoSplitError: it has no `x_<split>`.
        DataError: it is no such archive, is damaged, or its arrays are not images and labels.
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
    except Exception as error:  # A spoiled header makes numpy and zipfile raise nearly anything.
        raise DataError(f"{path} cannot be read as .npz ({error}); get it again") from error
    return _image_set(images, labels, str(path))


def _read_idx_folder(folder: Path, split: str) -> ImageSet:
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _find_idx(folder, f"{prefix}-images-idx3-ubyte")
    if images is None:
        raise NoSplitError(
            f"{folder} has no {prefix}-images-idx3-ubyte or {prefix}-images-idx3-ubyte.gz"
        )
    labels = _find_idx(folder, f"{prefix}-labels-idx1-ubyte")
    return _image_set(read_idx(images), read_idx(labels) if labels else None, str(folder))


def _find_idx(folder: Path, name: str) -> Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def _image_set(images: np.ndarray, labels: np.ndarray | None, source: str) -> ImageSet:
    """Check shapes and types, and add the channel axis if it is missing."""
    shape = images.shape
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.dtype != np.uint8 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 1):
        raise DataError(
            f"{source}: images must be uint8 [N, 28, 28], found {images.dtype} {list(shape)}"
        )
    if not len(images):
        raise DataError(f"{source} holds no images")
    if labels is not None and labels.shape != (len(images),):
        raise DataError(f"{source}: {len(images)} images have labels of shape {labels.shape}")
    return ImageSet(images, labels, source)


def _check_bundled() -> None:
    """Refuse a damaged copy of the bundled MNIST."""
    try:
        digest = hashlib.sha256(BUNDLED_MNIST.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"the bundled {BUNDLED_MNIST} cannot be read ({error}); reinstall"
        ) from None
    if digest != BUNDLED_MNIST_SHA256:
        raise DataError(f"the bundled {BUNDLED_MNIST} is damaged; reinstall dcgan-cli")
