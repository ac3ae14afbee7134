"""Pictures of any size and mode, brought to the one size and mode that a network takes."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from dcgan_cli.config import DataConfig

ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""
GREY_MODES = ("1", "L", "LA", "La", "I", "F")
SCALING = Image.Resampling.LANCZOS
WHITE = (255, 255, 255, 255)


@dataclass(frozen=True)
class Form:
    """What every image is brought to."""

    size: int
    """Width and height in pixels."""
    channels: int
    """1 is grey, 3 is RGB."""
    fit: str
    """How a picture that is not square becomes so: crop, stretch or pad."""

    @classmethod
    def of(cls, config: DataConfig) -> "Form":
        """Return what the settings ask for."""
        return cls(config.image_size, config.channels, config.fit)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.size, self.size, self.channels


def fitted(picture: Image.Image, form: Form) -> np.ndarray:
    """Bring an opened picture to a form; pixels are decoded here if they are not yet.

    It is turned upright by its EXIF orientation. Transparent parts become white. Values of more
    than 8 bits are scaled; see `_eight_bits`. Scaling is by Lanczos's filter.

    Returns:
        uint8 `form.shape`.

    Raises:
        Exception: nearly anything, if the file is damaged: Pillow's readers are not particular.
    """
    # A JPEG is decoded at a half, a quarter or an eighth of its size, if that is still twice as
    # large as needed.
    picture.draft(None, (2 * form.size, 2 * form.size))
    picture.load()
    plain = _plain(_upright(picture), "L" if form.channels == 1 else "RGB")
    return np.asarray(_square(plain, form)).reshape(form.shape)


def fit_array(image: np.ndarray, form: Form) -> np.ndarray:
    """Bring uint8 [H, W, C] to uint8 `form.shape`; C is 1, 3 or 4 (with transparency)."""
    if image.shape == form.shape:
        return image
    return fitted(Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), form)


def is_grey_mode(mode: str) -> bool:
    """Whether pictures of a Pillow mode have no colour."""
    return mode in GREY_MODES or mode.startswith("I;16")


def _upright(picture: Image.Image) -> Image.Image:
    try:
        if picture.getexif().get(ORIENTATION, 1) == 1:
            return picture
        return ImageOps.exif_transpose(picture)
    except Exception:  # Metadata that cannot be read is no reason to lose the picture.
        return picture


def _plain(picture: Image.Image, mode: str) -> Image.Image:
    """Convert to L or RGB."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        # Pillow scales the numbers of a PGM file to 16 bits, and calls its mode I.
        pixels = _eight_bits(values, "I;16" if picture.format == "PPM" else picture.mode)
        if isinstance(transparent := picture.info.get("transparency"), int):
            pixels = np.where(values == transparent, np.uint8(WHITE[0]), pixels)
        picture = Image.fromarray(pixels)
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, WHITE), picture)
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Scale grey values of more than 8 bits to uint8.

    16-bit values are divided by 257. Others (modes I and F) are taken to be in the smallest range
    that holds them of [0, 1] (F only), [0, 255] and [0, 65535]; where none does, the least becomes
    0 and the greatest 255.
    """
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if mode.startswith("I;16"):
        ranges = [65535.0]
    else:
        ranges = [1.0, 255.0, 65535.0] if mode == "F" else [255.0, 65535.0]
    top = next((top for top in ranges if low >= 0 and high <= top), None)
    if top is None:
        values, top = values - low, max(high - low, 1e-300)
    return np.rint(values * (255 / top)).clip(0, 255).astype(np.uint8)


def _square(picture: Image.Image, form: Form) -> Image.Image:
    size = (form.size, form.size)
    if picture.size == size:
        return picture
    if form.fit == "stretch":
        return picture.resize(size, SCALING)
    if form.fit == "pad":
        return _padded(picture, form.size)
    return ImageOps.fit(picture, size, SCALING)


def _padded(picture: Image.Image, size: int) -> Image.Image:
    """Scale so that the longer side fits, and put it in the middle of black."""
    longer = max(picture.size)
    width, height = (max(1, round(side * size / longer)) for side in picture.size)
    square = Image.new(picture.mode, (size, size))
    scaled = picture.resize((width, height), SCALING)
    square.paste(scaled, ((size - width) // 2, (size - height) // 2))
    return square
