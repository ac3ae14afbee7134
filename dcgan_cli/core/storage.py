"""Files on disk: writes are atomic, reads treat files as untrusted.

A file is written under a temporary name, flushed, then renamed. A run folder may be damaged or come
from somebody else, so reading follows no link, does not block on a pipe, and limits the memory.
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
"""Maximum size of a text file; the metrics of half a million epochs are smaller."""
MAX_JSON_BYTES = 4 * 2**20
"""Maximum size of a JSON file, which may take thirty times as much memory."""
# Not all systems have all of these flags.
READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

REMEDIES = {
    errno.EACCES: "change the permissions",
    errno.EPERM: "change the permissions",
    errno.EROFS: "change the permissions",
    errno.ENOSPC: "free space",
    errno.EDQUOT: "free space",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.ENOENT: "restore what was removed",
}
"""Remedies for disk errors, by errno."""


def temporary_beside(path: Path) -> Path:
    """Return an unused temporary path in the same folder, with the same ending as `path`."""
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")


def is_temporary(path: Path) -> bool:
    """Return whether `path` has a name from `temporary_beside`."""
    return TEMPORARY.fullmatch(path.name) is not None


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder with a name from `temporary_beside`, which is deleted at the end."""
    folder = temporary_beside(parent / "files")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path that atomically replaces `path` when the block ends without an error.

    It is in the same folder and has the same ending. Readers see the old or the new file, never a
    part, even after a crash or a power failure. If the block raises, the temporary file is removed
    and `path` is unchanged.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            flush_to_disk(stream)
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == str(temporary):  # Show users the name that they know.
            error.filename = str(path)
            del error.filename2  # If it were None, the message would include it.
        raise
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file for writing that replaces `path`; see `replacing_path`."""
    with replacing_path(path) as temporary, temporary.open("xb") as stream:
        yield stream


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder whose files move into `folder` when the block ends without an error.

    It is inside `folder`, which is created if missing. If the block raises, nothing is left.
    """
    is_new = not folder.exists()
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
        if is_new:
            for name in names:
                (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # The folder may contain other files by now.
                folder.rmdir()
        raise


def flush_to_disk(stream: IO[bytes]) -> None:
    """Flush `stream` and wait until its content is on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until files created, renamed or removed in `folder` are on the disk."""
    if os.name == "nt":  # Windows cannot open a folder and needs no flush after a rename.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (
            errno.EINVAL,
            errno.ENOTSUP,
        ):  # Some network disks do not support it.
            raise
    finally:
        os.close(descriptor)


@contextmanager
def reading(path: Path) -> Iterator[io.BufferedReader]:
    """Open an untrusted file for reading.

    Raises:
        OSError: the file is missing, or is a link, a pipe, a device or a folder.
    """
    descriptor = os.open(path, READING)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "not a regular file")
        yield stream


def read_text(path: Path, longest: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of an untrusted text file.

    Raises:
        OSError: see `reading`; or the file is longer than `longest` bytes.
    """
    with reading(path) as stream:
        text = stream.read(longest + 1)
    if len(text) > longest:
        raise OSError(None, f"longer than {longest} bytes")
    return text


def read_json(path: Path, longest: int = MAX_JSON_BYTES) -> Any:
    """Return the value in an untrusted JSON file.

    Raises:
        OSError: see `read_text`.
        ValueError, RecursionError: the file is not JSON, or an object has a duplicate key.
    """
    return json.loads(read_text(path, longest), object_pairs_hook=_object)


def write_json(path: Path, value: dict[str, Any], indent: int | None = 2) -> None:
    """Write `value` as JSON to `path`, atomically; on one line if `indent` is None."""
    with replacing(path) as stream:
        stream.write(json.dumps(value, indent=indent).encode() + b"\n")


def is_link(path: Path) -> bool:
    """Return whether `path` is a symbolic link or, on Windows, a junction."""
    return path.is_symlink() or (hasattr(path, "is_junction") and path.is_junction())


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with its content."""
    if path.is_dir() and not is_link(path):
        shutil.rmtree(path)
    else:
        path.unlink()


def entries(folder: Path) -> list[Path]:
    """Return the paths in a folder; [] if the folder does not exist."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return list(folder.iterdir())
    return []


def now() -> str:
    """Return the current UTC time as text that sorts by time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("duplicate key in an object")
    return values
