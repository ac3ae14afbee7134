"""The IDX file format, in which MNIST and the data sets made after it are published.

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
    """Read one IDX file, plain or gzip.

    Args:
        path: the file.
        md5: what the unpacked file must hash to, or None to take it as it is.

    Returns:
        uint8 array with the dimensions that the file states.

    Raises:
        DataError: the file is missing, is not IDX of uint8, or its length is not what it states.
    """
    with _opened(path) as stream:
        head, shape = _read_head(stream, path)
        count = math.prod(shape)
        values = bytearray()
        # One byte more than stated tells a longer file from a whole one. A part at a time, so that
        # memory is taken for what is there and not for what is stated.
        while part := stream.read(min(PART_BYTES, count + 1 - len(values))):
            values += part
    if len(values) != count:
        more = "more" if len(values) > count else "fewer"
        raise DataError(f"{path} holds {more} than the {count} bytes it states; get it again")
    if md5 and hashlib.md5(head + values, usedforsecurity=False).hexdigest() != md5:
        raise DataError(f"{path} is not the published file: its md5 is not {md5}")
    return np.frombuffer(values, np.uint8).reshape(shape)


def read_idx_shape(path: Path) -> tuple[int, ...]:
    """Return the dimensions that an IDX file states.

    Raises:
        DataError: the file is missing or is not IDX of uint8.
    """
    with _opened(path) as stream:
        return _read_head(stream, path)[1]


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file, unpacking it if it is packed.

    Raises:
        DataError: it cannot be read, then or later.
    """
    if path.exists() and not path.is_file():  # Opening a pipe would wait.
        raise DataError(f"{path} is not a file")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise DataError(f"{path} is not there") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); get it again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _read_head(stream: IO[bytes] | gzip.GzipFile, path: Path) -> tuple[bytes, tuple[int, ...]]:
    """Read all that comes before the values, and return it with the dimensions in it."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != UINT8 or not 1 <= start[3] <= 4:
        raise DataError(f"{path} is not an IDX file of bytes; expected MNIST's own format")
    sizes = stream.read(4 * start[3])
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if len(shape) != start[3] or not 0 < math.prod(shape) <= MAX_BYTES:
        raise DataError(f"{path} states a size of {shape}, which cannot be right")
    return start + sizes, shape
