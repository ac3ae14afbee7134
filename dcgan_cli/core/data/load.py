"""Load the training and held-out images that the settings name.

Needs TensorFlow only for TFRecord files and for downloads. Only `fetch` downloads anything or runs
a data set's own code; call it for names that the user typed, never for those of a run folder.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_cli.core.data.cache_folder import mark_used
from dcgan_cli.core.data.image_cache import decoded_images
from dcgan_cli.core.data.image_set import ImageSet, NoSplitError, ProgressCallback, no_progress
from dcgan_cli.core.data.pictures.class_folders import as_written
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.core.data.pictures.preprocessing import Form, fit_array
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.core.plugin_errors import plugin_errors
from dcgan_cli.errors import ConfigError, DataError, UnusablePicturesError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import DataConfig
from dcgan_cli.text import counted

MIN_SCORED_IMAGES = 6
"""Minimum number of images from which all metrics can be computed."""


def fetch(config: DataConfig) -> None:
    """Download or prepare the data set that the settings name, if it is not on this machine.

    Raises:
        ConfigError: tensorflow-datasets is not installed.
        DataError: the data set cannot be downloaded.
    """
    if (fetch_source := entry("data", config.name).fetch) is not None:
        with plugin_errors(config):
            fetch_source(config)


def load_training_images(config: DataConfig, progress: ProgressCallback = no_progress) -> ImageSet:
    """Return the training images as uint8 [N, image_size, image_size, channels].

    Args:
        config: the data settings.
        progress: reports the progress of slow steps.

    Raises:
        ConfigError: `data.path` is required but not given.
        NotHereError: `fetch` must get them first.
        DataError: files are missing, damaged, of another kind, or fewer than `data.limit`.
        StorageError: the image cache is not writable.
    """
    data = _read(config, "train", config.limit, progress)
    return note_empty_classes(data, data.class_names)


def _read(
    config: DataConfig,
    split: str,
    limit: int | None = None,
    progress: ProgressCallback = no_progress,
) -> ImageSet:
    """Return up to `limit` images of a split, from the source that the settings name.

    Raises:
        NoSplitError: it has no such split.
    """
    source = entry("data", config.name)
    if source.needs_path:
        if config.path is None:
            raise ConfigError(f"data={config.name} needs data.path={source.needs_path}")
        if config.name != "tfds":
            config = dataclasses.replace(config, path=str(as_written(Path(config.path))))
    with plugin_errors(config):
        found = source.build(config, split)
    if found is None:
        raise NoSplitError(f"data={config.name} has no split {split}")
    form = Form.of(config)
    if isinstance(found, Pictures):
        return _limited(_read_files(found, config, form, limit, progress), limit)
    if not isinstance(found, ImageSet):
        found = _as_image_set(found, f"data={config.name}")
    return _fit(_limited(found, limit), form)


def _as_image_set(found: Any, source: str) -> ImageSet:
    """Return an image set made of the arrays that a registered source returned.

    Raises:
        DataError: it is not images, or images and labels.
    """
    if isinstance(found, tuple) and len(found) != 2:
        raise DataError(
            f"{source} must return images, or images and labels, got {len(found)} parts"
        )
    images, labels = found if isinstance(found, tuple) else (found, None)
    images = _as_array(images, f"{source} must return images")
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
    labels = _as_array(labels, f"{source} must return labels")
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise DataError(
            f"{source} must return labels as {len(images)} whole numbers from 0, "
            f"got {labels.dtype} {list(labels.shape)}"
        )
    return ImageSet(images, labels, source)


def _as_array(values: Any, expected: str) -> np.ndarray:
    """Return what a registered source returned as an array.

    Args:
        values: images or labels.
        expected: what must be returned, as the beginning of the message.

    Raises:
        DataError: the values do not make an array.
    """
    try:
        return np.asarray(values)
    except Exception as error:  # Such as lists of lists of different lengths.
        raise DataError(f"{expected} as one array, all of one size ({error})") from None


def _read_files(
    pictures: Pictures,
    config: DataConfig,
    form: Form,
    limit: int | None,
    progress: ProgressCallback,
) -> ImageSet:
    """Return up to `limit` pictures from a folder or from TFRecord files."""
    keep = config.cache or not pictures.can_seek
    found = decoded_images(pictures, form, limit=limit, keep=keep, progress=progress)
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
    try:
        return _read(config, "test")
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
