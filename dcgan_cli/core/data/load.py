"""Training images: found, checked and brought to one shape.

Needs no TensorFlow but for TFRecord files and for downloads.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_cli.core.data.cache_folder import note_use
from dcgan_cli.core.data.image_cache import decoded_images
from dcgan_cli.core.data.image_set import ImageSet, NoSplitError, Watch, unwatched
from dcgan_cli.core.data.pictures.class_folders import as_written
from dcgan_cli.core.data.pictures.lazy_images import UndecodedImages
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.core.data.pictures.preprocessing import Form, fit_array
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.errors import ConfigError, DataError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import DataConfig
from dcgan_cli.text import counted

LEAVE_OUT = "remove them, or leave them out with data.skip_bad=true"
"""What to do about pictures that cannot be used, where there is no run yet that has used them."""
LEAST_SCORED = 6
"""Images from which all figures of a score can be made."""


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
    data = _read(config, "train", config.limit, watch)
    return note_empty_classes(data, data.class_names)


def _read(
    config: DataConfig, split: str, limit: int | None = None, watch: Watch = unwatched
) -> ImageSet:
    """Read a split from the source that the settings name, as many images as wanted.

    Raises:
        NoSplitError: it has no such split.
    """
    source = entry("data", config.name)
    if source.needs_path:
        if config.path is None:
            raise ConfigError(f"data={config.name} needs data.path={source.needs_path}")
        if config.name != "tfds":
            config = dataclasses.replace(config, path=str(as_written(Path(config.path))))
    found = source.build(config, split)
    if found is None:
        raise NoSplitError(f"data={config.name} has no split {split}")
    form = Form.of(config)
    if isinstance(found, Pictures):
        return _limited(_read_files(found, config, form, limit, watch), limit)
    if not isinstance(found, ImageSet):
        found = _as_image_set(found, f"data={config.name}")
    return _fit(_limited(found, limit), form)


def _as_image_set(found: Any, source: str) -> ImageSet:
    """Check what a registered source returned, and make a set of it.

    Raises:
        DataError: it is not images, or images and labels.
    """
    images, labels = found if isinstance(found, tuple) else (found, None)
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.dtype != np.uint8:
        raise DataError(
            f"{source} must return images as uint8 [N, H, W] or [N, H, W, 1 or 3], "
            f"got {images.dtype} {list(images.shape)}"
        )
    if not len(images):
        raise DataError(f"{source} returned no images")
    if labels is None:
        return ImageSet(images, None, source)
    labels = np.asarray(labels)
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise DataError(
            f"{source} must return labels as {len(images)} whole numbers from 0, "
            f"got {labels.dtype} {list(labels.shape)}"
        )
    return ImageSet(images, labels, source)


def _read_files(
    pictures: Pictures, config: DataConfig, form: Form, limit: int | None, watch: Watch
) -> ImageSet:
    """Read pictures that are in files of their own, or in TFRecord files, as many as wanted."""
    keep = config.cache or not pictures.can_seek
    found = decoded_images(pictures, form, limit=limit, keep=keep, watch=watch)
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
    try:
        return _read(config, "test")
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


def _fit(data: ImageSet, form: Form) -> ImageSet:
    """Bring the images of an array to a shape. In another one they are no known data set's."""
    if data.images.shape[1:] == form.shape:
        return data
    images = np.empty((len(data.images), *form.shape), np.uint8)
    for index, image in enumerate(np.asarray(data.images)):
        images[index] = fit_array(image, form)
    return dataclasses.replace(data, images=images, dataset=None)
