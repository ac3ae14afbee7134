"""Image cache: create and expire entries.

An entry is a folder. It is created under a temporary name and renamed, so an entry is complete or
absent, even if several processes create the same one. Entries can be deleted at any time. Entries
unused for 30 days are deleted when another entry is created.
"""

import contextlib
import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dcgan_cli.core.storage import (
    REMEDIES,
    entries,
    is_temporary,
    remove,
    temporary_beside,
    temporary_folder,
)
from dcgan_cli.errors import StorageError

ENTRY_NAME = re.compile(r"(images|facts)-[0-9a-f]{32}")
ENTRY = "entry.json"
"""The file in an entry that describes its content. Its mtime is the time of the last use."""
CACHE_REMEDIES = {
    errno.ENOENT: "make its folder",
    errno.EEXIST: "move that file away",
    errno.ENOTDIR: "move that file away",
}
DAY_SECONDS = 24 * 3600
ABANDONED_SECONDS = DAY_SECONDS
"""Age at which a temporary folder is considered abandoned by a process that was killed."""
UNUSED_SECONDS = 30 * DAY_SECONDS


def cache_folder() -> Path:
    """Return the folder of the image cache.

    This is `DCGAN_CACHE` if set, otherwise `dcgan` in `XDG_CACHE_HOME`, by default `~/.cache`.

    Raises:
        StorageError: there is no home folder.
    """
    try:
        if own := os.environ.get("DCGAN_CACHE"):
            return Path(own).expanduser().absolute()
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return Path(home).expanduser().absolute() / "dcgan"
    except RuntimeError:
        raise StorageError(
            "there is no home folder for the cache; set DCGAN_CACHE to a folder"
        ) from None


@contextmanager
def cache_errors(cache: Path) -> Iterator[None]:
    """Turn an OSError from writing to the cache into a StorageError that names a remedy."""
    try:
        yield
    except OSError as error:
        remedy = (REMEDIES | CACHE_REMEDIES).get(error.errno or 0, "look at the disk")
        raise StorageError(
            f"cannot write the cache {cache}: {error.strerror or error}; {remedy}, or set "
            "DCGAN_CACHE to another folder"
        ) from error


def check_writable(cache: Path) -> None:
    """Create the cache folder if it is missing, and check that it is writable.

    Raises:
        OSError: it is not writable.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with temporary_folder(cache):
        pass


@contextmanager
def new_entry(entry: Path, is_whole: Callable[[], bool]) -> Iterator[Path]:
    """Yield a temporary folder that becomes `entry` when the block ends without an error.

    Args:
        entry: path of the entry.
        is_whole: checks an entry that another process has created meanwhile; a damaged one is
            replaced.

    Raises:
        OSError: the entry cannot be written.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    _remove_old(entry.parent)
    folder = temporary_beside(entry)
    folder.mkdir()
    try:
        yield folder
        # An entry that exists now was created meanwhile by another process, or is damaged.
        if entry.exists() and not is_whole():
            remove(entry)
        try:
            folder.rename(entry)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    finally:
        with contextlib.suppress(OSError):
            remove(folder)  # Missing if it became the entry.


def mark_used(entry: Path) -> None:
    """Set the time of an entry's last use to now, if it is writable."""
    with contextlib.suppress(OSError):
        os.utime(entry / ENTRY)


def _remove_old(cache: Path) -> None:
    """Delete entries unused for 30 days, and abandoned temporary folders."""
    for path in entries(cache):
        with contextlib.suppress(OSError):
            if is_temporary(path):
                written = max(found.stat().st_mtime for found in [path, *entries(path)])
                old = time.time() - written > ABANDONED_SECONDS
            elif ENTRY_NAME.fullmatch(path.name):  # Leave other files in the folder alone.
                stated = path / ENTRY  # Missing from an entry that was only partly removed.
                used = (stated if stated.exists() else path).stat().st_mtime
                old = time.time() - used > UNUSED_SECONDS
            else:
                old = False
            if old:
                remove(path)
