"""Pictures of any size and mode, brought to the one size and mode that a network takes."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from dcgan_cli.settings.schema import FILES, DataConfig

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
    black: float = 0.0
    """Which value becomes black, where `white` is given."""
    white: float | None = None
    """Which value becomes white; None is what the kind of file takes for it. Above 255 it is for
    pictures of more than 8 bits alone."""

    @classmethod
    def of(cls, config: DataConfig) -> "Form":
        """Return what the settings ask for."""
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
    """A picture, decoded and upright, in 8 bits without transparency."""

    picture: Image.Image
    """Its mode is L or RGB."""
    values: np.ndarray | None
    """[H, W], its grey values before, where they have more than 8 bits."""
    top: float | None
    """Which value became white; None where that was the greatest, and the least became black."""
    alpha_unused: bool
    """Whether all of it is transparent and it is shown nevertheless."""


def fitted(picture: Image.Image, form: Form) -> np.ndarray:
    """Bring an opened picture to a form; pixels are decoded here if they are not yet.

    It is turned upright by its EXIF orientation. Transparent parts become white. Values of more
    than 8 bits are scaled; see `_eight_bits`. Scaling is by Lanczos's filter.

    Returns:
        uint8 `form.shape`.

    Raises:
        Exception: nearly anything, if the file is damaged: Pillow's readers are not particular.
    """
    return squared(plain(picture, form), form)


def plain(picture: Image.Image, form: Form) -> Plain:
    """Decode an opened picture and bring it to the form's mode; see `fitted`."""
    # A JPEG is decoded at a half, a quarter or an eighth of its size, if that is still twice as
    # large as needed.
    picture.draft(None, (2 * form.size, 2 * form.size))
    picture.load()
    is_bmp = picture.format == "BMP"
    # Pillow scales the numbers of a PGM file to 16 bits, and calls its mode I.
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
    """Bring a plain picture to the size of a form: uint8 `form.shape`."""
    return np.asarray(_square(plain.picture, form)).reshape(form.shape)


def fit_array(image: np.ndarray, form: Form) -> np.ndarray:
    """Bring uint8 [H, W, C] to uint8 `form.shape`; C is 1, 3 or 4 (with transparency)."""
    if image.shape == form.shape:
        return image
    return fitted(Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), form)


def is_deep_mode(mode: str) -> bool:
    """Whether pictures of a Pillow mode are grey and have more than 8 bits."""
    return mode in ("I", "F") or mode.startswith("I;16")


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


def _is_alpha_unused(picture: Image.Image, rgba: Image.Image, *, is_bmp: bool) -> bool:
    """Whether the alpha of a picture is 0 everywhere without meaning that nothing is there.

    Programs that know no transparency leave it so, in BMP files above all. In other files colours
    have to be there: without any, an empty picture is what is meant. A single transparent colour is
    no such alpha.
    """
    if rgba.getchannel("A").getbbox() or isinstance(picture.info.get("transparency"), (int, tuple)):
        return False
    return is_bmp or rgba.convert("RGB").getbbox() is not None


def _stretched(picture: Image.Image, form: Form) -> Image.Image:
    """Scale 8-bit values but alpha so that `form.black` to `form.white` become 0 to 255."""
    if form.white is None or form.white > 255:
        return picture
    scaled = _scaled(np.arange(256.0), form.black, form.white).tolist()
    return picture.point(
        [v for band in picture.getbands() for v in (range(256) if band == "A" else scaled)]
    )


def _eight_bits(values: np.ndarray, mode: str, form: Form) -> tuple[np.ndarray, float | None]:
    """Scale grey values of more than 8 bits to uint8.

    `form.black` to `form.white` become 0 to 255, where they are given. Else 16-bit values are
    divided by 257. Others (modes I and F) are taken to be in the smallest range that holds them of
    [0, 1] (F only), [0, 255] and [0, 65535]; where none does, the least becomes 0 and the greatest
    255.

    Returns:
        The pixels, and the greatest value of that range, None for the last.
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
    """Scale so that the longer side fits, and put it in the middle of black."""
    longer = max(picture.size)
    width, height = (max(1, round(side * size / longer)) for side in picture.size)
    square = Image.new(picture.mode, (size, size))
    scaled = picture.resize((width, height), SCALING)
    square.paste(scaled, ((size - width) // 2, (size - height) // 2))
    return square
