"""The pictures below a folder, in order of their names, each with its class."""

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
    """The pictures below a folder. Their classes are the folders that they are in.

    Args:
        listing: the files.
        all_pages: whether each page of a file is a picture of its own, which opens every file now.
    """

    can_seek = True

    def __init__(self, listing: Listing, *, all_pages: bool = False) -> None:
        self.listing = listing
        self._files: Sequence[ImageFile] = listing.images
        self._pages: Sequence[int | None] = []
        """Of each of the files, which page is meant, None for the only one; empty for firsts."""
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
        """Read files with several threads, and the pages of one after the other."""
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
    """Return a file and a page for each page of each file."""
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
    """List the pictures below a folder; see `FolderPictures`.

    Raises:
        DataError: it is no folder, may not be read, or holds no images.
    """
    if not is_folder(folder):
        what = "is not a folder; data=npz takes arrays" if folder.exists() else "is not there"
        raise DataError(f"{folder} {what}")
    listing = list_images(folder)
    if not listing.images:
        raise DataError(
            f"{folder} holds no images: no name in it ends in {', '.join(sorted(ENDINGS))}"
        )
    return FolderPictures(listing, all_pages=all_pages)
