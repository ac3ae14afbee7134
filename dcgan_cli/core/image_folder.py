"""Pictures in files, a folder of them or TFRecord shards, as a training set."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.fitting import Form
from dcgan_cli.core.image_cache import Read, Watch, decoded_images
from dcgan_cli.core.image_files import ENDINGS, Listing, class_names, first_names, list_images
from dcgan_cli.core.image_reading import ReadImage, read_all
from dcgan_cli.core.shards import count_records, list_shards
from dcgan_cli.errors import DataError


@dataclass(frozen=True)
class FileImages:
    """Pictures that were in files, brought to one form."""

    images: np.ndarray
    """uint8 [N, S, S, C], a read-only memory map, in order of their names."""
    labels: np.ndarray | None
    """int64 [N], the classes, where they are told."""
    sha256: str
    """Of the images."""
    class_names: tuple[str, ...]
    """What the classes are called, in order of their numbers, where that is known."""
    notes: tuple[str, ...]
    """What was left out."""
    listing: Listing


def read_image_folder(folder: Path, form: Form, *, skip_bad: bool, watch: Watch) -> FileImages:
    """Decode a folder of pictures, or take them from the cache.

    Raises:
        DataError: it holds no images, or files that cannot be read and `skip_bad` is not given.
        StorageError: the cache cannot be written.
    """
    listing = list_images(folder)
    if not listing.images:
        raise DataError(
            f"{folder} holds no images: no name in it ends in {', '.join(sorted(ENDINGS))}"
        )
    count = len(listing.images)
    found = _used(str(folder), listing, form, read_all, count, skip_bad=skip_bad, watch=watch)
    names = class_names(file.name for file in listing.images)
    return dataclasses.replace(found, class_names=tuple(names))


def read_shards(pattern: str, form: Form, *, skip_bad: bool, watch: Watch) -> FileImages:
    """Decode the pictures in TFRecord files, or take them from the cache.

    Raises:
        DataError: there are no such files, or damaged ones, or records that hold no image and
            `skip_bad` is not given.
        StorageError: the cache cannot be written.
    """
    listing = list_shards(pattern)
    count = sum(count_records(listing.folder / file.name) for file in listing.images)

    def read(listing: Listing, form: Form) -> Iterator[ReadImage]:
        load_tensorflow()
        from dcgan_cli.core.tfrecords import read_records

        return read_records(listing, form)

    return _used(pattern, listing, form, read, count, skip_bad=skip_bad, watch=watch)


def _used(
    source: str,
    listing: Listing,
    form: Form,
    read: Read,
    count: int,
    *,
    skip_bad: bool,
    watch: Watch,
) -> FileImages:
    """Decode images and say what becomes of those that cannot be."""
    decoded = decoded_images(listing, form, read, count, watch)
    bad = [f"{name} {problem}" for name, problem in decoded.problems.items()]
    if bad and not skip_bad:
        raise DataError(
            f"{source}: {len(bad):,} of {count:,} images cannot be used: "
            f"{first_names(bad)}; remove them, or leave them out with data.skip_bad=true"
        )
    if not len(decoded.images):
        raise DataError(f"{source}: none of {len(bad):,} images can be used: {first_names(bad)}")
    notes = []
    if bad:
        notes.append(f"left out  {len(bad):,} of {count:,} images: {first_names(bad, 3)}")
    if listing.others:
        notes.append(f"left out  {first_names(listing.others, 3)}: not called like an image")
    return FileImages(decoded.images, decoded.labels, decoded.sha256, (), tuple(notes), listing)
