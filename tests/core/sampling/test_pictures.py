"""Arrays to pictures, and the facts that a PNG carries."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcgan_cli.core.sampling.pictures import (
    grid_picture,
    read_png_facts,
    sample_grid,
    to_picture,
    to_uint8,
    write_png,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def random_tiles(count: int, height: int = 3, width: int = 5, channels: int = 1) -> np.ndarray:
    shape = (count, height, width, channels)
    return np.random.default_rng(count).integers(1, 256, shape, np.uint8)


def png(facts: dict | None = None) -> bytes:
    stream = io.BytesIO()
    picture = to_picture(sample_grid(random_tiles(4)))
    if facts is None:
        picture.save(stream, "PNG")
    else:
        write_png(stream, picture, facts)
    return stream.getvalue()


def test_to_uint8_endpoints_and_rounding():
    floats = np.array([-1, 1, 0, -2, 2, -1 + 0.6 / 127.5, -1 + 0.4 / 127.5])
    assert to_uint8(floats).tolist() == [0, 255, 128, 0, 255, 1, 0]
    assert to_uint8(floats).dtype == np.uint8


def test_to_uint8_undoes_the_scaling_of_training_images():
    pixels = np.arange(256)
    assert (to_uint8((pixels - 127.5) / 127.5) == pixels).all()


@given(st.integers(1, 40), st.none() | st.integers(1, 50), st.sampled_from([1, 3]))
def test_grid_holds_each_tile_at_its_place_and_nothing_else(count, columns, channels):
    tiles = random_tiles(count, channels=channels)
    grid = sample_grid(tiles, columns)
    in_a_row = (grid.shape[1] - 2) // 7
    assert in_a_row == min(columns or int(np.ceil(np.sqrt(count))), count)
    assert grid.shape == (-(-count // in_a_row) * 5 + 2, in_a_row * 7 + 2, channels)
    rest = grid.copy()
    for index, tile in enumerate(tiles):
        row, column = divmod(index, in_a_row)
        place = np.s_[2 + 5 * row : 5 + 5 * row, 2 + 7 * column : 7 + 7 * column]
        assert (grid[place] == tile).all()
        rest[place] = 0
    assert not rest.any()


def test_to_picture_keeps_pixels_and_scales_whole():
    grey, colour = random_tiles(1)[0], random_tiles(1, channels=3)[0]
    assert (np.asarray(to_picture(grey)) == grey[..., 0]).all()
    assert to_picture(colour).mode == "RGB"
    tripled = np.asarray(to_picture(colour, 3))
    assert (tripled == colour.repeat(3, axis=0).repeat(3, axis=1)).all()


@pytest.mark.parametrize(
    ("count", "columns", "size"),
    [
        (1, None, (512, 512)),  # 32 pixels wide: 16 times.
        (16, None, (488, 488)),  # 122: 4 times.
        (16, 16, (482, 32)),  # 482: as it is.
        (400, None, (602, 602)),  # Wider than asked for: never made smaller.
    ],
)
def test_grid_picture_is_enlarged_by_a_whole_factor(count, columns, size):
    picture = grid_picture(random_tiles(count, 28, 28), columns)
    assert picture.size == size


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_png_facts_round_trip(tmp_path_factory, facts):
    path = tmp_path_factory.getbasetemp() / "facts.png"
    path.write_bytes(png(facts))
    assert read_png_facts(path) == facts
    with Image.open(path) as picture:
        assert (np.asarray(picture) == sample_grid(random_tiles(4))[..., 0]).all()


def test_other_png_has_no_facts(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(png())
    assert read_png_facts(path) is None


@pytest.mark.parametrize("text", ["", "{", "[1]", "1"])
def test_facts_of_another_kind_are_none(tmp_path, text):
    from PIL import PngImagePlugin

    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("dcgan", text)
    to_picture(random_tiles(1)[0]).save(tmp_path / "x.png", pnginfo=chunks)
    assert read_png_facts(tmp_path / "x.png") is None


@pytest.mark.parametrize("content", [b"", b"GIF89a" + b"\0" * 50, png()[:40]])
def test_not_a_png_is_an_os_error(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(OSError, match=r".+"):
        read_png_facts(path)


@given(st.data(), st.integers(1, 255))
def test_damaged_png_is_an_os_error_or_gives_facts(tmp_path_factory, pick, mask):
    whole = bytearray(png({"seed": 1}))
    whole[pick.draw(st.integers(0, len(whole) - 1))] ^= mask
    path = tmp_path_factory.getbasetemp() / "flipped.png"
    path.write_bytes(whole)
    try:
        facts = read_png_facts(path)
    except OSError:
        return
    assert facts in (None, {"seed": 1})


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + check


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"IHDR", b"")],
        [chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0)), chunk(b"IEND", b"")],
    ],
    ids=["short header", "states 900 million pixels"],
)
def test_malformed_png_is_an_os_error(tmp_path, chunks):
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(OSError, match=r".+"):
        read_png_facts(path)
