"""Compressed TFRecord files: GZIP or ZLIB, in TensorFlow's terms."""

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
"""Maximum length of a record. Protects against a damaged length; no picture is longer."""


def compression(path: Path) -> str:
    """Return the compression of a file by its first bytes: GZIP, ZLIB, or "" for neither.

    An uncompressed TFRecord file may start with the same bytes, so call this only for files that
    are not uncompressed TFRecord files.

    Raises:
        DataError: the file is not readable.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(3)
    except OSError as error:
        raise DataError(f"{path} is not readable ({error.strerror})") from None
    if head == GZIP_MAGIC:
        return "GZIP"
    is_zlib = head[:1] == ZLIB_MAGIC and int.from_bytes(head[:2], "big") % 31 == 0
    return "ZLIB" if is_zlib else ""


def count_records(path: Path) -> int:
    """Return the number of records in a compressed file, reading it in parts.

    Raises:
        DataError: the file is damaged, truncated, or does not contain records.
    """
    count = waiting = 0
    held = b""
    try:
        with path.open("rb") as stream:
            for part in _unpacked(stream):
                at = 0
                while at < len(part):
                    if waiting:  # Remaining bytes of the current record.
                        passed = min(waiting, len(part) - at)
                        at, waiting = at + passed, waiting - passed
                        continue
                    taken = part[at : at + HEAD_BYTES - len(held)]
                    at, held = at + len(taken), held + taken
                    if len(held) == HEAD_BYTES:
                        length = int.from_bytes(held[:8], "little")
                        if not 0 < length <= MAX_RECORD_BYTES:
                            raise ValueError("its content is not TFRecord")
                        count, waiting, held = count + 1, length + TAIL_BYTES, b""
            if waiting or held or not count:
                raise EOFError("its last record is truncated")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path} is compressed and not readable ({reason}); get a new copy"
        ) from None
    return count


def _unpacked(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the decompressed content of a file of gzip or zlib streams, in small parts.

    Raises:
        EOFError: the file is truncated.
        zlib.error: the file is damaged.
    """
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    while packed := inflate.unconsumed_tail or stream.read(PART_BYTES):
        yield inflate.decompress(packed, PART_BYTES)
        while inflate.eof and (packed := inflate.unused_data or stream.read(PART_BYTES)):
            inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield inflate.decompress(packed, PART_BYTES)
    if not inflate.eof:
        raise EOFError("it is truncated")
