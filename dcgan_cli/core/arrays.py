"""Read untrusted `.npz` archives and `.npy` files."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from dcgan_cli.core.storage import reading

Arrays = dict[str, np.ndarray]
MAX_MEMBER_BYTES = 2**32
MAX_HEADER_BYTES = 10_000
"""NumPy's own limit."""
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class TooLargeError(ValueError):
    """An array is larger than the limit."""


class PickledError(ValueError):
    """An array contains Python objects, which would have to be unpickled."""


@dataclass(frozen=True)
class Header:
    """Shape, order and dtype in an `.npy` header."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype

    def __str__(self) -> str:
        """Return dtype and shape, such as "float32 [100, 28, 28]"."""
        return f"{self.dtype} {list(self.shape)}"

    def check(self, name: str, length: int) -> None:
        """Check that an array is safe to read.

        Args:
            name: name of the array, for the message.
            length: number of bytes after the header.

        Raises:
            PickledError: the array contains Python objects.
            ValueError: `length` does not match the dtype and shape.
        """
        if self.dtype.hasobject:
            raise PickledError(f"{name} contains pickled objects, which are not supported")
        if min(self.shape, default=0) < 0 or math.prod(self.shape) * self.dtype.itemsize != length:
            raise ValueError(f"the size of {name} does not match its header")


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays in an `.npz`, without duplicates."""
    return sorted({name.removesuffix(".npy") for name in archive.namelist()})


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return one array of an `.npz`, after checking its header, size and checksum.

    Allocates memory only if the header matches the size.

    Raises:
        TooLargeError: the array is larger than 4 GiB.
        PickledError: the array contains pickled objects.
        ValueError: its size does not match its header. A damaged archive raises other errors too.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > MAX_MEMBER_BYTES:
        raise TooLargeError(f"{name} is larger than 4 GiB")
    with archive.open(member) as stream:
        header = _read_header(stream)
        header.check(name, member.file_size - stream.tell())
        values = np.frombuffer(stream.read(), header.dtype)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def read_header(archive: zipfile.ZipFile, name: str) -> Header:
    """Return the header of one array of an `.npz`; a damaged archive may raise any exception."""
    with archive.open(f"{name}.npy") as stream:
        return _read_header(stream)


def map_npy(path: Path) -> np.ndarray:
    """Return the array of an `.npy` file as a read-only memory map.

    Raises:
        PickledError: the array contains pickled objects.
        ValueError: the file is damaged, or its size does not match its header.
        OSError: the file is not readable.
    """
    with path.open("rb") as stream:
        header = _read_header(stream)
        offset = stream.tell()
        header.check("the array", path.stat().st_size - offset)
    if not math.prod(header.shape):  # An empty file region cannot be mapped.
        return np.empty(header.shape, header.dtype)
    return np.memmap(
        path, header.dtype, "r", offset, header.shape, "F" if header.fortran_order else "C"
    )


def read_stored(path: Path) -> Arrays:
    """Return all arrays of an uncompressed `.npz`, as `np.savez` writes it.

    Raises:
        OSError: the file is not readable.
        ValueError: the arrays are larger than the file; see also `read_array`.
    """
    with reading(path) as stream, zipfile.ZipFile(stream) as archive:
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise ValueError("its arrays are larger than the file")
        return {name: read_array(archive, name) for name in array_names(archive)}


def _read_header(stream: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the .npy format is not supported")
    start = stream.tell()
    # NumPy would allocate any declared length before it checks the limit.
    length = int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header declares {length:,} bytes")
    stream.seek(start)
    return Header(*HEADERS[version](stream))
