"""Files that are either whole or not there: written aside, flushed, then renamed into place."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its place when the block ends well.

    A reader sees the old file or the new one, never a part, also after a crash or a power cut.
    When the block raises, the temporary file is removed and `path` is left as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            flush_to_disk(stream)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush_to_disk(stream: IO[bytes]) -> None:
    """Return once what was written to `stream` is on the disk, not only in the system's cache."""
    stream.flush()
    os.fsync(stream.fileno())


def flush_folder(folder: Path) -> None:
    """Return once names created, renamed or removed in `folder` are on the disk."""
    if os.name == "nt":  # Windows cannot open a folder, and needs no flush for a rename.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace `path` with `value` as indented JSON."""
    with replacing(path) as stream:
        stream.write(json.dumps(value, indent=2).encode() + b"\n")
