"""The content of a picture file, decoded, with what is wrong with it if it cannot be."""

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
"""What Pillow may take a file for; some of its other readers start programs."""
MAX_PIXELS = 89_478_485
"""More is refused by what the header states, before memory is taken; where Pillow warns, too."""
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""The parts of a PNG file of which Pillow refuses long ones. None of them decides a pixel."""


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
    """Whether parts of it are, and become white."""
    alpha_unused: bool = False
    """Whether all of it is transparent and it is shown nevertheless; see `fitting.Plain`."""
    turned: bool = False
    """Whether its EXIF orientation turns it."""
    values: ValueRange | None = None
    """Which values it has, where `data.white` does not say what becomes white."""
    not_finite: bool = False
    """Whether it has values that are NaN or infinite, and become 0."""
    further_pages: int = 0
    """How many pages or frames its file has besides it."""
    sha256: str = ""
    """Of the whole file; empty for one that cannot be opened, and for a page."""
    label: int | None = None
    """Its class, where that is told."""
    problem: str | None = None
    """Why it cannot be used, as the end of a sentence that begins with its name."""


def decode(file: ImageFile, content: bytes, form: Form) -> ReadImage:
    """Decode the content of an image file and bring it to a form."""
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
    """Open a picture of a kind that is read, by its content.

    Raises:
        Exception: nearly anything, if it is damaged; see `problem_of`.
    """
    stream.seek(0)
    is_heif = picture_kind(stream.read(HEAD_BYTES)) == "HEIC" and _can_read_heif()
    formats = (*FORMATS, "HEIF") if is_heif else FORMATS
    with Image.open(stream, formats=formats) as picture:
        yield picture


def decoded(picture: Image.Image, form: Form) -> dict[str, Any]:
    """Decode a picture, or the page of one that it is at.

    Returns:
        What a `ReadImage` says of it.

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
    """Return why a picture cannot be used: what reading it raised, or what its content is.

    Raises:
        MemoryError: that was the error, which is not the file's.
    """
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, Image.DecompressionBombError):
        return f"states more than {MAX_PIXELS:,} pixels"
    kind = picture_kind(content)
    if isinstance(error, UnidentifiedImageError):
        if kind == "HEIC" and not _can_read_heif():
            return "is HEIC; install dcgan-cli[heif] to read it"
        return why_no_picture(content)
    reason = str(error).partition("\n")[0] or type(error).__name__
    return f"is a damaged {kind} ({reason})" if kind else f"is damaged ({reason})"


def heif_version() -> str | None:
    """Return the version of the package that reads HEIC and HEIF files, or None without it."""
    try:
        return importlib.metadata.version("pillow-heif")
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def _can_read_heif() -> bool:
    """Whether HEIC and HEIF files can be read; from the first call on, if so, they are."""
    try:
        import pillow_heif
    except ImportError:
        return False
    # A thumbnail in the file has been compressed once more, or is another picture altogether.
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    return True


def _is_turned(picture: Image.Image) -> bool:
    try:
        return picture.getexif().get(ORIENTATION) in range(2, 9)
    except Exception:  # Metadata that cannot be read.
        return False


def without_text(png: bytes) -> bytes:
    """Return a PNG file without its texts and its colour profile."""
    kept, at = [png[:8]], 8
    while at + 12 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] not in TEXT_CHUNKS:
            kept.append(png[at:end])
        at = end
    return b"".join([*kept, png[at:]])
