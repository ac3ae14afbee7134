"""Files that are either whole or not there: written aside, flushed, then renamed into place."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file that takes the place of `path` when the block ends well.

    It lies beside `path` and has its ending. A reader sees the old file or the new one, never a
    part, also after a crash or a power cut. When the block raises, the temporary file is removed
    and `path` is left as it was.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            flush_to_disk(stream)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` when the block ends well; see above."""
    with replacing_path(path) as temporary, temporary.open("wb") as stream:
        yield stream


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


def now() -> str:
    """Return the time as records state it, in UTC, so that later ones sort behind earlier ones."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
