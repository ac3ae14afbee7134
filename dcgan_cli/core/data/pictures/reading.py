"""Image files, each opened and decoded once, with what is wrong with those that cannot be."""

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
from typing import Any, Protocol, TypeVar

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
"""Errors that are not the file's own, and may be over the next time."""
BLOCK_BYTES = 2**26
"""Pixels that are decoded ahead of whoever takes them."""
AHEAD_BYTES = 2**28
"""Content that is held for decoding, of items that say how long they are."""
BLOCK = 256
WORKERS = min(8, os.cpu_count() or 1)
"""Threads that decode."""
Item = TypeVar("Item")


class Pictures(Protocol):
    """Pictures in files, in an order of their own."""

    @property
    def listing(self) -> Listing:
        """The files."""

    @property
    def class_names(self) -> Sequence[str]:
        """What their classes are called, in order of their numbers; empty if that is not known."""

    @property
    def notes(self) -> Sequence[str]:
        """What whoever uses them should know."""

    @property
    def no_classes(self) -> str:
        """Why they have no classes and what to do, as the end of a sentence that begins with where
        they are; empty if there is no more to say about it."""

    @property
    def can_seek(self) -> bool:
        """Whether `read` can be called."""

    def key(self) -> str:
        """Return a sha256, or more, that other pictures have not."""

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


def _nothing(item: object) -> int:
    return 0


def in_threads(
    read: Callable[[Item], ReadImage],
    items: Iterable[Item],
    form: Form,
    length: Callable[[Item], int] = _nothing,
) -> Generator[ReadImage]:
    """Read items with several threads, in their order and not far ahead of whoever takes them.

    Args:
        read: reads one.
        items: what to read.
        form: what they are brought to.
        length: how many bytes an item holds.
    """
    block = max(2 * WORKERS, min(BLOCK, BLOCK_BYTES // (form.size**2 * form.channels)))
    waiting = iter(items)
    # Filters of warnings belong to the process, so they are set here and not in a thread.
    with warnings.catch_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        warnings.simplefilter("ignore")
        while part := list(_part(waiting, block, length)):
            yield from pool.map(read, part)


def _part(items: Iterator[Item], most: int, length: Callable[[Item], int]) -> Iterator[Item]:
    """Yield the next items, until they are many or long."""
    held = 0
    for item in itertools.islice(items, most):
        yield item
        held += length(item)
        if held >= AHEAD_BYTES:
            return


def read_file(folder: Path, file: ImageFile, form: Form) -> ReadImage:
    """Read the first or only picture of a file.

    Raises:
        DataError: the file has gone or changed since it was listed, or the disk fails.
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
    """Read pages of a file one by one: of its content no more than is needed is in memory.

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
    """Return what a `ReadImage` says of a page."""
    try:
        picture.seek(number)
        return decoded(picture, form)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in TRANSIENT_ERRORS:
            raise
        return {"problem": problem_of(error, head)}


def find_pages(folder: Path, file: ImageFile) -> list[int]:
    """Return which pages of a file are pictures; the first, too, of a file that cannot be read."""
    try:
        with _opened(folder / file.name, file) as stream, open_picture(stream) as picture:
            return page_numbers(picture)
    except Exception:  # Reading it will say what is wrong.
        return [0]


def _content(path: Path, file: ImageFile) -> bytes:
    """Return the bytes of a file.

    Raises:
        DataError, OSError: see `_opened`; or it is longer than `MAX_FILE_BYTES`.
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
    """Open a file, which may be behind a link but must be as it was listed.

    Raises:
        DataError: it is another one by now.
        OSError: it cannot be opened.
    """
    with reading(Path(os.path.realpath(path))) as stream:
        yield stream
        found = os.fstat(stream.fileno())
    if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
        raise _changed(path)


def _changed(path: Path) -> DataError:
    return DataError(f"{path} has changed while the folder was read; start again")


def _why_not_opened(error: OSError, path: Path) -> str:
    """Return why a file cannot be opened, as the end of a sentence.

    Raises:
        DataError: the error is not the file's own.
    """
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return "is a link that leads nowhere"
        raise DataError(f"{path} has gone while the folder was read; start again") from None
    if error.errno in TRANSIENT_ERRORS:
        raise DataError(f"{path} cannot be read ({error.strerror}); try again") from None
    return f"cannot be opened ({error.strerror or error})"
