"""List the image files below a folder, and check that they are unchanged."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dcgan_cli.errors import DataError

ENDINGS = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".avif", ".heic", ".heif", ".jp2", ".j2k", ".pbm", ".pgm", ".ppm", ".pnm"}
)
"""File name endings of images; other files are ignored."""
SYSTEM_NAMES = frozenset(
    {"@eadir", "#recycle", "#snapshot", "@recycle", "$recycle.bin", "system volume information"}
    | {"__macosx", "lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
)
"""Lower-case names of files that operating systems and NAS devices create; ignored. Others, such as
`.DS_Store`, begin with a dot."""


@dataclass(frozen=True, order=True)
class ImageFile:
    """An image file in a listing."""

    name: str
    """Path relative to the folder, with "/" between folders."""
    size: int
    """Size in bytes."""
    mtime_ns: int
    """Time of the last write."""
    ctime_ns: int = field(default=0, compare=False)
    """Time of the last metadata change (ctime), which alone does not count as a change."""


@dataclass(frozen=True)
class Listing:
    """The files below a folder."""

    folder: Path
    images: list[ImageFile]
    """Image files, sorted by name."""
    others: list[str]
    """Names of other files."""
    again: Callable[[], "Listing"]
    """Returns a new listing of the same folder."""

    def key(self) -> str:
        """Return a sha256 of the folder's path and of all names, sizes, mtimes and ctimes.

        Sizes and mtimes are not enough: they may be equal in two unpacked archives.
        """
        digest = hashlib.sha256(os.fsencode(os.path.realpath(self.folder)))
        for file in self.images:
            facts = f"\0{file.size}\0{file.mtime_ns}\0{file.ctime_ns}\0"
            digest.update(os.fsencode(file.name) + facts.encode())
        return digest.hexdigest()

    def check_unchanged(self) -> None:
        """Check that the folder contains the same files.

        Raises:
            DataError: a file was added, removed or changed.
        """
        now = self.again().images
        if now == self.images:
            return
        before, after = ({file.name: file for file in files} for files in (self.images, now))
        for name in sorted(before.keys() | after.keys(), key=os.fsencode):
            if before.get(name) != after.get(name):
                what = "was removed" if name not in after else "has changed"
                what = what if name in before else "was added"
                raise DataError(
                    f"{self.folder / name} {what} since the folder was read; restore the folder "
                    "and resume"
                )


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder.

    Raises:
        DataError: the path is not valid.
    """
    try:
        return path.exists() and path.is_dir()
    except OSError as error:  # For example a name that is too long.
        raise DataError(f"{path} is not readable ({error.strerror})") from None


def list_images(folder: Path) -> Listing:
    """Return the files in a folder and in all folders below it.

    Follows links, to each folder once. Ignores names that begin with a dot, and `SYSTEM_NAMES`. A
    subfolder without read permission is listed like a picture, with "/" after its name; reading
    that picture then fails.

    Raises:
        DataError: the folder is not readable, or the disk fails.
    """
    images: list[ImageFile] = []
    others: list[str] = []
    waiting = [(folder, "")]
    seen: set[tuple[int, int]] = set()
    while waiting:
        at, prefix = waiting.pop()
        try:
            here = at.stat()
            if (here.st_dev, here.st_ino) in seen:
                continue
            seen.add((here.st_dev, here.st_ino))
            # Sorted by name, so that the first of two links to a folder is always the same.
            entries = sorted(
                os.scandir(at), key=lambda entry: os.fsencode(entry.name), reverse=True
            )
        except OSError as error:
            if prefix and error.errno in (errno.EACCES, errno.EPERM):
                images.append(ImageFile(prefix, 0, 0))
                continue
            raise DataError(
                f"{at} is not readable ({error.strerror}); change its permissions or move it"
            ) from None
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in SYSTEM_NAMES:
                continue
            name = prefix + entry.name
            if _is_folder(entry):
                waiting.append((Path(entry.path), name + "/"))
            elif Path(entry.name).suffix.lower() in ENDINGS:
                images.append(_stated(entry, name))
            else:
                others.append(name)
    images.sort(key=lambda file: os.fsencode(file.name))
    return Listing(folder, images, sorted(others, key=os.fsencode), lambda: list_images(folder))


def first_names(names: Iterable[str], count: int = 10) -> str:
    """Return the first `count` names, comma-separated, and the number of further names."""
    names = list(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # For example a link to itself.
        return False


def _stated(entry: "os.DirEntry[str]", name: str) -> ImageFile:
    try:
        found = entry.stat()
    except OSError:  # A broken link; reading it reports the problem.
        return ImageFile(name, 0, 0)
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return ImageFile(name, size, found.st_mtime_ns, found.st_ctime_ns)
