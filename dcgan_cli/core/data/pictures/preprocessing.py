"""Preprocess pictures: resized and converted to the network's input."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from dcgan_cli.settings.schema import FILES, DataConfig

ORIENTATION = 0x0112
"""EXIF tag for the orientation of the camera."""
GREY_MODES = ("1", "L", "LA", "La", "I", "F")
SCALING = Image.Resampling.LANCZOS
WHITE = (255, 255, 255, 255)


@dataclass(frozen=True)
class Form:
    """Size, channels and value range of preprocessed images."""

    size: int
    """Width and height in pixels."""
    channels: int
    """1 for grey, 3 for RGB."""
    fit: str
    """How a picture becomes square: crop, stretch or pad."""
    black: float = 0.0
    """The value that becomes black; used only if `white` is given."""
    white: float | None = None
    """The value that becomes white; None for the maximum of the file's format. A value above 255
    applies only to pictures of more than 8 bits."""

    @classmethod
    def of(cls, config: DataConfig) -> "Form":
        """Return the form that the settings describe."""
        form = cls(config.image_size, config.channels, config.fit)
        in_files = config.name in FILES
        return (
            dataclasses.replace(form, black=config.black, white=config.white) if in_files else form
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.size, self.size, self.channels


@dataclass(frozen=True)
class Plain:
    """A decoded picture, upright, with 8 bits and no transparency."""

    picture: Image.Image
    """The picture in mode L or RGB."""
    values: np.ndarray | None
    """[H, W], the original grey values if they have more than 8 bits, otherwise None."""
    top: float | None
    """The value that became white; None if the picture's minimum became black and its maximum
    white."""
    alpha_unused: bool
    """Whether an alpha of 0 everywhere was ignored."""


def fitted(picture: Image.Image, form: Form) -> np.ndarray:
    """Return an opened picture, preprocessed to a form; decodes it if necessary.

    Applies the EXIF orientation, composites transparent parts onto white, scales values of more
    than 8 bits (see `_eight_bits`), and resizes with a Lanczos filter.

    Returns:
        uint8 `form.shape`.

    Raises:
        Exception: any exception, if the file is damaged: Pillow's readers do not limit them.
    """
    return squared(plain(picture, form), form)


def plain(picture: Image.Image, form: Form) -> Plain:
    """Decode an opened picture and convert it to the form's mode; see `fitted`."""
    # Decodes a JPEG at 1/2, 1/4 or 1/8 of its size if that is still twice the required size.
    picture.draft(None, (2 * form.size, 2 * form.size))
    picture.load()
    is_bmp = picture.format == "BMP"
    # Pillow scales the values of a PGM file to 16 bits, in mode I.
    is_pgm = picture.format == "PPM" and picture.mode == "I"
    upright = _upright(picture)
    mode = "L" if form.channels == 1 else "RGB"
    values: np.ndarray | None = None
    top: float | None = 255.0
    alpha_unused = False
    if is_deep_mode(upright.mode):
        values = np.asarray(upright)
        pixels, top = _eight_bits(values, "I;16" if is_pgm else upright.mode, form)
        if isinstance(transparent := upright.info.get("transparency"), int):
            pixels = np.where(values == transparent, np.uint8(WHITE[0]), pixels)
        made = Image.fromarray(pixels)
    elif upright.has_transparency_data:
        coloured = _stretched(upright.convert("RGBA"), form)
        alpha_unused = _is_alpha_unused(upright, coloured, is_bmp=is_bmp)
        if alpha_unused:
            made = coloured.convert("RGB")
        else:
            made = Image.alpha_composite(Image.new("RGBA", coloured.size, WHITE), coloured)
    else:
        made = upright if upright.mode == mode else upright.convert(mode)
        made = _stretched(made, form)
    made = made if made.mode == mode else made.convert(mode)
    return Plain(made, values, top, alpha_unused)


def squared(plain: Plain, form: Form) -> np.ndarray:
    """Resize a plain picture to the size of a form: uint8 `form.shape`."""
    return np.asarray(_square(plain.picture, form)).reshape(form.shape)


def fit_array(image: np.ndarray, form: Form) -> np.ndarray:
    """Preprocess uint8 [H, W, C] to uint8 `form.shape`; C is 1, 3 or 4 (with transparency)."""
    if image.shape == form.shape:
        return image
    return fitted(Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), form)


def is_deep_mode(mode: str) -> bool:
    """Return whether a Pillow mode is grey with more than 8 bits."""
    return mode in ("I", "F") or mode.startswith("I;16")


def is_grey_mode(mode: str) -> bool:
    """Return whether a Pillow mode has no colour."""
    return mode in GREY_MODES or mode.startswith("I;16")


def _upright(picture: Image.Image) -> Image.Image:
    try:
        if picture.getexif().get(ORIENTATION, 1) == 1:
            return picture
        return ImageOps.exif_transpose(picture)
    except Exception:  # Unreadable metadata does not make the picture unusable.
        return picture


def _is_alpha_unused(picture: Image.Image, rgba: Image.Image, *, is_bmp: bool) -> bool:
    """Return whether an alpha of 0 everywhere should be ignored.

    Programs without transparency leave alpha at 0, mostly in BMP files. In other formats the
    picture must have colours; otherwise it is really empty. A single transparent colour does not
    count.
    """
    if rgba.getchannel("A").getbbox() or isinstance(picture.info.get("transparency"), (int, tuple)):
        return False
    return is_bmp or rgba.convert("RGB").getbbox() is not None


def _stretched(picture: Image.Image, form: Form) -> Image.Image:
    """Scale 8-bit values, except alpha, so that `form.black` to `form.white` become 0 to 255."""
    if form.white is None or form.white > 255:
        return picture
    scaled = _scaled(np.arange(256.0), form.black, form.white).tolist()
    return picture.point(
        [v for band in picture.getbands() for v in (range(256) if band == "A" else scaled)]
    )


def _eight_bits(values: np.ndarray, mode: str, form: Form) -> tuple[np.ndarray, float | None]:
    """Scale grey values of more than 8 bits to uint8.

    If `form.white` is given, `form.black` to `form.white` become 0 to 255. Otherwise 16-bit values
    are divided by 257. For modes I and F, the range is the smallest of [0, 1] (F only), [0, 255]
    and [0, 65535] that covers all values; if none does, the minimum becomes 0 and the maximum 255.

    Returns:
        The pixels, and the maximum of the range, or None if it is the picture's own.
    """
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    if form.white is not None:
        return _scaled(values, form.black, form.white), form.white
    low, high = float(values.min()), float(values.max())
    if mode.startswith("I;16"):
        ranges = [65535.0]
    else:
        ranges = [1.0, 255.0, 65535.0] if mode == "F" else [255.0, 65535.0]
    top = next((top for top in ranges if low >= 0 and high <= top), None)
    if top is None:
        return _scaled(values - low, 0, max(high - low, 1e-300)), None
    return _scaled(values, 0, top), top


def _scaled(values: np.ndarray, black: float, white: float) -> np.ndarray:
    return np.rint((values - black) * (255 / (white - black))).clip(0, 255).astype(np.uint8)


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
    """Scale the longer side to `size` and centre the picture on black."""
    longer = max(picture.size)
    width, height = (max(1, round(side * size / longer)) for side in picture.size)
    square = Image.new(picture.mode, (size, size))
    scaled = picture.resize((width, height), SCALING)
    square.paste(scaled, ((size - width) // 2, (size - height) // 2))
    return square
