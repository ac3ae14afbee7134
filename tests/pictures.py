"""Real image files of every kind, good and bad, for the tests of folders of pictures."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.settings.schema import DataConfig

MODES = {
    "1": "png",
    "L": "png",
    "LA": "png",
    "P": "gif",
    "PA": "tif",
    "RGB": "jpg",
    "RGBA": "png",
    "CMYK": "jpg",
    "I;16": "png",
    "I": "tif",
    "F": "tif",
}
"""Every Pillow mode that files come in, with a format that keeps it."""


def colours(seed: int, width: int, height: int) -> Image.Image:
    """A smooth picture in colour, another for each seed."""
    draw = np.random.default_rng(seed)
    corners = Image.fromarray(draw.integers(0, 256, (3, 3, 3), np.uint8))
    return corners.resize((width, height), Image.Resampling.BICUBIC)


def write_picture(path: Path, picture: Image.Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def write_colours(folder: Path, count: int, width: int = 40, height: int = 40) -> Path:
    """Write `count` colour pictures as PNG files."""
    for seed in range(count):
        write_picture(folder / f"{seed:04d}.png", colours(seed, width, height))
    return folder


def write_bomb(path: Path) -> Path:
    """Write a PNG of about 74 bytes whose header declares 20000 x 20000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 9)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))
    return path


def write_bad(folder: Path) -> dict[str, str]:
    """Write files that are not usable pictures.

    Returns:
        Part of the expected problem, by file name.
    """
    (folder / "text.png").write_text("hello")
    (folder / "empty.jpg").touch()
    whole = write_picture(folder / "cut.jpg", colours(1, 300, 200)).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    whole = write_picture(folder / "cut.png", colours(2, 300, 200)).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    write_bomb(folder / "bomb.png")
    (folder / "nowhere.png").symlink_to("not-there.png")
    return {
        "text.png": "is not an image",
        "empty.jpg": "is empty",
        "cut.jpg": "damaged",
        "cut.png": "damaged",
        "bomb.png": "more than",
        "nowhere.png": "broken link",
    }


def load(folder: Path, **options) -> ImageSet:
    """Load a folder as a training set, of 16x16 pixels in colour unless options say otherwise."""
    defaults = {"image_size": 16, "channels": 3}
    return load_training_images(
        DataConfig(name="image_folder", path=str(folder), **defaults | options)
    )
