"""Load the training and held-out images that the settings name.

Needs TensorFlow only for TFRecord files and for downloads.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.assets import ASSETS
from dcgan_cli.core.data.arrays.images import MNIST_SHAPE, read_images
from dcgan_cli.core.data.cache_folder import mark_used
from dcgan_cli.core.data.fashion_mnist import fashion_mnist_folder
from dcgan_cli.core.data.image_cache import decoded_images
from dcgan_cli.core.data.image_set import ImageSet, NoSplitError, ProgressCallback, no_progress
from dcgan_cli.core.data.pictures.class_folders import as_written
from dcgan_cli.core.data.pictures.folder import folder_pictures
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.core.data.pictures.preprocessing import Form, fit_array
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.core.data.tfds_files import tfds_files
from dcgan_cli.errors import ConfigError, DataError
from dcgan_cli.settings.schema import DataConfig
from dcgan_cli.text import counted

BUNDLED_MNIST = ASSETS / "mnist" / "mnist.npz"
BUNDLED_MNIST_SHA256 = "8e083283c91432a55ec214b424b750f347064b1c21bf79cd5a9a425e1c6c2048"
"""Digest of the file, as printed by scripts/make_mnist.py."""
MNIST_IMAGES_SHA256 = "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
"""Digest of the pixels of its 60,000 training images. Identifies other copies of MNIST too."""
MNIST_IMAGES_SHAPE = (60000, *MNIST_SHAPE)
FILES = {"image_folder": "FOLDER", "tfrecord": "'FOLDER/*.tfrecord'", "tfds": "NAME"}
"""Data kinds that are pictures in files, with an example of `data.path` for each."""
LEAVE_OUT = "remove them, or skip them with data.skip_bad=true"
"""Remedy for unusable pictures in a new run."""
MIN_SCORED_IMAGES = 6
"""Minimum number of images from which all metrics can be computed."""


def load_training_images(config: DataConfig, progress: ProgressCallback = no_progress) -> ImageSet:
    """Return the training images as uint8 [N, image_size, image_size, channels].

    Args:
        config: the data settings.
        progress: reports the progress of slow steps.

    Raises:
        ConfigError: `data.path` is required but not given.
        DataError: files are missing, damaged, of another kind, or fewer than `data.limit`.
        StorageError: the image cache is not writable.
    """
    form = Form.of(config)
    if config.name in FILES:
        data = _read_files(config, form, config.limit, progress)
        return note_empty_classes(_limited(data, config.limit), data.class_names)
    data = _read_arrays(config)
    return note_empty_classes(_fit(_limited(data, config.limit), form), data.class_names)


def _read_files(
    config: DataConfig,
    form: Form,
    limit: int | None = None,
    progress: ProgressCallback = no_progress,
    split: str = "train",
) -> ImageSet:
    """Return up to `limit` pictures from a folder or from TFRecord files."""
    pictures = _pictures(config, split)
    keep = config.cache or not pictures.can_seek
    found = decoded_images(pictures, form, limit=limit, keep=keep, progress=progress)
    bad = [f"{name} {problem}" for name, problem in found.problems.items()]
    of_all = f"{len(bad):,} of {counted(len(found.images) + len(bad), 'image')}"
    if bad and not config.skip_bad:
        raise DataError(f"{config.path}: {of_all} cannot be used: {first_names(bad)}; {LEAVE_OUT}")
    if not len(found.images):
        raise DataError(
            f"{config.path}: none of {counted(len(bad), 'image')} can be used: {first_names(bad)}"
        )
    notes = [*pictures.notes, *found.findings.notes(has_pages=config.name == "image_folder")]
    if bad:
        notes.append(f"skipped   {of_all}: {first_names(bad, 3)}")
    if others := pictures.listing.others:
        notes.append(f"skipped   {first_names(others, 3)}: not named like an image")

    def check_unchanged() -> None:
        pictures.listing.check_unchanged()
        if isinstance(found.images, LazyImages):
            found.images.check_read()
        mark_used(found.entry)

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
    """Return the pictures that the settings name."""
    if config.path is None:
        raise ConfigError(f"data={config.name} needs data.path={FILES[config.name]}")
    if config.name == "image_folder":
        return folder_pictures(as_written(Path(config.path)), all_pages=config.pages == "all")
    load_tensorflow()
    from dcgan_cli.core.data.records.tfrecords import RecordPictures

    if config.name == "tfrecord":
        return RecordPictures(config.path)
    if (files := tfds_files(config.path, split)) is None:
        raise NoSplitError(f"the data set {config.path} has no split {split}")
    return RecordPictures(files.pattern, files.class_names)


def _limited(data: ImageSet, limit: int | None) -> ImageSet:
    """Return the first `limit` images, or all."""
    if limit is None or limit == len(data.images):
        return data
    if limit > len(data.images):
        there = counted(len(data.images), "image")
        raise DataError(f"data.limit={limit} is more than the {there} in {data.source}")
    labels = None if data.labels is None else data.labels[:limit]
    images = np.asanyarray(data.images)[:limit]  # Keeps a memory map.
    return dataclasses.replace(data, images=images, labels=labels, sha256=None)


def note_empty_classes(data: ImageSet, names: Sequence[str]) -> ImageSet:
    """Return `data` with a note about classes without images.

    Args:
        data: the images.
        names: names of all classes, in order of their numbers.
    """
    if data.labels is None:
        return data
    there = set(np.unique(data.labels).tolist())
    empty = [name for number, name in enumerate(names) if number not in there]
    if not empty:
        return data
    quoted = [f'"{name}"' for name in empty]
    note = f"classes   no images of class {first_names(quoted, 3)} among the {len(data.images):,}"
    return dataclasses.replace(data, notes=(*data.notes, note))


def load_held_out_images(config: DataConfig) -> ImageSet | None:
    """Return the test split of the training data, or None if it has none.

    Raises:
        DataError: the test split is damaged or of another kind.
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
    """Check that there are enough training and held-out images for scores.

    Raises:
        DataError: there are too few training or held-out images.
    """
    if min(training, held_out) < MIN_SCORED_IMAGES:
        raise DataError(
            f"too few images for scores: found {training} to train on and {held_out} held out, "
            f"need {MIN_SCORED_IMAGES} of each; add images, or give evaluate_every=0"
        )


def _read_arrays(config: DataConfig, split: str = "train") -> ImageSet:
    """Return a split of the data set that the settings name, in its original shape."""
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
    """Return the images resized and converted to `form`.

    A resized data set is no longer a known one: bundled classifiers do not fit it.
    """
    if data.images.shape[1:] == form.shape:
        return data
    images = np.empty((len(data.images), *form.shape), np.uint8)
    for index, image in enumerate(np.asarray(data.images)):
        images[index] = fit_array(image, form)
    return dataclasses.replace(data, images=images, dataset=None)


def _check_bundled() -> None:
    """Check the sha256 of the bundled MNIST.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        digest = hashlib.sha256(BUNDLED_MNIST.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"the bundled {BUNDLED_MNIST} is not readable ({error}); reinstall dcgan-cli"
        ) from None
    if digest != BUNDLED_MNIST_SHA256:
        raise DataError(f"the bundled {BUNDLED_MNIST} is damaged; reinstall dcgan-cli")
