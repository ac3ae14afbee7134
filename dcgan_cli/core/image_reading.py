"""Image files, each opened and decoded once, with what is wrong with those that cannot be."""

import dataclasses
import errno
import hashlib
import io
import itertools
import os
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from dcgan_cli.core.fitting import ORIENTATION, Form, fitted
from dcgan_cli.core.image_files import (
    ENDINGS,
    ImageFile,
    Listing,
    class_labels,
    class_names,
    is_folder,
    list_images,
)
from dcgan_cli.core.storage import reading
from dcgan_cli.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What Pillow may take a file for; some of its other readers start programs."""
MAX_PIXELS = 89_478_485
"""More is refused by what the header states, before memory is taken; where Pillow warns, too."""
MAX_FILE_BYTES = 2**30
PASSING = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT)
"""Errors that are not the file's own, and may be over the next time."""
BLOCK_BYTES = 2**26
"""Pixels that are decoded ahead of whoever takes them."""
BLOCK = 256
WORKERS = min(8, os.cpu_count() or 1)
"""Threads that decode."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class ReadImage:
    """What an image file turned out to be."""

    file: ImageFile
    pixels: np.ndarray | None = None
    """uint8 [S, S, C], or None for a file with a problem."""
    width: int = 0
    """As its header states it; 0 if it has none."""
    height: int = 0
    mode: str = ""
    """Pillow's name for its kind of pixels."""
    transparent: bool = False
    turned: bool = False
    """Whether its EXIF orientation turns it."""
    sha256: str = ""
    """Of the whole file; empty for one that cannot be opened."""
    label: int | None = None
    """Its class, where that is told."""
    problem: str | None = None
    """Why it cannot be used, as the end of a sentence that begins with its name."""


class Pictures(Protocol):
    """Pictures in files, in an order of their own."""

    @property
    def listing(self) -> Listing:
        """The files."""

    @property
    def class_names(self) -> Sequence[str]:
        """What their classes are called, in order of their numbers; empty if that is not known."""

    def __len__(self) -> int:
        """Return how many there are, with those that will turn out not to be any."""

    def read_all(self, form: Form) -> Generator[ReadImage]:
        """Read every one, several at a time, in their order.

        Raises:
            DataError: a file has gone or changed since it was listed, or is damaged as a whole.
        """

    def read(self, place: int, form: Form) -> ReadImage:
        """Read the one at a place in that order. Its class need not be told.

        Raises:
            DataError: see `read_all`.
        """


@dataclass(frozen=True)
class FolderPictures:
    """The pictures below a folder. Their classes are the folders that they are in."""

    listing: Listing

    @property
    def class_names(self) -> Sequence[str]:
        """See `Pictures`."""
        return class_names(file.name for file in self.listing.images)

    def __len__(self) -> int:
        """See `Pictures`."""
        return len(self.listing.images)

    def read_all(self, form: Form) -> Generator[ReadImage]:
        """See `Pictures`."""
        folder, files = self.listing.folder, self.listing.images
        labels = class_labels([file.name for file in files])
        with closing(in_threads(lambda file: _read(folder, file, form), files, form)) as images:
            for image, label in zip(images, labels or itertools.repeat(None), strict=False):
                yield dataclasses.replace(image, label=label)

    def read(self, place: int, form: Form) -> ReadImage:
        """See `Pictures`."""
        return _read(self.listing.folder, self.listing.images[place], form)


def folder_pictures(folder: Path) -> FolderPictures:
    """List the pictures below a folder.

    Raises:
        DataError: it is no folder, may not be read, or holds no images.
    """
    if not is_folder(folder):
        what = "is not a folder; data=npz takes arrays" if folder.exists() else "is not there"
        raise DataError(f"{folder} {what}")
    listing = list_images(folder)
    if not listing.images:
        raise DataError(
            f"{folder} holds no images: no name in it ends in {', '.join(sorted(ENDINGS))}"
        )
    return FolderPictures(listing)


def in_threads(
    read: Callable[[Item], ReadImage], items: Iterable[Item], form: Form
) -> Generator[ReadImage]:
    """Read items with several threads, in their order and not far ahead of whoever takes them."""
    block = max(2 * WORKERS, min(BLOCK, BLOCK_BYTES // (form.size**2 * form.channels)))
    waiting = iter(items)
    # Filters of warnings belong to the process, so they are set here and not in a thread.
    with warnings.catch_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        warnings.simplefilter("ignore")
        while part := list(itertools.islice(waiting, block)):
            yield from pool.map(read, part)


def _read(folder: Path, file: ImageFile, form: Form) -> ReadImage:
    path = folder / file.name
    try:
        content = _content(path, file)
    except FileNotFoundError:
        if path.is_symlink():
            return ReadImage(file, problem="is a link that leads nowhere")
        raise DataError(f"{path} has gone while the folder was read; start again") from None
    except OSError as error:
        if error.errno in PASSING:
            raise DataError(f"{path} cannot be read ({error.strerror}); try again") from None
        return ReadImage(file, problem=f"cannot be opened ({error.strerror or error})")
    if not content:
        return ReadImage(file, problem="is empty")
    return decode(file, content, form)


def _content(path: Path, file: ImageFile) -> bytes:
    """Return the bytes of a file, which may be behind a link but must be as it was listed.

    Raises:
        DataError: it is another one by now.
        OSError: it cannot be opened, or is longer than `MAX_FILE_BYTES`.
    """
    with reading(Path(os.path.realpath(path))) as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
        found = os.fstat(stream.fileno())
    if len(content) > MAX_FILE_BYTES:
        raise OSError(None, f"longer than {MAX_FILE_BYTES:,} bytes")
    if (len(content), found.st_size, found.st_mtime_ns) != (file.size, file.size, file.mtime_ns):
        raise DataError(f"{path} has changed while the folder was read; start again")
    return content


def decode(file: ImageFile, content: bytes, form: Form) -> ReadImage:
    """Decode the content of an image file and bring it to a form."""
    facts: dict[str, Any] = {"file": file, "sha256": hashlib.sha256(content).hexdigest()}
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            width, height = picture.size
            facts |= {"width": width, "height": height, "mode": picture.mode}
            if width * height > MAX_PIXELS:
                raise Image.DecompressionBombError
            facts |= {
                "transparent": picture.has_transparency_data,
                "turned": _is_turned(picture),
                "pixels": fitted(picture, form),
            }
    except UnidentifiedImageError:
        return ReadImage(**facts, problem="is not an image")
    except Image.DecompressionBombError:
        return ReadImage(**facts, problem=f"states more than {MAX_PIXELS:,} pixels")
    except MemoryError:
        raise
    except Exception as error:  # A damaged file makes Pillow raise nearly anything.
        reason = str(error).partition("\n")[0] or type(error).__name__
        return ReadImage(**facts, problem=f"is damaged ({reason})")
    return ReadImage(**facts)


def _is_turned(picture: Image.Image) -> bool:
    try:
        return picture.getexif().get(ORIENTATION) in range(2, 9)
    except Exception:  # Metadata that cannot be read.
        return False
