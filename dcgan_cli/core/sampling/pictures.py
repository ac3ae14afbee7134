"""Convert arrays to images and grids; write and read image files with metadata."""

import io
import json
import math
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from dcgan_cli.core.storage import read_text, reading
from dcgan_cli.errors import ConfigError

FACTS_KEY = "dcgan"
"""The PNG text chunk that holds the metadata as JSON."""
OTHER_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Pillow's format by suffix, for formats besides PNG."""
DESCRIPTION = 0x010E
"""The EXIF tag that holds the metadata in those formats: ImageDescription."""
TOO_LARGE = (Image.DecompressionBombWarning, Image.DecompressionBombError)
MAX_PNG_BYTES = 64 * 2**20
"""Maximum size of a PNG file that is given to a notebook as it is."""
MARGIN = 2
"""Pixels around each image of a grid."""
TARGET_WIDTH = 512
"""Small grids are enlarged by an integer factor, up to this width in pixels."""


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Convert float images in [-1, 1] to uint8 in [0, 255], rounded to nearest."""
    return np.rint((images.astype(np.float32) + 1) * 127.5).clip(0, 255).astype(np.uint8)


def sample_grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Arrange images in rows on black, with a margin of 2 pixels around each.

    Args:
        images: uint8 [N, H, W, C].
        columns: images per row; None for the square root of N, rounded up.

    Returns:
        uint8 [rows * (H + 2) + 2, columns * (W + 2) + 2, C].
    """
    count, height, width, channels = images.shape
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    shape = (rows * (height + MARGIN) + MARGIN, columns * (width + MARGIN) + MARGIN, channels)
    grid = np.zeros(shape, np.uint8)
    for index, image in enumerate(images):
        top = MARGIN + index // columns * (height + MARGIN)
        left = MARGIN + index % columns * (width + MARGIN)
        grid[top : top + height, left : left + width] = image
    return grid


def to_picture(array: np.ndarray, scale: int = 1) -> Image.Image:
    """Convert uint8 [H, W, C] (C is 1 or 3) to a Pillow image, enlarged `scale` times."""
    picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    if scale == 1:
        return picture
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def grid_picture(images: np.ndarray, columns: int | None = None) -> Image.Image:
    """Return a grid of images (uint8 [N, H, W, C]), enlarged if it is small."""
    grid = sample_grid(images, columns)
    return to_picture(grid, scale=max(1, TARGET_WIDTH // grid.shape[1]))


def write_png(stream: IO[bytes], picture: Image.Image, facts: dict[str, Any]) -> None:
    """Write an image as PNG, with `facts` as JSON metadata."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt(FACTS_KEY, json.dumps(facts))
    picture.save(stream, "PNG", pnginfo=chunks)


def write_picture(
    stream: IO[bytes], picture: Image.Image, facts: dict[str, Any], ending: str
) -> None:
    """Write an image as PNG, JPEG or WebP, with `facts` as JSON metadata.

    Args:
        stream: the file to write to.
        picture: an image of mode L or RGB.
        facts: metadata that JSON supports.
        ending: .png or a key of `OTHER_FORMATS`.

    Raises:
        ConfigError: the format does not support an image of that size, or that much metadata.
    """
    if ending == ".png":
        write_png(stream, picture, facts)
        return
    form = OTHER_FORMATS[ending]
    exif = Image.Exif()
    exif[DESCRIPTION] = f"{FACTS_KEY} {json.dumps(facts)}"
    content = io.BytesIO()
    try:
        picture.save(content, form, quality=95, exif=exif)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{form} cannot hold this grid ({error}); write a .png") from None
    stream.write(content.getvalue())


def open_png(path: Path, formats: tuple[str, ...] = ("PNG",)) -> Image.Image:
    """Return the image in an untrusted file, in mode L or RGB.

    Args:
        path: the file.
        formats: accepted formats, by Pillow's names.

    Raises:
        OSError: the file is not a regular file, has another format, is damaged, or declares an
            enormous size.
    """
    with reading(path) as stream:
        return _open(stream, formats)


def read_png(path: Path) -> bytes:
    """Return the content of an untrusted PNG file.

    Raises:
        OSError: see `open_png`; or the file is longer than `MAX_PNG_BYTES`.
    """
    content = read_text(path, MAX_PNG_BYTES)
    _open(io.BytesIO(content), ("PNG",))
    return content


def _open(stream: IO[bytes], formats: tuple[str, ...]) -> Image.Image:
    """Return the image in an untrusted stream; see `open_png`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(stream, formats=formats) as picture:
                picture.load()
                return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
    except UnidentifiedImageError:
        raise OSError(f"it is not a {' or '.join(formats)}") from None
    except (SyntaxError, ValueError, *TOO_LARGE) as error:
        raise OSError(str(error)) from None


def read_png_facts(path: Path) -> dict[str, Any] | None:
    """Return the metadata that `write_png` wrote; None if the file has none.

    Raises:
        OSError: see `open_png`.
    """
    return facts_in(open_png(path))


def facts_in(picture: Image.Image) -> dict[str, Any] | None:
    """Return the metadata in an opened PNG, JPEG or WebP; None if it has none."""
    text = getattr(picture, "text", {}).get(FACTS_KEY)
    if text is None and picture.format in OTHER_FORMATS.values():
        try:
            described = str(picture.getexif().get(DESCRIPTION, ""))
        except Exception:  # Pillow raises various exceptions for damaged metadata.
            return None
        text = described.removeprefix(f"{FACTS_KEY} ") if described.startswith(FACTS_KEY) else None
    try:
        facts = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None
