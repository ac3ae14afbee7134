"""GIF and WebP files, by Pillow: delays in hundredths of a second, one palette for all frames."""

from collections.abc import Iterable, Sequence
from typing import IO

import numpy as np
from PIL import Image

MAX_FPS = 50.0
"""Browsers show a frame of less than 20 ms for 100 ms."""
COLOURS = 256
FRAME_PIXELS = 4096
SAMPLED_FRAMES = 128
PALETTE_PIXELS = 2**16
"""Maximum numbers for choosing the palette: pixels of a frame, frames, and pixels in total."""
WEBP_QUALITY = 80


def write_gif(
    stream: IO[bytes], frames: Iterable[Image.Image], fps: float, last_frame_seconds: float
) -> int:
    """Write frames as a GIF that repeats for ever.

    All frames are in memory meanwhile. Equal ones in a row become one that stays as long.

    Args:
        stream: where to.
        frames: Pillow images of one size, mode L or RGB.
        fps: frames a second, on average; above `MAX_FPS` it is that.
        last_frame_seconds: how long the last frame stays, at least.

    Returns:
        The number of frames given. Without any, nothing is written.
    """
    pictures = _one_palette(list(frames))
    _save(stream, "GIF", pictures, min(fps, MAX_FPS), last_frame_seconds, unit=10, optimize=False)
    return len(pictures)


def write_webp(
    stream: IO[bytes], frames: Iterable[Image.Image], fps: float, last_frame_seconds: float
) -> int:
    """Write frames as a WebP that repeats for ever; see `write_gif`."""
    pictures = [frame.convert("RGB") for frame in frames]
    _save(stream, "WEBP", pictures, fps, last_frame_seconds, unit=1, quality=WEBP_QUALITY)
    return len(pictures)


def _save(
    stream: IO[bytes],
    form: str,
    pictures: Sequence[Image.Image],
    fps: float,
    last_frame_seconds: float,
    unit: int,
    **options: int,
) -> None:
    """Have Pillow write pictures whose delays are whole multiples of `unit` milliseconds."""
    if not pictures:
        return
    # Each begins when it should, to half a unit.
    begins = np.rint(np.arange(len(pictures) + 1) * (1000 / unit / fps))
    delays = np.diff(begins)
    delays[-1] = max(delays[-1], round(1000 / unit * last_frame_seconds))
    pictures[0].save(
        stream,
        form,
        save_all=True,
        append_images=pictures[1:],
        duration=[int(delay) * unit for delay in delays],
        loop=0,
        **options,
    )


def _one_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """Return frames in mode L if the first one is, else in mode P with one palette."""
    if not frames or frames[0].mode == "L":
        return [frame.convert("L") for frame in frames]
    colours = [frame.convert("RGB") for frame in frames]
    palette = _palette(colours)
    # Dithering would make what stands still flicker.
    return [colour.quantize(palette=palette, dither=Image.Dither.NONE) for colour in colours]


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Return a picture whose palette suits frames of mode RGB, by a sample of their pixels."""
    random = np.random.default_rng(0)

    def some(pixels: np.ndarray, most: int) -> np.ndarray:
        return pixels[random.permutation(len(pixels))[:most]]

    sampled = frames[:: -(-len(frames) // SAMPLED_FRAMES)]
    pixels = [some(np.asarray(frame).reshape(-1, 3), FRAME_PIXELS) for frame in sampled]
    chosen = some(np.concatenate(pixels), PALETTE_PIXELS)
    # Median cut alone is 3 dB worse; with all pixels k-means would take minutes.
    return Image.fromarray(chosen[np.newaxis]).quantize(COLOURS, kmeans=1)
