"""Write GIF and WebP animations with Pillow. A GIF has one palette for all frames."""

from collections.abc import Iterable, Sequence
from typing import IO

import numpy as np
from PIL import Image

MAX_FPS = 50.0
"""Maximum frame rate of a GIF: browsers show a frame shorter than 20 ms for 100 ms."""
COLOURS = 256
FRAME_PIXELS = 4096
SAMPLED_FRAMES = 128
PALETTE_PIXELS = 2**16
"""Limits on the sample from which the palette is computed: pixels per frame, frames, pixels."""
WEBP_QUALITY = 80


def write_gif(
    stream: IO[bytes], frames: Iterable[Image.Image], fps: float, last_frame_seconds: float
) -> int:
    """Write frames as a GIF that loops forever.

    Holds all frames in memory. Consecutive equal frames are merged into a longer one.

    Args:
        stream: the file to write to.
        frames: Pillow images of one size, mode L or RGB.
        fps: mean frames per second, limited to `MAX_FPS`.
        last_frame_seconds: minimum duration of the last frame, in seconds.

    Returns:
        The number of frames; if 0, nothing is written.
    """
    pictures = _one_palette(list(frames))
    _save(stream, "GIF", pictures, min(fps, MAX_FPS), last_frame_seconds, unit=10, optimize=False)
    return len(pictures)


def write_webp(
    stream: IO[bytes], frames: Iterable[Image.Image], fps: float, last_frame_seconds: float
) -> int:
    """Write frames as a WebP that loops forever; see `write_gif`."""
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
    """Write an animation whose frame durations are multiples of `unit` milliseconds."""
    if not pictures:
        return
    # Round the start times, not the durations, so that rounding errors do not add up.
    starts = np.rint(np.arange(len(pictures) + 1) * (1000 / unit / fps))
    delays = np.diff(starts)
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
    """Return the frames in mode L if the first is, otherwise in mode P with one palette."""
    if not frames or frames[0].mode == "L":
        return [frame.convert("L") for frame in frames]
    colours = [frame.convert("RGB") for frame in frames]
    palette = _palette(colours)
    # Dithering would make constant areas flicker.
    return [colour.quantize(palette=palette, dither=Image.Dither.NONE) for colour in colours]


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Return an image with a palette for frames of mode RGB, computed from a sample of pixels."""
    random = np.random.default_rng(0)

    def sample(pixels: np.ndarray, count: int) -> np.ndarray:
        return pixels[random.permutation(len(pixels))[:count]]

    sampled = frames[:: -(-len(frames) // SAMPLED_FRAMES)]
    pixels = [sample(np.asarray(frame).reshape(-1, 3), FRAME_PIXELS) for frame in sampled]
    chosen = sample(np.concatenate(pixels), PALETTE_PIXELS)
    # Median cut alone loses 3 dB. K-means over all pixels would take minutes.
    return Image.fromarray(chosen[np.newaxis]).quantize(COLOURS, kmeans=1)
