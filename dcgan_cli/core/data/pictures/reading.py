"""Read image files in parallel, with a reason for each that cannot be read."""

import dataclasses
import errno
import io
import itertools
import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from PIL import Image

from dcgan_cli.core.data.pictures.content_kinds import HEAD_BYTES
from dcgan_cli.core.data.pictures.decoding import (
    ReadImage,
    decode,
    decoded,
    open_picture,
    problem_of,
)
from dcgan_cli.core.data.pictures.listing import ImageFile, Listing
from dcgan_cli.core.data.pictures.pages import page_numbers
from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.core.storage import reading
from dcgan_cli.errors import DataError

MAX_FILE_BYTES = 2**30
TRANSIENT_ERRORS = (
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ESTALE,
    errno.ETIMEDOUT,
)
"""Transient errors; retry."""
BLOCK_BYTES = 2**26
"""Maximum bytes of pixels that are decoded ahead of the consumer."""
AHEAD_BYTES = 2**28
"""Maximum bytes of encoded content that are held for decoding, for items with a known length."""
BLOCK = 256
WORKERS = min(8, os.cpu_count() or 1)
"""Number of decoding threads."""
Item = TypeVar("Item")


@runtime_checkable
class Pictures(Protocol):
    """Pictures in files, in a fixed order."""

    @property
    def listing(self) -> Listing:
        """The files."""

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the classes, in order of their numbers; empty if unknown."""

    @property
    def notes(self) -> Sequence[str]:
        """Notes to show before training."""

    @property
    def no_classes(self) -> str:
        """Why there are no classes and what to do, as the end of a sentence that begins with the
        path; empty if the reason is unknown."""

    @property
    def can_seek(self) -> bool:
        """Whether `read` is supported."""

    def key(self) -> str:
        """Return a key that identifies the pictures: a sha256, possibly with a suffix."""

    def __len__(self) -> int:
        """Return the number of pictures, including unusable ones."""

    def read_all(self, form: Form) -> Generator[ReadImage]:
        """Yield all pictures in order, reading several at a time.

        Raises:
            DataError: a file was removed or changed after it was listed, or is damaged as a whole.
        """

    def read(self, place: int, form: Form) -> ReadImage:
        """Return the picture at an index; its label may be None.

        Raises:
            DataError: see `read_all`.
        """


def _nothing(item: object) -> int:
    return 0


def in_threads(
    read: Callable[[Item], ReadImage],
    items: Iterable[Item],
    form: Form,
    length: Callable[[Item], int] = _nothing,
) -> Generator[ReadImage]:
    """Yield the pictures of items in order, read by several threads with limited read-ahead.

    Args:
        read: reads one item.
        items: the items to read.
        form: the form that pictures are preprocessed to.
        length: returns the number of bytes that an item keeps in memory.
    """
    block = max(2 * WORKERS, min(BLOCK, BLOCK_BYTES // (form.size**2 * form.channels)))
    waiting = iter(items)
    # Warning filters belong to the process, so they are set here and not in a thread.
    with warnings.catch_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        warnings.simplefilter("ignore")
        while part := list(_part(waiting, block, length)):
            yield from pool.map(read, part)


def _part(items: Iterator[Item], most: int, length: Callable[[Item], int]) -> Iterator[Item]:
    """Yield the next items, up to `most` items or `AHEAD_BYTES` bytes."""
    held = 0
    for item in itertools.islice(items, most):
        yield item
        held += length(item)
        if held >= AHEAD_BYTES:
            return


def read_file(folder: Path, file: ImageFile, form: Form) -> ReadImage:
    """Return the first or only picture of a file.

    Raises:
        DataError: the file was removed or changed after it was listed, or the disk fails.
    """
    path = folder / file.name
    try:
        content = _content(path, file)
    except OSError as error:
        return ReadImage(file, problem=_why_not_opened(error, path))
    if not content:
        return ReadImage(file, problem="is empty")
    return decode(file, content, form)


def read_pages(
    folder: Path, file: ImageFile, numbers: Sequence[int], form: Form
) -> Generator[ReadImage]:
    """Yield pages of a file one by one, without loading the whole file into memory.

    Raises:
        DataError: see `read_file`.
    """
    path = folder / file.name
    pages = [
        (number, dataclasses.replace(file, name=f"{file.name}#{number}")) for number in numbers
    ]
    try:
        # As in `in_threads`.
        with _opened(path, file) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            head = stream.read(HEAD_BYTES)
            with open_picture(stream) as picture:
                for number, page in pages:
                    yield ReadImage(page, **_page(picture, number, form, head))
    except OSError as error:
        raise DataError(f"{path} {_why_not_opened(error, path)}; try again") from None


def _page(picture: Image.Image, number: int, form: Form, head: bytes) -> dict[str, Any]:
    """Return the fields of `ReadImage` for a page."""
    try:
        picture.seek(number)
        return decoded(picture, form)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in TRANSIENT_ERRORS:
            raise
        return {"problem": problem_of(error, head)}


def find_pages(folder: Path, file: ImageFile) -> list[int]:
    """Return the pages of a file that are pictures; [0] for an unreadable file."""
    try:
        with _opened(folder / file.name, file) as stream, open_picture(stream) as picture:
            return page_numbers(picture)
    except Exception:  # Reading the file reports the problem.
        return [0]


def _content(path: Path, file: ImageFile) -> bytes:
    """Return the content of a file.

    Raises:
        DataError, OSError: see `_opened`; or the file is longer than `MAX_FILE_BYTES`.
    """
    with _opened(path, file) as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise OSError(None, f"longer than {MAX_FILE_BYTES:,} bytes")
    if len(content) != file.size:
        raise _changed(path)
    return content


@contextmanager
def _opened(path: Path, file: ImageFile) -> Iterator[io.BufferedReader]:
    """Open a file or the target of a link, and check that it matches its listing.

    Raises:
        DataError: the file has changed.
        OSError: the file cannot be opened.
    """
    with reading(Path(os.path.realpath(path))) as stream:
        yield stream
        found = os.fstat(stream.fileno())
    if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
        raise _changed(path)


def _changed(path: Path) -> DataError:
    return DataError(f"{path} changed while the folder was read; start again")


def _why_not_opened(error: OSError, path: Path) -> str:
    """Return why a file cannot be opened, as the end of a sentence.

    Raises:
        DataError: the file was removed, or the error is transient.
    """
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return "is a broken link"
        raise DataError(f"{path} was removed while the folder was read; start again") from None
    if error.errno in TRANSIENT_ERRORS:
        raise DataError(f"{path} is not readable ({error.strerror}); try again") from None
    return f"cannot be opened ({error.strerror or error})"
