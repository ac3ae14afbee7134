"""Arrays in `.npz` archives, read with no more trust than a stranger's file deserves."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from dcgan_cli.core.storage import reading

Arrays = dict[str, np.ndarray]
MAX_MEMBER_BYTES = 2**32
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class TooLargeError(ValueError):
    """An array has more bytes than are read."""


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays of an `.npz`, each once."""
    return sorted({name.removesuffix(".npy") for name in archive.namelist()})


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read one array of an `.npz`, whole and checked.

    Memory is taken only for an array whose header and size agree. What is read has the archive's
    own checksum.

    Raises:
        TooLargeError: it is over 4 GiB.
        ValueError: it holds pickled objects, or more or less than it states. A damaged archive
            raises other errors too.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > MAX_MEMBER_BYTES:
        raise TooLargeError(f"{name} unpacks to over 4 GiB")
    with archive.open(member) as stream:
        shape, fortran_order, dtype = _read_header(stream)
        if dtype.hasobject:
            raise ValueError(f"{name}: Object arrays are pickled, and not read")
        if math.prod(shape) * dtype.itemsize + stream.tell() != member.file_size:
            raise ValueError(f"{name} holds more or less than it states")
        values = np.frombuffer(stream.read(), dtype)
    return values.reshape(shape, order="F" if fortran_order else "C")


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


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the .npy format is not read")
    shape, fortran_order, dtype = HEADERS[version](stream)
    return shape, fortran_order, dtype
