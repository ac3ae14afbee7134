"""Training images: found, checked and brought to one shape.

Needs no TensorFlow but for TFRecord files and for downloads. Only `fetch` downloads and runs a data
set's own code: settings that a run folder holds may be a stranger's.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.assets import ASSETS
from dcgan_cli.core.data.arrays.images import MNIST_SHAPE, read_images
from dcgan_cli.core.data.cache_folder import note_use
from dcgan_cli.core.data.fashion_mnist import download_fashion_mnist, fashion_mnist_folder
from dcgan_cli.core.data.image_cache import decoded_images
from dcgan_cli.core.data.image_set import ImageSet, NoSplitError, Watch, unwatched
from dcgan_cli.core.data.pictures.class_folders import as_written
from dcgan_cli.core.data.pictures.folder import folder_pictures
from dcgan_cli.core.data.pictures.lazy_images import UndecodedImages
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.core.data.pictures.preprocessing import Form, fit_array
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.core.data.tfds_files import prepare, tfds_files
from dcgan_cli.errors import ConfigError, DataError, UnusablePicturesError
from dcgan_cli.settings.schema import DataConfig
from dcgan_cli.text import counted

BUNDLED_MNIST = ASSETS / "mnist" / "mnist.npz"
BUNDLED_MNIST_SHA256 = "8e083283c91432a55ec214b424b750f347064b1c21bf79cd5a9a425e1c6c2048"
"""Printed by scripts/make_mnist.py, which made the file."""
MNIST_IMAGES_SHA256 = "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
"""The digest of its 60,000 training images, by which a copy of one's own is known too."""
MNIST_IMAGES_SHAPE = (60000, *MNIST_SHAPE)
FILES = {"image_folder": "FOLDER", "tfrecord": "'FOLDER/*.tfrecord'", "tfds": "NAME"}
"""The kinds of data that are pictures in files, and what `data.path` is for them."""
LEAST_SCORED = 6
"""Images from which all figures of a score can be made."""


def fetch(config: DataConfig) -> None:
    """Download or prepare the data set that the settings name, if it has to be. For typed names.

    Raises:
        ConfigError: tensorflow-datasets is not installed.
        DataError: the data set cannot be had.
    """
    if config.name == "tfds" and config.path is not None:
        prepare(config.path)
    elif config.name == "fashion_mnist" and config.path is None:
        download_fashion_mnist()


def load_training_images(config: DataConfig, watch: Watch = unwatched) -> ImageSet:
    """Load the images that the settings name, as [N, image_size, image_size, channels].

    Args:
        config: the settings.
        watch: is shown how far it is where that takes long.

    Raises:
        ConfigError: a path is needed and not given.
        NotHereError: `fetch` would have to get them first.
        DataError: files are missing, damaged, of another kind, or there are fewer than `limit`.
        StorageError: decoded images cannot be kept.
    """
    form = Form.of(config)
    if config.name in FILES:
        data = _read_files(config, form, config.limit, watch)
        return note_empty_classes(_limited(data, config.limit), data.class_names)
    data = _read_arrays(config)
    return note_empty_classes(_fit(_limited(data, config.limit), form), data.class_names)


def _read_files(
    config: DataConfig,
    form: Form,
    limit: int | None = None,
    watch: Watch = unwatched,
    split: str = "train",
) -> ImageSet:
    """Read pictures that are in files of their own, or in TFRecord files, as many as wanted."""
    pictures = _pictures(config, split)
    keep = config.cache or not pictures.can_seek
    found = decoded_images(pictures, form, limit=limit, keep=keep, watch=watch)
    bad = [f"{name} {problem}" for name, problem in found.problems.items()]
    of_all = f"{len(bad):,} of {counted(len(found.images) + len(bad), 'image')}"
    if bad and not config.skip_bad:
        raise UnusablePicturesError(f"{config.path}: {of_all} cannot be used: {first_names(bad)}")
    if not len(found.images):
        raise DataError(
            f"{config.path}: none of {counted(len(bad), 'image')} can be used: {first_names(bad)}"
        )
    notes = [*pictures.notes, *found.findings.notes(has_pages=config.name == "image_folder")]
    if bad:
        notes.append(f"left out  {of_all}: {first_names(bad, 3)}")
    if others := pictures.listing.others:
        notes.append(f"left out  {first_names(others, 3)}: not called like an image")

    def check_unchanged() -> None:
        pictures.listing.check_unchanged()
        if isinstance(found.images, UndecodedImages):
            found.images.check_read()
        note_use(found.entry)

    return ImageSet(
        found.images,
        found.labels,
        str(config.path),
        sha256=found.sha256,
        class_names=tuple(pictures.class_names),
        no_classes=pictures.no_classes,
        notes=tuple(notes),
        check_unchanged=check_unchanged,
    )


def _pictures(config: DataConfig, split: str) -> Pictures:
    """List the pictures that the settings name."""
    if config.path is None:
        raise ConfigError(f"data={config.name} needs data.path={FILES[config.name]}")
    if config.name == "image_folder":
        return folder_pictures(as_written(Path(config.path)), all_pages=config.pages == "all")
    load_tensorflow()
    from dcgan_cli.core.data.records.tfrecords import RecordPictures

    if config.name == "tfrecord":
        return RecordPictures(config.path)
    if (files := tfds_files(config.path, split)) is None:
        raise NoSplitError(f"{config.path} of tensorflow-datasets has no split {split}")
    return RecordPictures(files.pattern, files.class_names)


def _limited(data: ImageSet, limit: int | None) -> ImageSet:
    """Return the first `limit` images, or all."""
    if limit is None or limit == len(data.images):
        return data
    if limit > len(data.images):
        there = counted(len(data.images), "image")
        raise DataError(f"data.limit={limit} is more than the {there} of {data.source}")
    labels = None if data.labels is None else data.labels[:limit]
    images = np.asanyarray(data.images)[:limit]  # A memory map stays one.
    return dataclasses.replace(data, images=images, labels=labels, sha256=None)


def note_empty_classes(data: ImageSet, names: Sequence[str]) -> ImageSet:
    """Add a note of the classes, given by their names in order, that have no image."""
    if data.labels is None:
        return data
    there = set(np.unique(data.labels).tolist())
    empty = [name for number, name in enumerate(names) if number not in there]
    if not empty:
        return data
    note = (
        f"classes   of {first_names(empty, 3)} there is none among the "
        f"{counted(len(data.images), 'image')}"
    )
    return dataclasses.replace(data, notes=(*data.notes, note))


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


def check_enough_to_score(training: int, held_out: int) -> None:
    """Check how many real images there are to compare with, and to make the floor.

    Raises:
        DataError: there are too few of one kind.
    """
    if min(training, held_out) < LEAST_SCORED:
        raise DataError(
            f"too few images to score by: {LEAST_SCORED} to train on and {LEAST_SCORED} held out "
            f"are needed, found {training} and {held_out}; add some, or train with evaluate_every=0"
        )


def _read_arrays(config: DataConfig, split: str = "train") -> ImageSet:
    """Read a split of the data set that the settings name, in its own shape."""
    classes = config.classes
    if config.path is not None:
        any_shape = config.name == "npz"
        data = read_images(Path(config.path), split, any_shape=any_shape, classes=classes)
        if data.images.shape == MNIST_IMAGES_SHAPE and data.digest() == MNIST_IMAGES_SHA256:
            data = dataclasses.replace(data, dataset="mnist")
        return data
    if config.name == "npz":
        raise ConfigError(
            "data=npz needs data.path=FILE.npz, an .npy file or a folder of IDX files"
        )
    if config.name == "fashion_mnist":
        data = read_images(fashion_mnist_folder(), split, classes=classes)
        return dataclasses.replace(data, source="Fashion-MNIST", dataset="fashion_mnist")
    if split == "train":
        _check_bundled()
    data = read_images(BUNDLED_MNIST, split, classes=classes)
    return dataclasses.replace(data, source="MNIST", dataset="mnist")


def _fit(data: ImageSet, form: Form) -> ImageSet:
    """Bring the images of an array to a shape. In another one they are no known data set's."""
    if data.images.shape[1:] == form.shape:
        return data
    images = np.empty((len(data.images), *form.shape), np.uint8)
    for index, image in enumerate(np.asarray(data.images)):
        images[index] = fit_array(image, form)
    return dataclasses.replace(data, images=images, dataset=None)


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
