"""The folder where what was made from pictures is kept, and how an entry comes into it and goes.

An entry is a folder. It is made under a temporary name and renamed, so that an entry is whole or
not there, whoever else makes the same one at the same time. Entries can be deleted at any time;
those that nobody has used for a month are, when another one is made.
"""

import contextlib
import errno
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dcgan_cli.core.storage import REMEDIES, entries, is_temporary, remove, temporary_beside
from dcgan_cli.errors import StorageError

ENTRY_NAME = re.compile(r"(images|facts)-[0-9a-f]{32}")
ENTRY = "entry.json"
"""The file in an entry that says what it holds. Its time is when the entry was last used."""
CACHE_REMEDIES = {
    errno.ENOENT: "make its folder",
    errno.EEXIST: "move that file away",
    errno.ENOTDIR: "move that file away",
}
DAY_SECONDS = 24 * 3600
ABANDONED_SECONDS = DAY_SECONDS
"""After which a temporary folder is taken to be of a process that was killed."""
UNUSED_SECONDS = 30 * DAY_SECONDS


def cache_folder() -> Path:
    """Return where decoded images are kept.

    `DCGAN_CACHE` if it is set, else `dcgan` in `XDG_CACHE_HOME`, which is `~/.cache` by default.

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
    """Turn an OSError of writing into the cache into a StorageError with its remedy."""
    try:
        yield
    except OSError as error:
        remedy = (REMEDIES | CACHE_REMEDIES).get(error.errno or 0, "look at the disk")
        raise StorageError(
            f"cannot write the cache {cache}: {error.strerror or error}; {remedy}, or set "
            "DCGAN_CACHE to another folder"
        ) from error


def check_writable(cache: Path) -> None:
    """Make the cache if it is not there, and try whether an entry could be made in it.

    Raises:
        OSError: it could not.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache):
        pass


@contextmanager
def new_entry(entry: Path, is_whole: Callable[[], bool]) -> Iterator[Path]:
    """Yield a temporary folder that becomes `entry` when the block ends well.

    Args:
        entry: its path.
        is_whole: whether an entry that is there by then is one; a damaged one is replaced.

    Raises:
        OSError: it cannot be written.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    _remove_old(entry.parent)
    folder = temporary_beside(entry)
    folder.mkdir()
    try:
        yield folder
        # What is there by now another process has made meanwhile, or it is damaged.
        if entry.exists() and not is_whole():
            remove(entry)
        try:
            folder.rename(entry)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    finally:
        with contextlib.suppress(OSError):
            remove(folder)  # Not there any more if it became the entry.


def note_use(entry: Path) -> None:
    """Note that an entry is used now, if that may be written."""
    with contextlib.suppress(OSError):
        os.utime(entry / ENTRY)


def _remove_old(cache: Path) -> None:
    """Remove entries out of use, and what processes that were killed have left behind."""
    for path in entries(cache):
        with contextlib.suppress(OSError):
            if is_temporary(path):
                written = max(found.stat().st_mtime for found in [path, *entries(path)])
                old = time.time() - written > ABANDONED_SECONDS
            elif ENTRY_NAME.fullmatch(path.name):  # People may keep other things beside.
                stated = path / ENTRY  # Gone from one that was being removed.
                used = (stated if stated.exists() else path).stat().st_mtime
                old = time.time() - used > UNUSED_SECONDS
            else:
                old = False
            if old:
                remove(path)
