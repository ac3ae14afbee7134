"""Read the pictures below a folder, sorted by name, each with its class."""

import dataclasses
import itertools
import warnings
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from dcgan_cli.core.data.pictures.class_folders import class_folders
from dcgan_cli.core.data.pictures.decoding import ReadImage
from dcgan_cli.core.data.pictures.listing import ENDINGS, ImageFile, Listing, is_folder, list_images
from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.core.data.pictures.reading import (
    WORKERS,
    find_pages,
    in_threads,
    read_file,
    read_pages,
)
from dcgan_cli.errors import DataError


class FolderPictures:
    """The pictures below a folder. Each subfolder is a class.

    Args:
        listing: the files.
        all_pages: whether each page of a file is a picture; if so, this opens all files.
    """

    can_seek = True

    def __init__(self, listing: Listing, *, all_pages: bool = False) -> None:
        self.listing = listing
        self._files: Sequence[ImageFile] = listing.images
        self._pages: Sequence[int | None] = []
        """The page of each entry in `_files`, None for a single page; empty for first pages."""
        if all_pages:
            self._files, self._pages = _each_page(listing)
        self._classes = class_folders(listing.folder, [file.name for file in self._files])

    @property
    def class_names(self) -> Sequence[str]:
        """See `Pictures`."""
        return self._classes.names

    @property
    def notes(self) -> Sequence[str]:
        """See `Pictures`."""
        return [f"split     {self._classes.problem}"] if self._classes.is_split else []

    @property
    def no_classes(self) -> str:
        """See `Pictures`."""
        return self._classes.problem

    def key(self) -> str:
        """See `Pictures`."""
        return self.listing.key() + ("-pages" if self._pages else "")

    def __len__(self) -> int:
        """See `Pictures`."""
        return len(self._files)

    def read_all(self, form: Form) -> Generator[ReadImage]:
        """See `Pictures`."""
        labels = self._classes.labels or itertools.repeat(None)
        with closing(self._read_in_order(form)) as images:
            for image, label in zip(images, labels, strict=False):
                yield dataclasses.replace(image, label=label)

    def read(self, place: int, form: Form) -> ReadImage:
        """See `Pictures`."""
        folder, file = self.listing.folder, self._files[place]
        page = self._pages[place] if self._pages else None
        if page is None:
            return read_file(folder, file, form)
        (image,) = read_pages(folder, file, [page], form)
        return image

    def _read_in_order(self, form: Form) -> Generator[ReadImage]:
        """Read single-page files in threads, and the pages of other files in sequence."""
        folder = self.listing.folder
        pages = self._pages or itertools.repeat(None)
        pairs = zip(self._files, pages, strict=False)
        for single, part in itertools.groupby(pairs, lambda pair: pair[1] is None):
            if single:
                files = (file for file, _ in part)
                yield from in_threads(lambda file: read_file(folder, file, form), files, form)
                continue
            for file, of_file in itertools.groupby(part, lambda pair: pair[0]):
                numbers = [page for _, page in of_file if page is not None]
                yield from read_pages(folder, file, numbers, form)


def _each_page(listing: Listing) -> tuple[list[ImageFile], list[int | None]]:
    """Return the file and the page number of each page of each file."""
    files: list[ImageFile] = []
    pages: list[int | None] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        warnings.simplefilter("ignore")
        found = pool.map(lambda file: find_pages(listing.folder, file), listing.images)
        for file, numbers in zip(listing.images, found, strict=True):
            files += [file] * len(numbers)
            pages += numbers if len(numbers) > 1 else [None]
    return files, pages


def folder_pictures(folder: Path, *, all_pages: bool = False) -> FolderPictures:
    """Return the pictures below a folder; see `FolderPictures`.

    Raises:
        DataError: the path is not a folder, is not readable, or contains no images.
    """
    if not is_folder(folder):
        if folder.exists():
            raise DataError(f"{folder} is not a folder; for arrays, give data=npz")
        raise DataError(f"{folder} is not readable: no such folder")
    listing = list_images(folder)
    if not listing.images:
        raise DataError(
            f"{folder} contains no images: no file name ends in {', '.join(sorted(ENDINGS))}"
        )
    return FolderPictures(listing, all_pages=all_pages)
