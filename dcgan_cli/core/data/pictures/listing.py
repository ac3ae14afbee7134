"""The image files below a folder: which there are, and whether they are still as they were."""

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
"""Names that end so are taken to be images; the rest is left alone."""
SYSTEM_NAMES = frozenset(
    {"@eadir", "#recycle", "#snapshot", "@recycle", "$recycle.bin", "system volume information"}
    | {"__macosx", "lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
)
"""Lower-case names that systems and NAS boxes put into folders; passed over without a word. Others
of theirs, such as `.DS_Store`, begin with a dot."""


@dataclass(frozen=True, order=True)
class ImageFile:
    """An image file as a folder lists it."""

    name: str
    """Path below the folder, with "/" between folders."""
    size: int
    """Length in bytes."""
    mtime_ns: int
    """When it was last written."""
    ctime_ns: int = field(default=0, compare=False)
    """When it or what is known of it, such as who may read it, was last changed. That alone does
    not make it another file."""


@dataclass(frozen=True)
class Listing:
    """What is below a folder."""

    folder: Path
    images: list[ImageFile]
    """In order of their names."""
    others: list[str]
    """Files whose names do not end like those of images."""
    again: Callable[[], "Listing"]
    """Lists what is there now."""

    def key(self) -> str:
        """Return a sha256 of where the folder is and of all names, sizes and times.

        Sizes and times of writing alone do not tell: those of two unpacked archives may be equal.
        """
        digest = hashlib.sha256(os.fsencode(os.path.realpath(self.folder)))
        for file in self.images:
            facts = f"\0{file.size}\0{file.mtime_ns}\0{file.ctime_ns}\0"
            digest.update(os.fsencode(file.name) + facts.encode())
        return digest.hexdigest()

    def check_unchanged(self) -> None:
        """Compare with what is there now.

        Raises:
            DataError: a file is new, gone or another one.
        """
        now = self.again().images
        if now == self.images:
            return
        before, after = ({file.name: file for file in files} for files in (self.images, now))
        for name in sorted(before.keys() | after.keys(), key=os.fsencode):
            if before.get(name) != after.get(name):
                what = "has gone" if name not in after else "has changed"
                what = what if name in before else "is new"
                raise DataError(
                    f"{self.folder / name} {what} since the folder was read; put the folder back "
                    "as it was and go on"
                )


def is_folder(path: Path) -> bool:
    """Whether a path is a folder.

    Raises:
        DataError: its name cannot be one.
    """
    try:
        return path.exists() and path.is_dir()
    except OSError as error:  # A name that is too long, say.
        raise DataError(f"{path} cannot be looked at ({error.strerror})") from None


def list_images(folder: Path) -> Listing:
    """List the files in a folder and in all folders below it.

    Links are followed, to each folder once. Names that begin with a dot, and `SYSTEM_NAMES`, are passed
    over. A folder below that may not be read is listed as if it were a picture, with "/" behind its
    name: as one that cannot be opened, when it comes to that.

    Raises:
        DataError: the folder may not be read, or the disk fails.
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
            # In order of name, so that of two links to a folder it is always the same that counts.
            entries = sorted(
                os.scandir(at), key=lambda entry: os.fsencode(entry.name), reverse=True
            )
        except OSError as error:
            if prefix and error.errno in (errno.EACCES, errno.EPERM):
                images.append(ImageFile(prefix, 0, 0))
                continue
            raise DataError(
                f"{at} cannot be read ({error.strerror}); allow it or move it"
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
    """Return the first names with commas between them, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that leads to itself, say.
        return False


def _stated(entry: "os.DirEntry[str]", name: str) -> ImageFile:
    try:
        found = entry.stat()
    except OSError:  # A link that leads nowhere; reading it will say so.
        return ImageFile(name, 0, 0)
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return ImageFile(name, size, found.st_mtime_ns, found.st_ctime_ns)
