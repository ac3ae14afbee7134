"""Pictures as `data:` addresses: decoded and encoded anew, small enough for one page."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dcgan_cli.core.sampling.pictures import grid_picture, open_png

MAX_SIDE = 1024
"""Pixels. Larger pictures are reduced."""
MAX_FRAMES = 120
MIN_FRAMES = 8
QUALITY = 80
"""Of WebP, for pictures that are too many to be kept to the bit."""


@dataclass(frozen=True)
class Picture:
    """A picture of a page."""

    source: str
    """Its `data:` address."""
    width: int
    height: int
    label: str = ""


def embed_array(images: np.ndarray, columns: int | None = None, label: str = "") -> Picture:
    """Return a grid of images (uint8 [N, H, W, C]) as a picture."""
    return _picture(_small(grid_picture(images, columns)), None, label)


def embed_file(path: Path, most: int = MAX_SIDE, quality: int | None = None) -> Picture | None:
    """Return the picture in an untrusted PNG file; None if it is not readable.

    Args:
        path: the file.
        most: largest width and height, in pixels.
        quality: of WebP, from 0 to 100; None keeps every bit.
    """
    try:
        return _picture(_small(open_png(path), most), quality)
    except OSError:
        return None


def embed_all(
    labels: Sequence[str],
    read: Callable[[int], Image.Image | None],
    budget: int,
    kept: dict[tuple[str, int | None], Picture] | None = None,
) -> list[Picture]:
    """Return pictures that together take at most about `budget` bytes.

    To fit, they are first encoded with losses, then every Nth is left out, but never the first or
    the last.

    Args:
        labels: what to call each of them.
        read: returns the picture of this number; None if it is not readable, which leaves it out.
        budget: bytes.
        kept: what earlier calls encoded, by label and quality, which is neither read nor encoded
            again; is added to.
    """
    kept = {} if kept is None else kept
    stride = max(1, -(-len(labels) // MAX_FRAMES))
    for quality in (None, QUALITY):
        found = _encode(labels, read, stride, quality, kept)
        size = sum(len(picture.source) for picture in found)
        if size <= budget:
            return found
    fewer = max(MIN_FRAMES, int(len(found) * budget / size))
    return _encode(labels, read, stride * -(-len(found) // fewer), QUALITY, kept)


def _encode(
    labels: Sequence[str],
    read: Callable[[int], Image.Image | None],
    stride: int,
    quality: int | None,
    kept: dict[tuple[str, int | None], Picture],
) -> list[Picture]:
    last = len(labels) - 1
    keys = []
    for number, label in enumerate(labels):
        if number % stride and number != last:
            continue
        key = label, quality
        if key not in kept and (picture := read(number)) is not None:
            kept[key] = _picture(_small(picture), quality, label)
        keys.append(key)
    return [kept[key] for key in keys if key in kept]


def _small(picture: Image.Image, most: int = MAX_SIDE) -> Image.Image:
    """Return a picture without the integer enlargement of small grids, at most `most` a side."""
    pixels = np.asarray(picture)
    for scale in range(min(16, *picture.size), 1, -1):
        if picture.width % scale or picture.height % scale:
            continue
        reduced = pixels[::scale, ::scale]
        if np.array_equal(reduced.repeat(scale, axis=0).repeat(scale, axis=1), pixels):
            picture = Image.fromarray(reduced)
            break
    if max(picture.size) > most:
        picture = picture.copy()
        picture.thumbnail((most, most))
    return picture


def _picture(picture: Image.Image, quality: int | None, label: str = "") -> Picture:
    content = io.BytesIO()
    if quality is None:
        picture.save(content, "WEBP", lossless=True, method=4)
    else:
        picture.save(content, "WEBP", quality=quality, method=4)
    source = f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
    return Picture(source, picture.width, picture.height, label)
