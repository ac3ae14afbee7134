"""Read arrays from an `.npz`, an `.npy` or a folder of IDX files."""

import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from dcgan_cli.core.arrays import (
    Header,
    PickledError,
    TooLargeError,
    map_npy,
    read_array,
    read_header,
)
from dcgan_cli.core.data.arrays.idx_folder import IdxFolder, is_idx_name
from dcgan_cli.core.data.arrays.names import SplitArrays, choose_arrays
from dcgan_cli.core.data.image_set import NoSplitError
from dcgan_cli.core.data.pictures.listing import first_names, is_folder
from dcgan_cli.errors import DataError

NPY_MAGIC = b"\x93NUMPY"


class ArrayFile(Protocol):
    """A file or folder with named arrays."""

    def names(self) -> list[str]:
        """Return the names of all arrays."""

    def choose(self, split: str) -> SplitArrays:
        """Return the names of the images and labels of the split "train" or "test".

        Raises:
            NoSplitError: no array, or more than one, may be the images.
            DataError: the file is damaged.
        """

    def header(self, name: str) -> Header:
        """Return the dtype and shape of an array."""

    def read(self, name: str) -> np.ndarray:
        """Return an array, in C or in Fortran order.

        Raises:
            DataError: it is damaged, too large, or contains pickled objects.
        """


class NpzFile:
    """An `.npz` archive.

    Args:
        path: the file.

    Raises:
        DataError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers: Mapping[str, Header] = {}
        """Headers of all arrays, by name."""
        try:
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if name.endswith(".npy")]
                names = sorted({name.removesuffix(".npy") for name in members})
                self.headers = {name: read_header(archive, name) for name in names}
        except Exception as error:  # NumPy and zipfile raise anything for a damaged header.
            raise self._damaged(error) from error

    def names(self) -> list[str]:
        """See `ArrayFile`."""
        return list(self.headers)

    def choose(self, split: str) -> SplitArrays:
        """See `ArrayFile`."""
        images, labels = choose_arrays(self.headers, split)
        if len(images) == 1:
            return SplitArrays(images[0], labels)
        found = [f"{name} {self.headers[name]}" for name in images or self.headers]
        if images:
            raise NoSplitError(
                f"{self.path}: several arrays may be the images ({first_names(found)}); save the "
                f"images as x_{split}"
            )
        raise NoSplitError(
            f"{self.path} has no {split} images; its arrays are {first_names(found) or 'none'}; "
            f"save the images as x_{split}"
        )

    def header(self, name: str) -> Header:
        """See `ArrayFile`."""
        return self.headers[name]

    def read(self, name: str) -> np.ndarray:
        """See `ArrayFile`."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return read_array(archive, name)
        except TooLargeError as error:
            raise DataError(
                f"{self.path}: {error}; save it as an .npy file, which has no size limit"
            ) from None
        except PickledError as error:
            raise DataError(f"{self.path}: {error}; save one array of numbers") from None
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"{self.path} is not a readable .npz ({error}); get a new copy")


class NpyFile:
    """An `.npy` file, memory-mapped, with training images and no labels.

    Args:
        path: the file.
    """

    NAME = "the array"

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _array(self) -> np.ndarray:
        try:
            return map_npy(self.path)
        except PickledError as error:
            raise DataError(f"{self.path}: {error}; save one array of numbers") from None
        except Exception as error:  # NumPy raises anything for a damaged header.
            raise DataError(
                f"{self.path} is not a readable .npy ({error}); get a new copy"
            ) from error

    def names(self) -> list[str]:
        """See `ArrayFile`."""
        return [self.NAME]

    def choose(self, split: str) -> SplitArrays:
        """See `ArrayFile`."""
        if split != "train":
            raise NoSplitError(f"{self.path} has no split {split}")
        return SplitArrays(self.NAME)

    def header(self, name: str) -> Header:
        """See `ArrayFile`."""
        return Header(self._array.shape, fortran_order=False, dtype=self._array.dtype)

    def read(self, name: str) -> np.ndarray:
        """See `ArrayFile`."""
        return self._array


def open_arrays(path: Path) -> ArrayFile:
    """Return the arrays in a file or folder.

    Raises:
        DataError: the path is missing, damaged, or of another kind.
    """
    if is_folder(path):
        return IdxFolder(path)
    if not path.exists():
        raise DataError(
            f"{path} is not readable: no such file; give data.path an .npz, an .npy or a folder of "
            "IDX files"
        )
    if path.is_file():  # Opening a pipe would block.
        if zipfile.is_zipfile(path):
            return NpzFile(path)
        if is_npy(path):
            return NpyFile(path)
    hint = f", such as {path.parent}" if is_idx_name(path.name) else ""
    raise DataError(
        f"{path} is not an .npz archive or an .npy file; give data.path one of these, or a folder "
        f"of IDX files{hint}"
    )


def is_npy(path: Path) -> bool:
    """Return whether a file starts like an `.npy`.

    Raises:
        DataError: the file is not readable.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(len(NPY_MAGIC)) == NPY_MAGIC
    except OSError as error:
        raise DataError(f"{path} is not readable: {error.strerror or error}") from None
