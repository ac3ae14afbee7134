"""TFRecord files that were written with compression: GZIP or ZLIB, as TensorFlow calls them."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dcgan_cli.core.data.records.shards import HEAD_BYTES, TAIL_BYTES
from dcgan_cli.errors import DataError

GZIP_MAGIC = b"\x1f\x8b\x08"
ZLIB_MAGIC = b"\x78"
PART_BYTES = 2**20
MAX_RECORD_BYTES = 2**28
"""A longer record is no picture's; a few compressed bytes may state any length."""


def compression(path: Path) -> str:
    """Return how a file is compressed by its content: GZIP, ZLIB, or empty for neither.

    A file of records that is not compressed may begin like either, so this is for files that turned
    out not to be one.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(3)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    if head == GZIP_MAGIC:
        return "GZIP"
    is_zlib = head[:1] == ZLIB_MAGIC and int.from_bytes(head[:2], "big") % 31 == 0
    return "ZLIB" if is_zlib else ""


def count_records(path: Path) -> int:
    """Count the records of a compressed file, of which no more than a part is in memory.

    Raises:
        DataError: it is damaged or cut off, or does not hold records.
    """
    count = waiting = 0
    held = b""
    try:
        with path.open("rb") as stream:
            for part in _unpacked(stream):
                at = 0
                while at < len(part):
                    if waiting:  # Bytes that are left of the record that was begun.
                        passed = min(waiting, len(part) - at)
                        at, waiting = at + passed, waiting - passed
                        continue
                    taken = part[at : at + HEAD_BYTES - len(held)]
                    at, held = at + len(taken), held + taken
                    if len(held) == HEAD_BYTES:
                        length = int.from_bytes(held[:8], "little")
                        if not 0 < length <= MAX_RECORD_BYTES:
                            raise ValueError("what it holds is no TFRecord file")
                        count, waiting, held = count + 1, length + TAIL_BYTES, b""
            if waiting or held or not count:
                raise EOFError("its last record is cut off")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path} is compressed and cannot be read ({reason}); get it again"
        ) from None
    return count


def _unpacked(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of a file that is one or more gzip or zlib streams, in small parts.

    Raises:
        EOFError: it is cut off.
        zlib.error: it is damaged.
    """
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    while packed := inflate.unconsumed_tail or stream.read(PART_BYTES):
        yield inflate.decompress(packed, PART_BYTES)
        while inflate.eof and (packed := inflate.unused_data or stream.read(PART_BYTES)):
            inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield inflate.decompress(packed, PART_BYTES)
    if not inflate.eof:
        raise EOFError("it is cut off")
