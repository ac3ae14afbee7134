"""The IDX file format of MNIST and similar data sets.

Format: http://yann.lecun.com/exdb/mnist (bottom of the page): two zero bytes, a type byte (8 is
uint8), the number of dimensions, each dimension as a big-endian 32-bit integer, then the values.
"""

import gzip
import hashlib
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from dcgan_cli.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UINT8 = 8
MAX_BYTES = 2**32
PART_BYTES = 2**20


def read_idx(path: Path, md5: str | None = None) -> np.ndarray:
    """Return the array of an IDX file, plain or gzip-compressed.

    Args:
        path: the file.
        md5: expected MD5 of the uncompressed file, or None to skip the check.

    Returns:
        uint8 array with the dimensions in the file's header.

    Raises:
        DataError: the file is missing, is not IDX of uint8, has the wrong length or the wrong MD5.
    """
    with _opened(path) as stream:
        head, shape = _read_head(stream, path)
        count = math.prod(shape)
        values = bytearray()
        # Reading one byte more than declared detects a longer file. Reading in parts allocates
        # memory for the bytes in the file, not for the number in its header.
        while part := stream.read(min(PART_BYTES, count + 1 - len(values))):
            values += part
    if len(values) != count:
        more = "more" if len(values) > count else "fewer"
        raise DataError(f"{path} has {more} bytes than the {count} in its header; get a new copy")
    if md5 and hashlib.md5(head + values, usedforsecurity=False).hexdigest() != md5:
        raise DataError(f"{path} is not the published file: its md5 is not {md5}")
    return np.frombuffer(values, np.uint8).reshape(shape)


def read_idx_shape(path: Path) -> tuple[int, ...]:
    """Return the dimensions in an IDX file's header.

    Raises:
        DataError: the file is missing or is not IDX of uint8.
    """
    with _opened(path) as stream:
        return _read_head(stream, path)[1]


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file and decompress it if it is gzip.

    Raises:
        DataError: the file is not readable, when it is opened or in the block.
    """
    if path.exists() and not path.is_file():  # Opening a pipe would block.
        raise DataError(f"{path} is not a file")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise DataError(f"{path} is not readable: no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); get a new copy") from None
    except OSError as error:
        raise DataError(f"{path} is not readable: {error.strerror or error}") from None


def _read_head(stream: IO[bytes] | gzip.GzipFile, path: Path) -> tuple[bytes, tuple[int, ...]]:
    """Return the header's bytes and the dimensions in it."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != UINT8 or not 1 <= start[3] <= 4:
        raise DataError(f"{path} is not an IDX file of bytes; expected the format of MNIST's files")
    sizes = stream.read(4 * start[3])
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if len(shape) != start[3] or not 0 < math.prod(shape) <= MAX_BYTES:
        raise DataError(f"{path} declares the shape {shape}, which is not valid; get a new copy")
    return start + sizes, shape
