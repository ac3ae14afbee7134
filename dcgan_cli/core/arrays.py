"""Arrays in `.npz` and `.npy` files, which are treated as untrusted."""

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
"""What NumPy reads, too."""
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class TooLargeError(ValueError):
    """An array has more bytes than are read."""


class PickledError(ValueError):
    """An array holds Python objects, which are not read."""


@dataclass(frozen=True)
class Header:
    """What an `.npy` states of its array."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype

    def __str__(self) -> str:
        """Return type and shape, such as "float32 [100, 28, 28]"."""
        return f"{self.dtype} {list(self.shape)}"

    def check(self, name: str, length: int) -> None:
        """Check that an array can be read.

        Args:
            name: of the array, for the message.
            length: bytes that there are for its values.

        Raises:
            PickledError: it holds Python objects.
            ValueError: its values take more bytes, or fewer.
        """
        if self.dtype.hasobject:
            raise PickledError(f"{name} holds pickled objects, which are not read")
        if min(self.shape, default=0) < 0 or math.prod(self.shape) * self.dtype.itemsize != length:
            raise ValueError(f"{name} holds more or less than it states")


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays of an `.npz`, each once."""
    return sorted({name.removesuffix(".npy") for name in archive.namelist()})


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read one array of an `.npz`, whole and checked.

    Memory is taken only for an array whose header and size agree. What is read has the archive's
    own checksum.

    Raises:
        TooLargeError: it is over 4 GiB.
        PickledError: it holds pickled objects.
        ValueError: it holds more or less than it states. A damaged archive raises other errors too.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > MAX_MEMBER_BYTES:
        raise TooLargeError(f"{name} unpacks to over 4 GiB")
    with archive.open(member) as stream:
        header = _read_header(stream)
        header.check(name, member.file_size - stream.tell())
        values = np.frombuffer(stream.read(), header.dtype)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def read_header(archive: zipfile.ZipFile, name: str) -> Header:
    """Read what one array of an `.npz` states of itself; a damaged one raises nearly anything."""
    with archive.open(f"{name}.npy") as stream:
        return _read_header(stream)


def map_npy(path: Path) -> np.ndarray:
    """Return the array of an `.npy` file as a read-only memory map.

    Raises:
        PickledError: it holds pickled objects.
        ValueError: it is damaged, or holds more or less than it states.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        header = _read_header(stream)
        offset = stream.tell()
        header.check("the array", path.stat().st_size - offset)
    if not math.prod(header.shape):  # Nothing can be mapped.
        return np.empty(header.shape, header.dtype)
    return np.memmap(
        path, header.dtype, "r", offset, header.shape, "F" if header.fortran_order else "C"
    )


def read_stored(path: Path) -> Arrays:
    """Read all arrays of an `.npz` as `np.savez` writes it, without compression.

    Raises:
        OSError: the file cannot be read.
        ValueError: it unpacks to more than it is long; see also `read_array`.
    """
    with reading(path) as stream, zipfile.ZipFile(stream) as archive:
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise ValueError("it unpacks to more than it is long")
        return {name: read_array(archive, name) for name in array_names(archive)}


def _read_header(stream: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the .npy format is not read")
    start = stream.tell()
    # NumPy would take memory for whatever length is stated before it compares.
    length = int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header states {length:,} bytes")
    stream.seek(start)
    return Header(*HEADERS[version](stream))
