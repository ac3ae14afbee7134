"""Files on disk. Written ones are whole or not there; read ones are taken for a stranger's.

A file is written aside, flushed, then renamed into place. What a run folder holds may have been
damaged, or made by somebody else: reading one follows no link, waits for no pipe, and takes no more
memory than was meant for it.
"""

import contextlib
import errno
import io
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp(\.\w+)?")
MAX_TEXT_BYTES = 64 * 2**20
"""The longest text file that is read; half a million epochs of metrics are shorter."""
MAX_JSON_BYTES = 4 * 2**20
"""The longest JSON that is read: in memory it may take thirty times as much."""
# Not every system has all of these.
READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

REMEDIES = {
    errno.EACCES: "allow it",
    errno.EPERM: "allow it",
    errno.EROFS: "allow it",
    errno.ENOSPC: "free space",
    errno.EDQUOT: "free space",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.ENOENT: "put back what is gone",
}
"""What to do about an error of the disk, by its number."""


def temporary_beside(path: Path) -> Path:
    """Return a name beside `path`, with its ending, that nothing has and `is_temporary` knows."""
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")


def is_temporary(path: Path) -> bool:
    """Whether `path` has a name that `temporary_beside` gives."""
    return TEMPORARY.fullmatch(path.name) is not None


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file that takes the place of `path` when the block ends well.

    It lies beside `path` and has its ending. A reader sees the old file or the new one, never a
    part, also after a crash or a power cut. When the block raises, the temporary file is removed
    and `path` is left as it was.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            flush_to_disk(stream)
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):  # People know the file by its own name.
            error.filename = str(path)
            del error.filename2  # Were it None, the message would name that too.
        raise
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` when the block ends well; see above."""
    with replacing_path(path) as temporary, temporary.open("xb") as stream:
        yield stream


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder whose files are moved into `folder` when the block ends well.

    It lies in `folder`, which is made if it is not there. When the block raises, nothing is left.
    """
    made = not folder.exists()
    names: list[str] = []
    temporary = temporary_beside(folder / "files")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        names = [path.name for path in entries(temporary)]
        for name in names:
            os.replace(temporary / name, folder / name)
        temporary.rmdir()
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if made:
            for name in names:
                (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # Something else is in it by now.
                folder.rmdir()
        raise


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
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # Some network disks cannot do it.
            raise
    finally:
        os.close(descriptor)


@contextmanager
def reading(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file that may be a stranger's.

    Raises:
        OSError: it is missing, or is a link, a pipe, a device or a folder.
    """
    descriptor = os.open(path, READING)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "not a regular file")
        yield stream


def read_text(path: Path, longest: int = MAX_TEXT_BYTES) -> bytes:
    """Read a text file that may be a stranger's.

    Raises:
        OSError: see `reading`; or it has more bytes than `longest`.
    """
    with reading(path) as stream:
        text = stream.read(longest + 1)
    if len(text) > longest:
        raise OSError(None, f"longer than {longest} bytes")
    return text


def read_json(path: Path, longest: int = MAX_JSON_BYTES) -> Any:
    """Read a JSON file that may be a stranger's.

    Raises:
        OSError: see `read_text`.
        ValueError, RecursionError: it is not JSON, or has an object with the same key twice.
    """
    return json.loads(read_text(path, longest), object_pairs_hook=_object)


def write_json(path: Path, value: dict[str, Any], indent: int | None = 2) -> None:
    """Replace `path` with `value` as JSON, on one line if `indent` is None."""
    with replacing(path) as stream:
        stream.write(json.dumps(value, indent=indent).encode() + b"\n")


def is_link(path: Path) -> bool:
    """Whether `path` leads elsewhere: a symbolic link or, on Windows, a junction."""
    return path.is_symlink() or (hasattr(path, "is_junction") and path.is_junction())


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it."""
    if path.is_dir() and not is_link(path):
        shutil.rmtree(path)
    else:
        path.unlink()


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder; nothing if there is none."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return list(folder.iterdir())
    return []


def now() -> str:
    """Return the time as records state it, in UTC, so that later ones sort behind earlier ones."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return made
