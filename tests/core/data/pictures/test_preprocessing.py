"""Preprocessing of pictures of every mode and size."""

import itertools

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.core.data.pictures.preprocessing import Form, fit_array, fitted
from tests.pictures import MODES, colours, write_picture

GREY = Form(16, 1, "crop")
COLOUR = Form(16, 3, "crop")
RED, BLUE = (255, 0, 0), (0, 0, 255)


def reread(path, picture: Image.Image) -> Image.Image:
    return Image.open(write_picture(path, picture))


@pytest.mark.parametrize("form", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize(("mode", "ending"), MODES.items())
def test_every_mode_gives_the_same_picture(tmp_path, mode, ending, form):
    plain = colours(5, 40, 30).convert("L")
    if mode in ("I", "I;16"):
        picture = Image.fromarray(np.asarray(plain).astype(np.uint16) * 257)
        picture = picture if mode == "I;16" else Image.fromarray(np.asarray(picture, np.int32))
    elif mode == "F":
        picture = Image.fromarray(np.asarray(plain, np.float32) / 255)
    else:
        picture = plain.convert("RGB").convert("RGBA").convert("LA" if mode == "PA" else mode)
        picture = picture.convert("PA") if mode == "PA" else picture
    opened = reread(tmp_path / f"x.{ending}", picture)
    assert opened.mode == mode or mode in ("P", "PA")
    expected = fitted(plain, form).astype(int)
    found = fitted(opened, form).astype(int)
    assert found.shape == form.shape
    tolerance = 100 if mode == "1" else 12  # Mode 1 is dithered.
    assert abs(found - expected).mean() < tolerance / 4


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparent_parts_become_white(tmp_path, mode):
    picture = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    if mode == "P":
        picture = Image.new("RGB", (20, 20), RED).quantize(2)
        picture.save(tmp_path / "x.gif", transparency=picture.getpixel((0, 0)))
        picture = Image.open(tmp_path / "x.gif")
    elif mode == "PA":
        picture = Image.new("PA", (20, 20), (0, 0))
    else:
        picture = reread(tmp_path / "x.png", picture.convert(mode))
    assert (fitted(picture, COLOUR) == 255).all()


def test_dark_16_bit_picture_keeps_its_range(tmp_path):
    """Pillow uses different modes for 16-bit PGM and PNG files."""
    values = np.arange(256, dtype=np.uint16).reshape(16, 16)
    content = b"P5 16 16 65535\n" + values.astype(">u2").tobytes()
    (tmp_path / "x.pgm").write_bytes(content)
    png = reread(tmp_path / "x.png", Image.fromarray(values))
    assert fitted(png, GREY).max() <= 1
    assert (fitted(Image.open(tmp_path / "x.pgm"), GREY) == fitted(png, GREY)).all()


def test_transparent_16_bit_value_becomes_white(tmp_path):
    values = np.full((16, 16), 1000, np.uint16)
    values[:8] = 30000
    Image.fromarray(values).save(tmp_path / "x.png", transparency=1000)
    found = fitted(Image.open(tmp_path / "x.png"), GREY)[..., 0]
    assert (found[:8] == round(30000 / 257)).all()
    assert (found[8:] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = Image.new("RGB", (40, 40), RED)
    upright.paste(BLUE, (0, 0, 40, 20))
    upright.paste((0, 255, 0), (0, 0, 20, 20))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    held = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    held.save(tmp_path / "x.jpg", exif=exif, quality=95)
    found = fitted(Image.open(tmp_path / "x.jpg"), COLOUR).astype(int)
    assert abs(found - fitted(upright, COLOUR).astype(int)).mean() < 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_unreadable_exif_is_ignored(tmp_path):
    colours(1, 40, 40).save(tmp_path / "x.jpg", exif=b"Exif\0\0MM\0\x2a\0\0\0\x08\xff\xff")
    assert fitted(Image.open(tmp_path / "x.jpg"), COLOUR).shape == (16, 16, 3)


def test_first_frame_of_a_gif(tmp_path):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert (fitted(Image.open(tmp_path / "x.gif"), COLOUR) == RED).all()


class TestFit:
    """Square pictures from a wide one: red, blue in the middle, red."""

    @pytest.fixture
    def wide(self) -> Image.Image:
        picture = Image.new("RGB", (64, 32), RED)
        picture.paste(BLUE, (16, 0, 48, 32))
        return picture

    def test_crop_keeps_the_middle(self, wide):
        assert (fitted(wide, Form(32, 3, "crop")) == BLUE).all()

    def test_stretch_keeps_everything(self, wide):
        found = fitted(wide, Form(32, 3, "stretch"))
        assert (found[:, 12:20] == BLUE).all()
        assert (found[:, :4] == RED).all()
        assert (found[:, -4:] == RED).all()

    def test_pad_adds_black_bars(self, wide):
        found = fitted(wide, Form(32, 3, "pad"))
        assert (found[:8] == 0).all()
        assert (found[-8:] == 0).all()
        assert (found[12:20, 12:20] == BLUE).all()
        assert found[16, 1].tolist() == list(RED)

    @pytest.mark.parametrize(
        ("fit", "size"),
        list(itertools.product(["crop", "stretch", "pad"], [(1, 1), (1, 900), (900, 1), (7, 9)])),
    )
    def test_any_size(self, fit, size):
        assert fitted(Image.new("L", size, 9), Form(32, 1, fit)).shape == (32, 32, 1)


def test_right_size_and_mode_is_unchanged():
    array = np.asarray(colours(1, 16, 16))
    assert (fitted(Image.fromarray(array), COLOUR) == array).all()
    assert fit_array(array, COLOUR) is array


def test_arrays():
    grey = np.full((28, 20, 1), 7, np.uint8)
    assert (fit_array(grey, COLOUR) == 7).all()
    see_through = np.zeros((20, 28, 4), np.uint8)
    assert (fit_array(see_through, GREY) == 255).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 25700.0, 65535.0], [0, 100, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, np.nan, 1.0], [0, 0, 255]),
        ([5e5, 5e5, 5e5], [0, 0, 0]),
    ],
)
def test_more_than_8_bits(values, expected):
    picture = Image.fromarray(np.tile(np.array(values, np.float32), (9, 3)))
    found = fitted(picture, Form(9, 1, "crop"))
    assert found[0, :3, 0].tolist() == expected
