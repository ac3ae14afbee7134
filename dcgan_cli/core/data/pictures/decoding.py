"""Decode picture files, with a reason for each that cannot be decoded."""

import functools
import hashlib
import importlib.metadata
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from dcgan_cli.core.data.pictures.content_kinds import HEAD_BYTES, picture_kind, why_no_picture
from dcgan_cli.core.data.pictures.listing import ImageFile
from dcgan_cli.core.data.pictures.pages import page_numbers
from dcgan_cli.core.data.pictures.preprocessing import ORIENTATION, Form, plain, squared
from dcgan_cli.core.data.pictures.value_range import ValueRange, value_range

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""Formats that Pillow may use; some of its other readers start programs."""
MAX_PIXELS = 89_478_485
"""Maximum number of pixels in a header, checked before memory is allocated. Pillow warns above the
same number."""
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""PNG chunks with a size limit in Pillow. They do not affect the pixels."""


@dataclass(frozen=True)
class ReadImage:
    """A picture that was read, with facts about its file."""

    file: ImageFile
    pixels: np.ndarray | None = None
    """uint8 [S, S, C], or None for a file with a problem."""
    width: int = 0
    """Width in the header; 0 if there is no header."""
    height: int = 0
    mode: str = ""
    """Pillow's mode."""
    transparent: bool = False
    """Whether parts are transparent; they become white."""
    alpha_unused: bool = False
    """Whether an alpha of 0 everywhere is ignored; see `preprocessing.Plain`."""
    turned: bool = False
    """Whether its EXIF orientation rotates or mirrors it."""
    values: ValueRange | None = None
    """The value range, unless `data.white` is given."""
    not_finite: bool = False
    """Whether it has values that are NaN or infinite, which become 0."""
    further_pages: int = 0
    """Number of other pages or frames in the file."""
    sha256: str = ""
    """Digest of the file; empty for a file that cannot be opened, and for a page."""
    label: int | None = None
    """The class, if known."""
    problem: str | None = None
    """Why the picture is not usable, as the end of a sentence that begins with its name."""


def decode(file: ImageFile, content: bytes, form: Form) -> ReadImage:
    """Decode the content of an image file and preprocess it to `form`."""
    facts: dict[str, Any] = {"file": file, "sha256": hashlib.sha256(content).hexdigest()}
    image = _decode(facts, content, form)
    if image.pixels is None and picture_kind(content) == "PNG":
        whole = _decode(facts, without_text(content), form)
        return image if whole.pixels is None else whole
    return image


def _decode(facts: dict[str, Any], content: bytes, form: Form) -> ReadImage:
    try:
        with open_picture(io.BytesIO(content)) as picture:
            found = decoded(picture, form)
            found["further_pages"] = len(page_numbers(picture)) - 1
    except Exception as error:
        return ReadImage(**facts, problem=problem_of(error, content))
    return ReadImage(**facts, **found)


@contextmanager
def open_picture(stream: IO[bytes]) -> Iterator[Image.Image]:
    """Open a picture of a supported format, detected by its content.

    Raises:
        Exception: any exception, if the file is damaged; see `problem_of`.
    """
    stream.seek(0)
    is_heif = picture_kind(stream.read(HEAD_BYTES)) == "HEIC" and _can_read_heif()
    formats = (*FORMATS, "HEIF") if is_heif else FORMATS
    with Image.open(stream, formats=formats) as picture:
        yield picture


def decoded(picture: Image.Image, form: Form) -> dict[str, Any]:
    """Decode the current page of a picture.

    Returns:
        Fields of `ReadImage`.

    Raises:
        Exception: see `open_picture`.
    """
    width, height = picture.size
    facts: dict[str, Any] = {"width": width, "height": height, "mode": picture.mode}
    if width * height > MAX_PIXELS:
        raise Image.DecompressionBombError
    facts |= {"transparent": picture.has_transparency_data, "turned": _is_turned(picture)}
    found = plain(picture, form)
    if found.alpha_unused:
        facts |= {"transparent": False, "alpha_unused": True}
    if found.values is not None and found.values.dtype.kind == "f":
        facts["not_finite"] = not np.isfinite(found.values).all()
    if form.white is None:
        facts["values"] = value_range(found)
    return facts | {"pixels": squared(found, form)}


def problem_of(error: Exception, content: bytes) -> str:
    """Return why a picture is not usable, from the exception and the file's content.

    Raises:
        MemoryError: `error` is a MemoryError, which is not a problem of the file.
    """
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, Image.DecompressionBombError):
        return f"declares more than {MAX_PIXELS:,} pixels"
    kind = picture_kind(content)
    if isinstance(error, UnidentifiedImageError):
        if kind == "HEIC" and not _can_read_heif():
            return "is HEIC; install dcgan-cli[heif] to read it"
        return why_no_picture(content)
    reason = str(error).partition("\n")[0] or type(error).__name__
    return f"is a damaged {kind} ({reason})" if kind else f"is damaged ({reason})"


def heif_version() -> str | None:
    """Return the version of pillow-heif, which reads HEIC and HEIF; None if not installed."""
    try:
        return importlib.metadata.version("pillow-heif")
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def _can_read_heif() -> bool:
    """Return whether HEIC and HEIF are supported; the first call registers them with Pillow."""
    try:
        import pillow_heif
    except ImportError:
        return False
    # Pillow could use a thumbnail, which is of lower quality or even another picture.
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    return True


def _is_turned(picture: Image.Image) -> bool:
    try:
        return picture.getexif().get(ORIENTATION) in range(2, 9)
    except Exception:  # Unreadable metadata.
        return False


def without_text(png: bytes) -> bytes:
    """Return a PNG file without its text chunks and its colour profile."""
    kept, at = [png[:8]], 8
    while at + 12 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] not in TEXT_CHUNKS:
            kept.append(png[at:end])
        at = end
    return b"".join([*kept, png[at:]])
