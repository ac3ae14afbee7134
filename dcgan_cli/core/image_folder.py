"""A folder of pictures as a training set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_cli.core.fitting import Form
from dcgan_cli.core.image_cache import Watch, decoded_images
from dcgan_cli.core.image_files import ENDINGS, Listing, first_names, list_images
from dcgan_cli.errors import DataError

MAX_CLASSES = 256


@dataclass(frozen=True)
class FolderImages:
    """The pictures of a folder, brought to one form."""

    images: np.ndarray
    """uint8 [N, S, S, C], a read-only memory map, in order of their names."""
    labels: np.ndarray | None
    """uint8 [N], which folder each is in; see `class_labels`."""
    sha256: str
    """Of the images."""
    notes: tuple[str, ...]
    """What was left out."""
    listing: Listing


def read_image_folder(folder: Path, form: Form, *, skip_bad: bool, watch: Watch) -> FolderImages:
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
    decoded = decoded_images(listing, form, watch)
    bad = [f"{name} {problem}" for name, problem in decoded.problems.items()]
    if bad and not skip_bad:
        raise DataError(
            f"{folder}: {len(bad):,} of {len(listing.images):,} files cannot be used: "
            f"{first_names(bad)}; remove them, or leave them out with data.skip_bad=true"
        )
    if not len(decoded.images):
        raise DataError(f"{folder}: none of {len(bad):,} files can be used: {first_names(bad)}")
    notes = []
    if bad:
        count = f"{len(bad):,} of {len(listing.images):,} files"
        notes.append(f"left out  {count}: {first_names(bad, 3)}")
    if listing.others:
        notes.append(f"left out  {first_names(listing.others, 3)}: not called like an image")
    names = [file.name for file in listing.images if file.name not in decoded.problems]
    return FolderImages(decoded.images, class_labels(names), decoded.sha256, tuple(notes), listing)


def class_labels(names: Sequence[str]) -> np.ndarray | None:
    """Return the class of each file: the number, in order of name, of the folder that it is in.

    Args:
        names: paths below the folder of the data set, with "/" between folders.

    Returns:
        uint8 [N]; None if some file is in no folder, or all are in one, or there are over 256.
    """
    folders = [name.partition("/")[0] if "/" in name else "" for name in names]
    classes, labels = np.unique(folders, return_inverse=True)
    if "" in folders or not 2 <= len(classes) <= MAX_CLASSES:
        return None
    return labels.astype(np.uint8)
