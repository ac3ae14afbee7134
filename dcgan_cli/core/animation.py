"""Moving pictures: frames in, one file out. Needs no TensorFlow.

Frames are written as they come, so that memory does not grow with their number.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.GifImagePlugin import getdata, getheader

from dcgan_cli.core.images import open_png
from dcgan_cli.core.run_folder import RunFolder
from dcgan_cli.core.storage import replacing, replacing_path
from dcgan_cli.errors import ConfigError, DataError

TRAINING_FPS = 5.0
LAST_FRAME_SECONDS = 2.0
LABEL_HEIGHT = 22
LABEL_SIZE = 14
VIDEO: dict[str, dict[str, Any]] = {
    ".mp4": {"codec": "libx264"},
    ".webp": {"codec": "libwebp_anim", "output_params": ["-f", "webp", "-loop", "0"]},
}
"""What imageio's writer is told for each format."""
FORMATS = (".gif", *VIDEO)

Frames = Iterable[Image.Image]


def training_frames(run: RunFolder) -> Iterator[Image.Image]:
    """Yield a run's grids in order of epoch, the epoch written below each.

    Raises:
        DataError: the run has no grids, or one cannot be read or has another size.
    """
    paths = run.frames()
    if not paths:
        raise DataError(f"{run.samples} holds no grids yet; let the run finish an epoch first")
    last = paths[-1][0]
    size = None
    for epoch, path in paths:
        try:
            picture = open_png(path)
        except OSError as error:
            raise DataError(f"{path} is not a readable PNG ({error}); remove it") from None
        size = size or picture.size
        if picture.size != size:
            raise DataError(f"{path} is {picture.size}, the grids before it are {size}; remove it")
        yield labelled(picture, f"epoch {epoch} of {last}")


def missing_epochs(there: Sequence[int], last: int) -> str:
    """Name the epochs up to `last` that are not among those that are there, such as "3, 7-9".

    Args:
        there: epochs in rising order, none after `last`.
        last: the last epoch.
    """
    gaps = [(a + 1, b - 1) for a, b in itertools.pairwise([0, *there, last + 1]) if b > a + 1]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in gaps)


def labelled(picture: Image.Image, text: str) -> Image.Image:
    """Return the picture with a line of text below it."""
    taller = Image.new(picture.mode, (picture.width, picture.height + LABEL_HEIGHT))
    taller.paste(picture)
    font = ImageFont.load_default(LABEL_SIZE)
    white = 255 if picture.mode == "L" else (255, 255, 255)
    ImageDraw.Draw(taller).text((6, picture.height + 2), text, fill=white, font=font)
    return taller


def write_animation(path: Path, frames: Frames, fps: float, last_frame_seconds: float) -> int:
    """Write frames to a GIF, MP4 or WebP, by the ending of `path`.

    Args:
        path: the file to make or replace.
        frames: Pillow images of one size, mode L or RGB.
        fps: frames a second, above 0.
        last_frame_seconds: how long the last frame stays, 0 or more.

    Returns:
        The number of frames given.

    Raises:
        ConfigError: the ending is another, or MP4 and WebP are asked for without their extra.
        DataError: there are no frames.
        OSError: the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".gif":
        return _write_gif(path, frames, round(1000 / fps), round(1000 * last_frame_seconds))
    if ending in VIDEO:
        return _write_video(path, frames, fps, last_frame_seconds)
    raise ConfigError(f"{path} must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def _write_gif(path: Path, frames: Frames, frame_ms: int, last_frame_ms: int) -> int:
    # Pillow's own `save` keeps all frames in memory until the last has come; its two building
    # blocks do not.
    count = 0
    with replacing(path) as stream:
        for frame, is_last in _with_last(frames):
            picture = frame if frame.mode == "L" else frame.quantize(256)
            if count == 0:
                header, _ = getheader(picture.copy(), info={"loop": 0})
                stream.write(b"".join(header))
            milliseconds = max(frame_ms, last_frame_ms) if is_last else frame_ms
            own_colours = picture.mode != "L"
            data = getdata(picture, duration=milliseconds, include_color_table=own_colours)
            stream.write(b"".join(data))
            count += 1
        _check_count(path, count)
        stream.write(b";")
    return count


def _write_video(path: Path, frames: Frames, fps: float, last_frame_seconds: float) -> int:
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError:
        raise ConfigError(
            f"{path.suffix} needs ffmpeg: pip install imageio-ffmpeg, or choose a .gif"
        ) from None
    import imageio.v2 as imageio

    count = 0
    with replacing_path(path) as temporary:
        # imageio's writer goes by the name's ending and knows no .webp; ffmpeg goes by the format.
        unfinished = temporary.with_suffix(".mp4")
        writer = imageio.get_writer(
            unfinished, format="FFMPEG", fps=fps, macro_block_size=1, **VIDEO[path.suffix.lower()]
        )
        try:
            for frame, is_last in _with_last(frames):
                pixels = np.asarray(_even_sized(frame).convert("RGB"))
                for _ in range(max(1, round(last_frame_seconds * fps)) if is_last else 1):
                    writer.append_data(pixels)
                count += 1
            _check_count(path, count)
            writer.close()
            unfinished.replace(temporary)
        finally:
            writer.close()
            if unfinished != temporary:
                unfinished.unlink(missing_ok=True)
    return count


def _check_count(path: Path, count: int) -> None:
    if not count:
        raise DataError(f"there are no frames to write to {path}")


def _even_sized(frame: Image.Image) -> Image.Image:
    """Pad to an even width and height, which video codecs ask for."""
    return frame.crop((0, 0, frame.width + frame.width % 2, frame.height + frame.height % 2))


def _with_last(frames: Frames) -> Iterator[tuple[Image.Image, bool]]:
    """Yield each frame with whether it is the last."""
    iterator = iter(frames)
    try:
        held = next(iterator)
    except StopIteration:
        return
    for frame in iterator:
        yield held, False
        held = frame
    yield held, True
