"""Write animations of a training or of other frames. Needs no TensorFlow."""

import io
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.sampling.moving_pictures import write_gif, write_webp
from dcgan_cli.core.sampling.pictures import open_png
from dcgan_cli.core.storage import replacing, replacing_path
from dcgan_cli.errors import ConfigError, DataError

TRAINING_FPS = 5.0
LAST_FRAME_SECONDS = 2.0
MAX_GIF_BYTES = 10e6
"""Limit on the size of a training GIF; a longer training shows fewer epochs."""
MIN_FRAMES = 10
"""Minimum number of frames, even if the GIF exceeds `MAX_GIF_BYTES`."""
MEASURED_FRAMES = 8
"""Minimum number of frames from which the size of a GIF is estimated."""
LABEL_HEIGHT = 22
LABEL_SIZE = 14
FORMATS = (".gif", ".mp4", ".webp")

Frames = Iterable[Image.Image]


def animate_training(
    run: RunFolder,
    path: Path,
    fps: float = TRAINING_FPS,
    last_frame_seconds: float = LAST_FRAME_SECONDS,
    every: int | None = None,
) -> tuple[int, str]:
    """Write an animation of a run's grids.

    Args:
        run: the run.
        path: the file to create or replace; see `write_animation`.
        fps: frames per second.
        last_frame_seconds: duration of the last frame, in seconds.
        every: show every Nth epoch and the last; None for as many as fit in `MAX_GIF_BYTES`.

    Returns:
        The number of frames, and a note if epochs were left out because of the size, otherwise "".

    Raises:
        ConfigError, DataError, OSError: see `training_frames` and `write_animation`.
    """
    note = ""
    if every is None:
        every = _epoch_stride(run) if path.suffix.lower() == ".gif" else 1
        if every > 1:
            note = (
                f"{path.name} shows every {_ordinal(every)} epoch, to stay below "
                f"{MAX_GIF_BYTES / 1e6:.0f} MB"
            )
    frames = training_frames(run, every)
    return write_animation(path, frames, fps, last_frame_seconds), note


def training_frames(run: RunFolder, every: int = 1) -> Iterator[Image.Image]:
    """Yield a run's grids in order of epoch, each with a label that names the epoch.

    Args:
        run: the run.
        every: yield every Nth grid, starting with the first, and the last.

    Raises:
        DataError: the run has no grids, or a grid is not readable or differs in size.
    """
    paths = run.frames()
    if not paths:
        raise DataError(f"{run.samples} has no grids yet; let the run finish an epoch first")
    last = paths[-1][0]
    size = None
    for epoch, path in [*paths[:-1:every], paths[-1]]:
        picture = _open_grid(path)
        size = size or picture.size
        if picture.size != size:
            raise DataError(
                f"{path} is {picture.width}x{picture.height} pixels, the grids before it are "
                f"{size[0]}x{size[1]}; remove it"
            )
        yield add_label(picture, f"epoch {epoch} of {last}")


def _open_grid(path: Path) -> Image.Image:
    try:
        return open_png(path)
    except OSError as error:
        raise DataError(f"{path} is not a readable PNG ({error}); remove it") from None


def _epoch_stride(run: RunFolder) -> int:
    """Return the number N for which a GIF of every Nth epoch stays below `MAX_GIF_BYTES`.

    Frames compress less well as the images improve, so the size is estimated from frames of the
    whole training.
    """
    paths = run.frames()
    if not paths:
        return 1
    measured = paths[:: -(-len(paths) // MEASURED_FRAMES)]
    gif = io.BytesIO()
    write_gif(gif, (_open_grid(path) for _, path in measured), TRAINING_FPS, 0)
    estimated = gif.tell() / len(measured) * len(paths)
    return min(math.ceil(estimated / MAX_GIF_BYTES), max(1, len(paths) // MIN_FRAMES))


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else ending}"


def missing_epochs(present: Sequence[int], last: int) -> str:
    """Return the epochs from 1 to `last` that are not in `present`, such as "3, 7-9".

    Args:
        present: epochs in ascending order, none after `last`.
        last: the last epoch.
    """
    gaps = [(a + 1, b - 1) for a, b in itertools.pairwise([0, *present, last + 1]) if b > a + 1]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in gaps)


def add_label(picture: Image.Image, text: str) -> Image.Image:
    """Return the image with a line of text below it."""
    taller = Image.new(picture.mode, (picture.width, picture.height + LABEL_HEIGHT))
    taller.paste(picture)
    font = ImageFont.load_default(LABEL_SIZE)
    white = 255 if picture.mode == "L" else (255, 255, 255)
    ImageDraw.Draw(taller).text((6, picture.height + 2), text, fill=white, font=font)
    return taller


def write_animation(path: Path, frames: Frames, fps: float, last_frame_seconds: float) -> int:
    """Write frames as GIF, MP4 or WebP, depending on the suffix of `path`.

    Args:
        path: the file to create or replace.
        frames: Pillow images of one size, mode L or RGB.
        fps: frames per second, above 0.
        last_frame_seconds: duration of the last frame in seconds, 0 or more.

    Returns:
        The number of frames.

    Raises:
        ConfigError: the suffix is not supported, or MP4 support is not installed.
        DataError: there are no frames.
        OSError: the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise ConfigError(f"{path} must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if ending == ".mp4":
        return _write_mp4(path, frames, fps, last_frame_seconds)
    write = write_gif if ending == ".gif" else write_webp
    with replacing(path) as stream:
        count = write(stream, frames, fps, last_frame_seconds)
        _check_count(path, count)
    return count


def _write_mp4(path: Path, frames: Frames, fps: float, last_frame_seconds: float) -> int:
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError:
        raise ConfigError(
            ".mp4 needs ffmpeg: pip install imageio-ffmpeg, or choose a .gif or .webp"
        ) from None
    import imageio.v2 as imageio

    count = 0
    with replacing_path(path) as temporary:
        writer = imageio.get_writer(
            temporary, format="FFMPEG", fps=fps, macro_block_size=1, codec="libx264"
        )
        try:
            for frame, is_last in _with_last(frames):
                pixels = np.asarray(_even_sized(frame).convert("RGB"))
                for _ in range(max(1, round(last_frame_seconds * fps)) if is_last else 1):
                    writer.append_data(pixels)
                count += 1
            _check_count(path, count)
        finally:
            writer.close()
    return count


def _with_last(frames: Frames) -> Iterator[tuple[Image.Image, bool]]:
    """Yield (frame, whether it is the last)."""
    iterator = iter(frames)
    held = next(iterator, None)
    while held is not None:
        following = next(iterator, None)
        yield held, following is None
        held = following


def _check_count(path: Path, count: int) -> None:
    if not count:
        raise DataError(f"there are no frames to write to {path}")


def _even_sized(frame: Image.Image) -> Image.Image:
    """Pad a frame to an even width and height, which video codecs require."""
    return frame.crop((0, 0, frame.width + frame.width % 2, frame.height + frame.height % 2))
