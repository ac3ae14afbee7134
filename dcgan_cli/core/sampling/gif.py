"""GIF files: one palette for all frames, delays in hundredths of a second.

Frames are written as they come, so that memory does not grow with their number. Pillow's own
`save_all` keeps every frame until the last, and drops those that equal the one before.
"""

import io
import itertools
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
from PIL import Image

MAX_FPS = 50.0
"""Browsers show a frame of less than 20 ms for 100 ms."""
COLOURS = 256
FRAME_PIXELS = 4096
SAMPLED_FRAMES = 128
PALETTE_PIXELS = 2**16
"""The palette is chosen by so many pixels of a frame, frames and pixels in all, at most."""


def write_gif(
    stream: IO[bytes], frames: Iterable[Image.Image], fps: float, last_frame_seconds: float
) -> int:
    """Write frames as a GIF that repeats for ever.

    Args:
        stream: where to.
        frames: Pillow images of one size, mode L or RGB.
        fps: frames a second, on average; above `MAX_FPS` it is that.
        last_frame_seconds: how long the last frame stays, at least.

    Returns:
        The number of frames.
    """
    hundredths = 100 / min(fps, MAX_FPS)
    count = 0
    for picture, is_last in with_last(_one_palette(frames)):
        delay = round((count + 1) * hundredths) - round(count * hundredths)
        if is_last:
            delay = max(delay, round(100 * last_frame_seconds))
        stream.write(_blocks(picture, delay, is_first=count == 0))
        count += 1
    stream.write(b";")
    return count


def with_last(frames: Iterable[Image.Image]) -> Iterator[tuple[Image.Image, bool]]:
    """Yield each frame with whether it is the last."""
    iterator = iter(frames)
    held = next(iterator, None)
    while held is not None:
        following = next(iterator, None)
        yield held, following is None
        held = following


def _blocks(picture: Image.Image, delay: int, *, is_first: bool) -> bytes:
    """Return a frame's part of a GIF, that of the first with the header and the palette.

    Pillow writes each as a GIF of its own. Its palette is that of all, so it is needed once.
    """
    buffer = io.BytesIO()
    loop = {"loop": 0} if is_first else {}
    picture.save(buffer, "GIF", duration=10 * delay, optimize=False, **loop)
    gif = buffer.getvalue()
    palette_end = 13 + 3 * 2 ** ((gif[10] & 7) + 1)
    return gif[0 if is_first else palette_end : -1]


def _one_palette(frames: Iterable[Image.Image]) -> Iterator[Image.Image]:
    """Yield frames as mode L if the first one is, else as mode P with one palette."""
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        return
    chained = itertools.chain([first], iterator)
    if first.mode == "L":
        yield from (frame.convert("L") for frame in chained)
        return
    # The palette depends on all frames, which may come only once. They wait in a file without a
    # name, which is gone with this process.
    with tempfile.TemporaryFile() as waiting:
        lengths = []
        palette = _Palette()
        for frame in chained:
            picture = frame.convert("RGB")
            palette.add(picture)
            lengths.append(waiting.write(zlib.compress(picture.tobytes(), 1)))
        chosen = palette.choose()
        waiting.seek(0)
        for length in lengths:
            pixels = zlib.decompress(waiting.read(length))
            picture = Image.frombytes("RGB", first.size, pixels)
            # Dithering would make what stands still flicker.
            yield picture.quantize(palette=chosen, dither=Image.Dither.NONE)


class _Palette:
    """Chooses the colours of an animation by a sample of its frames' pixels, of bounded size."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.samples: list[np.ndarray] = []
        self.count = 0
        self.step = 1

    def add(self, picture: Image.Image) -> None:
        """Take in a frame, mode RGB."""
        if self.count % self.step == 0:
            self.samples.append(self._some(np.asarray(picture).reshape(-1, 3), FRAME_PIXELS))
            if len(self.samples) > SAMPLED_FRAMES:
                self.samples = self.samples[::2]
                self.step *= 2
        self.count += 1

    def choose(self) -> Image.Image:
        """Return a picture that has the palette."""
        pixels = self._some(np.concatenate(self.samples), PALETTE_PIXELS)
        # Median cut alone is 3 dB worse; with all pixels k-means would take minutes.
        return Image.fromarray(pixels[np.newaxis]).quantize(COLOURS, kmeans=1)

    def _some(self, pixels: np.ndarray, most: int) -> np.ndarray:
        places = self.random.permutation(len(pixels))[:most]
        return pixels[places]
