"""Decoded images on disk, so that a folder is decoded once and need not fit into memory.

An entry is a folder with `images.npy` (uint8 [N, S, S, C], memory-mapped when read) and
`entry.json`. It is made under a temporary name and renamed, so that an entry is whole or not there,
whoever else makes the same one at the same time. Entries can be deleted at any time.
"""

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from dcgan_cli.core.disk_errors import REMEDIES
from dcgan_cli.core.fitting import Form
from dcgan_cli.core.image_files import Listing
from dcgan_cli.core.image_reading import ReadImage
from dcgan_cli.core.storage import (
    entries,
    flush_to_disk,
    is_temporary,
    read_json,
    remove,
    temporary_beside,
    write_json,
)
from dcgan_cli.errors import StorageError

VERSION = 2
"""To be raised when the same file becomes other pixels, or an entry says more."""
MAX_ENTRY_BYTES = 2**28
"""The longest `entry.json`, with a label and perhaps a problem for each of millions of images."""
CACHE_REMEDIES = {
    errno.ENOENT: "make its folder",
    errno.EEXIST: "move that file away",
    errno.ENOTDIR: "move that file away",
}
ABANDONED_SECONDS = 24 * 3600
PART_BYTES = 2**24

Watch = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Passes items on, given their number and what is done to them, and shows how far they are."""

Read = Callable[[Listing, Form], Iterator[ReadImage]]


@dataclass(frozen=True)
class Decoded:
    """The images of a folder or of other files."""

    images: np.ndarray
    """uint8 [N, S, S, C], a read-only memory map."""
    sha256: str
    """Of their pixels."""
    labels: np.ndarray | None
    """int64 [N], the class of each, if the files say so of all."""
    problems: dict[str, str]
    """By file name: why an image is not among them."""


def unwatched(items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
    """Show nothing; see `Watch`."""
    return items


def cache_folder() -> Path:
    """Return where decoded images are kept.

    `DCGAN_CACHE` if it is set, else `dcgan` in `XDG_CACHE_HOME`, which is `~/.cache` by default.

    Raises:
        StorageError: there is no home folder.
    """
    if own := os.environ.get("DCGAN_CACHE"):
        return Path(own).expanduser().absolute()
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(home).expanduser().absolute() / "dcgan"
    except RuntimeError:
        raise StorageError(
            "there is no home folder for the cache; set DCGAN_CACHE to a folder"
        ) from None


def decoded_images(
    listing: Listing, form: Form, read: Read, count: int, watch: Watch = unwatched
) -> Decoded:
    """Return the images in files, from the cache or decoded into it.

    Unreadable ones are left out and named; whether that is good enough is for the caller to say.

    Args:
        listing: the files.
        form: what images are brought to.
        read: decodes them all.
        count: how many there are.
        watch: is shown how far it is.

    Raises:
        DataError: a file changes or goes meanwhile.
        StorageError: the cache cannot be written.
    """
    entry = cache_folder() / f"images-{_key(listing, form)[:32]}"
    try:
        found = _read(entry, form, watch)
        if found is None:
            _make(entry, form, watch(read(listing, form), count, "decoding"), watch)
            found = _read(entry, form, watch)
    except OSError as error:
        remedy = (REMEDIES | CACHE_REMEDIES).get(error.errno or 0, "allow it")
        raise StorageError(
            f"cannot write the cache {entry.parent}: {error.strerror or error}; {remedy}, or set "
            "DCGAN_CACHE to another folder"
        ) from error
    if found is None:
        raise StorageError(f"{entry} is not what was written just now; check the disk")
    return found


def _key(listing: Listing, form: Form) -> str:
    """Return what an entry hangs on: the files, what reads them, what they are turned into."""
    text = json.dumps([VERSION, PIL.__version__, asdict(form), listing.key()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _make(entry: Path, form: Form, images: Iterable[ReadImage], watch: Watch) -> None:
    """Decode into a temporary folder, and make that the entry.

    Raises:
        OSError: it cannot be written.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(entry.parent)
    with _temporary_folder(entry) as folder:
        write_json(folder / "entry.json", _write_images(folder / "images.npy", images, form))
        # What is there by now another process has made meanwhile, or it is damaged.
        if entry.exists() and _read(entry, form, watch) is None:
            remove(entry)
        try:
            folder.rename(entry)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _write_images(path: Path, images: Iterable[ReadImage], form: Form) -> dict[str, Any]:
    """Write pixels one after the other: on a full disk a memory map would end the process.

    Returns:
        What `entry.json` says.
    """
    digest, problems = hashlib.sha256(), {}
    labels: list[int | None] = []
    with path.open("xb") as stream:
        _write_header(stream, (0, *form.shape))
        for image in images:
            if image.pixels is None:
                problems[image.file.name] = image.problem
                continue
            pixels = image.pixels.tobytes()
            digest.update(pixels)
            stream.write(pixels)
            labels.append(image.label)
        stream.seek(0)
        # NumPy leaves room in it for a larger count.
        _write_header(stream, (len(labels), *form.shape))
        flush_to_disk(stream)
    return {
        "count": len(labels),
        "sha256": digest.hexdigest(),
        "labels": None if None in labels else labels,
        "problems": problems,
    }


def _write_header(stream: Any, shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)


def _read(entry: Path, form: Form, watch: Watch) -> Decoded | None:
    """Map an entry into memory, or return None if it is not there or is damaged."""
    try:
        stated = read_json(entry / "entry.json", MAX_ENTRY_BYTES)
        count, sha256, problems = (stated[name] for name in ("count", "sha256", "problems"))
        labels = None if stated["labels"] is None else np.array(stated["labels"], np.int64)
        if count == 0:
            return Decoded(np.zeros((0, *form.shape), np.uint8), str(sha256), None, dict(problems))
        images = np.load(entry / "images.npy", mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, EOFError):
        return None
    if images.dtype != np.uint8 or images.shape != (count, *form.shape):
        return None
    if labels is not None and labels.shape != (count,):
        return None
    pixels = images.reshape(-1)
    parts = range(0, len(pixels), PART_BYTES)
    digest = hashlib.sha256()
    for first in watch(parts, len(parts), "checking"):
        digest.update(pixels[first : first + PART_BYTES])
    if digest.hexdigest() != sha256:
        return None
    return Decoded(images, str(sha256), labels, dict(problems))


@contextmanager
def _temporary_folder(entry: Path) -> Iterator[Path]:
    folder = temporary_beside(entry)
    folder.mkdir()
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            remove(folder)  # Not there any more if it became the entry.


def _remove_abandoned(cache: Path) -> None:
    """Remove what processes that were killed have left behind."""
    for path in entries(cache):
        if is_temporary(path):
            with contextlib.suppress(OSError):
                written = max(found.stat().st_mtime for found in [path, *entries(path)])
                if time.time() - written > ABANDONED_SECONDS:
                    remove(path)
