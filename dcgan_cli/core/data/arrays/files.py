"""Files that hold arrays: an `.npz`, an `.npy` or a folder of IDX files."""

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
    """A file or folder with arrays that have names."""

    def names(self) -> list[str]:
        """Return the names of all arrays."""

    def choose(self, split: str) -> SplitArrays:
        """Find the images of "train" or "test" and their labels.

        Raises:
            NoSplitError: there are none, or several and nothing decides.
            DataError: the file is damaged.
        """

    def header(self, name: str) -> Header:
        """Return the type and shape of an array."""

    def read(self, name: str) -> np.ndarray:
        """Read an array, in C or in Fortran order.

        Raises:
            DataError: it is damaged, too large, or holds pickled objects.
        """


class NpzFile:
    """An `.npz` archive.

    Args:
        path: the file.

    Raises:
        DataError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers: Mapping[str, Header] = {}
        """Of all arrays, by name."""
        try:
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if name.endswith(".npy")]
                names = sorted({name.removesuffix(".npy") for name in members})
                self.headers = {name: read_header(archive, name) for name in names}
        except Exception as error:  # Spoiled headers make numpy and zipfile raise nearly anything.
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
                f"right one as x_{split}"
            )
        raise NoSplitError(
            f"{self.path} has no images to {split} with; its arrays are "
            f"{first_names(found) or 'none'}; save images as x_{split}"
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
                f"{self.path}: {error}; save it as an .npy file, which may be larger"
            ) from None
        except PickledError as error:
            raise DataError(f"{self.path}: {error}; save one array of numbers") from None
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        return DataError(f"{self.path} cannot be read as .npz ({error}); get it again")


class NpyFile:
    """An `.npy` file, which is mapped into memory and holds training images without labels.

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
        except Exception as error:  # As of a spoiled archive.
            raise DataError(
                f"{self.path} cannot be read as .npy ({error}); get it again"
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
    """Open a file or folder of arrays.

    Raises:
        DataError: it is none, or is damaged.
    """
    if is_folder(path):
        return IdxFolder(path)
    if not path.exists():
        raise DataError(
            f"{path} is not there; data.path names an .npz, an .npy or a folder of IDX files"
        )
    if path.is_file():  # Opening a pipe would wait.
        if zipfile.is_zipfile(path):
            return NpzFile(path)
        if is_npy(path):
            return NpyFile(path)
    hint = f", such as {path.parent}" if is_idx_name(path.name) else ""
    raise DataError(
        f"{path} is not an .npz archive or an .npy file; data.path takes one, or a folder of IDX "
        f"files{hint}"
    )


def is_npy(path: Path) -> bool:
    """Whether a file begins as an `.npy` does.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(len(NPY_MAGIC)) == NPY_MAGIC
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
