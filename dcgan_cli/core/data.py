"""Training images: found, checked and brought to one shape. Needs no TensorFlow."""

import dataclasses
import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_cli.config import DataConfig
from dcgan_cli.core.arrays import array_names, read_array
from dcgan_cli.core.fashion_mnist import fashion_mnist_folder
from dcgan_cli.core.fitting import Form, fit_array
from dcgan_cli.core.idx import read_idx
from dcgan_cli.core.image_cache import Watch, unwatched
from dcgan_cli.core.image_folder import read_image_folder, read_shards
from dcgan_cli.core.tfds_files import tfds_files
from dcgan_cli.errors import ConfigError, DataError

BUNDLED_MNIST = Path(__file__).parent.parent / "assets" / "mnist" / "mnist.npz"
BUNDLED_MNIST_SHA256 = "8e083283c91432a55ec214b424b750f347064b1c21bf79cd5a9a425e1c6c2048"
"""Printed by scripts/make_mnist.py, which made the file."""
MNIST_IMAGES_SHA256 = "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
"""The digest of its 60,000 training images, by which a copy of one's own is known too."""
MNIST_SHAPE = (28, 28, 1)
FILES = {"image_folder": "FOLDER", "tfrecord": "'FOLDER/*.tfrecord'", "tfds": "NAME"}
"""The kinds of data that are pictures in files, and what `data.path` is for them."""


class NoSplitError(DataError):
    """The file or folder does not have the split that was asked for."""


def _nothing_to_check() -> None:
    """Do nothing: what is in memory does not change."""


@dataclass(frozen=True)
class ImageSet:
    """Images that a run trains on, or that `dcgan inspect` looks at."""

    images: np.ndarray
    """uint8 [N, H, W, C], 0 is black; a read-only memory map if they came from a folder."""
    labels: np.ndarray | None
    """uint8 [N], the class of each image, where known."""
    source: str
    """Where they came from, in words."""
    dataset: str | None = None
    """Which known data set they are of, such as "mnist"."""
    sha256: str | None = None
    """Their digest, where it is known already."""
    notes: tuple[str, ...] = ()
    """What whoever trains on them should know."""
    check_unchanged: Callable[[], None] = _nothing_to_check
    """Raises DataError if the files they came from are not what they were; cheap."""

    def digest(self, *, with_labels: bool = False) -> str:
        """Return the sha256 of the images, which tells one training set from another.

        Args:
            with_labels: whether labels that differ make another set.
        """
        digest = self.sha256 or hashlib.sha256(np.ascontiguousarray(self.images).data).hexdigest()
        if not with_labels or self.labels is None:
            return digest
        kind = np.uint8 if self.labels.max(initial=0) < 256 else np.int64  # However they are kept.
        return hashlib.sha256(digest.encode() + self.labels.astype(kind).tobytes()).hexdigest()

    def check_labels(self, classes: int) -> None:
        """Check that there are labels, and that they are whole numbers from 0 to classes - 1.

        Raises:
            DataError: there are none, or one is not.
        """
        if self.labels is None:
            raise DataError(
                f"model.conditional needs labels, and {self.source} has none; leave it out"
            )
        if self.labels.dtype.kind not in "iu":
            raise DataError(
                f"{self.source} has labels of type {self.labels.dtype}; model.conditional takes "
                "whole numbers"
            )
        if len(odd := self.labels[(self.labels < 0) | (self.labels >= classes)]):
            raise DataError(
                f"{self.source} has the label {odd[0]}; data.classes={classes} means labels from "
                f"0 to {classes - 1}"
            )


def load_training_images(config: DataConfig, watch: Watch = unwatched) -> ImageSet:
    """Load the images that the settings name, as [N, image_size, image_size, channels].

    Args:
        config: the settings.
        watch: is shown how far it is where that takes long.

    Raises:
        ConfigError: a path is needed and not given.
        DataError: files are missing, damaged, of another kind, or there are fewer than `limit`.
        StorageError: decoded images cannot be kept.
    """
    form = Form.of(config)
    if config.name in FILES:
        return _limited(_read_files(config, form, watch), config.limit)
    return _fit(_limited(_read_arrays(config), config.limit), form)


def _read_files(
    config: DataConfig, form: Form, watch: Watch = unwatched, split: str = "train"
) -> ImageSet:
    """Read pictures that are in files of their own, or in TFRecord files."""
    if config.path is None:
        raise ConfigError(f"data={config.name} needs data.path={FILES[config.name]}")
    if config.name == "tfrecord":
        found = read_shards(config.path, form, skip_bad=config.skip_bad, watch=watch)
    elif config.name == "tfds":
        if (pattern := tfds_files(config.path, split)) is None:
            raise NoSplitError(f"{config.path} of tensorflow-datasets has no split {split}")
        found = read_shards(pattern, form, skip_bad=config.skip_bad, watch=watch)
    else:
        folder = Path(config.path)
        if not _is_folder(folder):
            what = "is not a folder; data=npz takes arrays" if folder.exists() else "is not there"
            raise DataError(f"{folder} {what}")
        found = read_image_folder(folder, form, skip_bad=config.skip_bad, watch=watch)
    return ImageSet(
        found.images,
        found.labels,
        config.path,
        sha256=found.sha256,
        notes=found.notes,
        check_unchanged=found.listing.check_unchanged,
    )


def _limited(data: ImageSet, limit: int | None) -> ImageSet:
    """Return the first `limit` images, or all."""
    if limit is None or limit == len(data.images):
        return data
    if limit > len(data.images):
        raise DataError(
            f"data.limit={limit} is more than the {len(data.images)} images of {data.source}"
        )
    labels = None if data.labels is None else data.labels[:limit]
    return dataclasses.replace(data, images=data.images[:limit], labels=labels, sha256=None)


def load_held_out_images(config: DataConfig) -> ImageSet | None:
    """Load the test split that belongs to the training images, or None if there is none.

    Raises:
        DataError: it is there and is damaged or of another kind.
    """
    if config.name in ("image_folder", "tfrecord"):
        return None
    try:
        if config.name == "tfds":
            return _read_files(config, Form.of(config), split="test")
        return _fit(_read_arrays(config, "test"), Form.of(config))
    except NoSplitError:
        return None


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
    if _is_folder(path):
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


def _is_folder(path: Path) -> bool:
    try:
        return path.exists() and path.is_dir()
    except OSError as error:  # A name that is too long, say.
        raise DataError(f"{path} cannot be looked at ({error.strerror})") from None


def _read_arrays(config: DataConfig, split: str = "train") -> ImageSet:
    """Read a split of the data set that the settings name, in its own shape."""
    if config.path is not None:
        data = read_images(Path(config.path), split, any_shape=config.name == "npz")
        if split == "train" and data.digest() == MNIST_IMAGES_SHA256:
            data = dataclasses.replace(data, dataset="mnist")
        return data
    if config.name == "npz":
        raise ConfigError("data=npz needs data.path=FILE.npz, or a folder of IDX files")
    if config.name == "fashion_mnist":
        data = read_images(fashion_mnist_folder(), split)
        return dataclasses.replace(data, source="Fashion-MNIST", dataset="fashion_mnist")
    if split == "train":
        _check_bundled()
    data = read_images(BUNDLED_MNIST, split)
    return dataclasses.replace(data, source="MNIST", dataset="mnist")


def _fit(data: ImageSet, form: Form) -> ImageSet:
    """Bring the images of an array to a shape. In another one they are no known data set's."""
    if data.images.shape[1:] == form.shape:
        return data
    images = np.empty((len(data.images), *form.shape), np.uint8)
    for index, image in enumerate(data.images):
        images[index] = fit_array(image, form)
    return dataclasses.replace(data, images=images, dataset=None)


def read_npz(path: Path, split: str, *, any_shape: bool = False) -> ImageSet:
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
