"""Pictures from websites, scanners and other programs: formats, value ranges, pages, classes."""

import io
import json
import struct
import sys
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, PngImagePlugin

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.pictures import decoding as picture_decoding
from dcgan_cli.core.data.pictures.class_folders import as_written, class_folders
from dcgan_cli.core.data.pictures.content_kinds import why_no_picture
from dcgan_cli.core.data.pictures.decoding import ReadImage, decode
from dcgan_cli.core.data.pictures.listing import ImageFile, list_images
from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.errors import ConfigError, DataError
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from dcgan_cli.settings.schema import DataConfig
from dcgan_cli.text import counted
from tests.pictures import colours, load, write_colours, write_picture

COLOUR, GREY = Form(16, 3, "crop"), Form(16, 1, "crop")
ORANGE = (200, 100, 50)


def read(content: bytes, form: Form = COLOUR) -> ReadImage:
    return decode(ImageFile("x", len(content), 0), content, form)


def written(picture: Image.Image, kind: str, **options) -> bytes:
    if kind == "HEIF":
        pillow_heif.register_heif_opener(thumbnails=False)
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def note_of(data: ImageSet, label: str) -> str:
    (note,) = [note for note in map(str, data.notes) if note.startswith(f"{label} ")]
    return note


class TestContentDecides:
    @pytest.mark.parametrize(
        "kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "HEIF", "JPEG2000"]
    )
    def test_every_kind_under_every_name(self, folder, kind):
        picture = colours(3, 64, 64)
        for name in ("x.jpg", "x.png", "x.avif", "x.heic"):
            (folder / name).write_bytes(written(picture, kind))
        images = np.asarray(load(folder).images).astype(int)
        expected = read(written(picture, "PNG")).pixels.astype(int)
        assert len(images) == 4
        assert abs(images - expected).mean() < 8

    @pytest.mark.parametrize(
        ("kind", "word"),
        [("AVIF", "AVIF"), ("HEIF", "HEIC"), ("WEBP", "WebP"), ("PNG", "PNG"), ("TIFF", "TIFF")],
    )
    @pytest.mark.parametrize("share", [0.03, 0.3, 0.8])
    def test_truncated_file_is_reported(self, kind, word, share):
        content = written(colours(3, 300, 300), kind)
        found = read(content[: max(20, int(len(content) * share))])
        assert found.pixels is None
        assert f"is a damaged {word}" in found.problem

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"\n<!DOCTYPE html>\n<html><body>Not found", "an HTML page"),
            (b"\xef\xbb\xbf<!-- x --><HTML>", "an HTML page"),
            (b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="">', "an SVG drawing"),
            (b'{"error": "forbidden"}', "JSON"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
            (b"\xff\x0a" + bytes(99), "JPEG XL"),
            (b"\0\0\0\x20ftypisom" + bytes(99), "a video"),
            (b"8BPS" + bytes(99), "a Photoshop document"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
            (b"PK\x03\x04" + bytes(99), "a ZIP archive"),
        ],
    )
    def test_other_kinds_are_reported(self, content, what):
        problem = read(content).problem
        assert what in problem
        assert problem.endswith(", not an image")

    @pytest.mark.parametrize("content", [b"hello", b"\0" * 99, b"<" * 5000, b"<!>" * 2000])
    def test_unknown_kind(self, content):
        assert read(content).problem == "is not an image"

    def test_unsupported_tiff(self):
        grey = written(Image.fromarray(np.zeros((9, 9), np.float32)), "TIFF")
        tag = bytes.fromhex("0201 0300 01000000")  # Bits per value.
        assert tag + b"\x20" in grey
        found = read(grey.replace(tag + b"\x20", tag + b"\x18"))
        assert "a damaged or unsupported TIFF" in found.problem

    def test_heic_without_the_extra(self, folder, monkeypatch):
        content = written(colours(3, 64, 64), "HEIF")
        (folder / "x.heic").write_bytes(content)
        picture_decoding._can_read_heif.cache_clear()
        monkeypatch.setitem(sys.modules, "pillow_heif", None)
        monkeypatch.setattr(picture_decoding, "heif_version", lambda: None)
        monkeypatch.setattr("dcgan_cli.core.data.image_cache.heif_version", lambda: None)
        with pytest.raises(DataError, match=r"x\.heic is HEIC; install dcgan-cli\[heif\]"):
            load(folder)
        monkeypatch.undo()
        monkeypatch.setenv("DCGAN_CACHE", str(folder.parent / "cache"))
        picture_decoding._can_read_heif.cache_clear()
        assert len(load(folder).images) == 1, "once it is installed, the cache does not matter"

    def test_avif_without_support_in_pillow(self, monkeypatch):
        monkeypatch.setattr("PIL.features.check", lambda name: False)
        assert "install Pillow from PyPI" in why_no_picture(written(colours(1, 9, 9), "AVIF"))

    def test_heic_thumbnail_is_not_used(self):
        picture = colours(3, 900, 900)
        content = written(picture, "HEIF", thumbnails=[64, 128], quality=95)
        expected = read(written(picture, "PNG")).pixels.astype(int)
        assert abs(read(content).pixels - expected).mean() < 4


def bmp_with_alpha(values: np.ndarray) -> bytes:
    """Return a 32-bit BMP with an alpha mask, from uint8 [H, W, 4] in BGRA order."""
    height, width, _ = values.shape
    head = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, values.size, 0, 0, 0, 0)
    head += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(108 - 40 - 16)
    start = 14 + len(head)
    file_head = struct.pack("<IHHI", start + values.size, 0, 0, start)
    return b"BM" + file_head + head + values.tobytes()


class TestAlphaZeroEverywhere:
    @pytest.mark.parametrize("colour", [ORANGE, (0, 0, 0)])
    def test_bmp(self, colour):
        content = bmp_with_alpha(np.full((20, 20, 4), [*colour[::-1], 0], np.uint8))
        found = read(content)
        assert (found.pixels == colour).all()
        assert (found.alpha_unused, found.transparent) == (True, False)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
    def test_colours_are_kept(self, kind):
        picture = colours(3, 16, 16)
        picture.putalpha(0)
        found = read(written(picture, kind, lossless=True, exact=True))
        assert (found.pixels == np.asarray(colours(3, 16, 16))).all()
        assert found.alpha_unused

    def test_grey(self):
        grey = colours(3, 16, 16).convert("L")
        picture = Image.merge("LA", (grey, Image.new("L", grey.size, 0)))
        assert (read(written(picture, "PNG"), GREY).pixels[..., 0] == np.asarray(grey)).all()

    def test_an_empty_picture_stays_white(self):
        found = read(written(Image.new("RGBA", (16, 16)), "PNG"))
        assert (found.pixels == 255).all()
        assert (found.alpha_unused, found.transparent) == (False, True)

    def test_transparent_colour_counts(self):
        content = written(Image.new("RGB", (16, 16), ORANGE), "PNG", transparency=ORANGE)
        assert (read(content).pixels == 255).all()

    def test_one_opaque_pixel(self):
        picture = Image.new("RGBA", (16, 16), (*ORANGE, 0))
        picture.putpixel((0, 0), (*ORANGE, 255))
        found = read(written(picture, "PNG"))
        assert found.transparent
        assert (found.pixels[1:] == 255).all()

    def test_note(self, folder, dcgan):
        content = bmp_with_alpha(np.full((20, 20, 4), [9, 99, 199, 0], np.uint8))
        for number in range(2):
            (folder / f"{number}.bmp").write_bytes(content)
        assert "2 pictures with an alpha of 0 everywhere" in note_of(load(folder), "opaque")
        assert "2 pictures with an alpha of 0 everywhere" in dcgan("inspect", folder).out

    def test_values_that_are_no_numbers_are_said(self, folder, dcgan):
        for number, odd in enumerate((0.5, np.nan, np.inf)):
            values = np.full((16, 16), 0.5, np.float32)
            values[3, 4] = odd
            Image.fromarray(values).save(folder / f"{number}.tif")
        note = "2 pictures with values that are NaN or infinite; these values become 0"
        assert any(note in str(one) for one in load(folder).notes)
        assert note in dcgan("inspect", folder).out


def ramp(top: float, kind: type, low: float = 0) -> np.ndarray:
    return np.linspace(low, top, 32 * 32).reshape(32, 32).astype(kind)


class TestRange:
    @pytest.mark.parametrize(
        ("values", "ending", "settings"),
        [
            (ramp(4095, np.uint16), "png", {"white": 4095.0}),
            (ramp(1000, np.uint16), "tif", {"white": 1023.0}),
            (ramp(4095, np.uint16), "pgm", {"white": 4095.0}),
            (ramp(9000, np.uint16, 7000), "png", {"black": 7000.0, "white": 9000.0}),
            (ramp(60040, np.uint16, 60010), "png", {"black": 60010.0, "white": 60040.0}),
            (ramp(1.9, np.uint8), "png", {"white": 1.0}),
            (ramp(20, np.uint8), "bmp", {"white": 20.0}),
            (ramp(0.25, np.float32), "tif", {"white": 0.25}),
            (ramp(3000, np.int32, -1000), "tif", {"black": -1000.0, "white": 3000.0}),
        ],
    )
    def test_narrow_range_is_reported_with_settings_for_the_full_range(
        self, folder, dcgan, values, ending, settings
    ):
        write_picture(folder / f"x.{ending}", Image.fromarray(values))
        data = load(folder, channels=1)
        note = note_of(data, "range")
        facts = json.loads(dcgan("inspect", folder, "--json").out)
        command = facts["commands"]["train on it"].split()[2:]
        found = compose(CommandLine.parse(command)).data
        suggested = {name: getattr(found, name) for name in settings}
        span = settings["white"] - settings.get("black", 0)
        assert suggested == pytest.approx(settings, abs=span / 25)
        for name, value in suggested.items():
            assert f"data.{name}={value:.15g}" in note
        for cache in (True, False):
            better = load(folder, channels=1, cache=cache, **settings)
            assert not [note for note in map(str, better.notes) if note.startswith("range")]
            pixels = np.asarray(better.images)
            assert pixels.min() < 8
            assert pixels.max() > 240

    def test_hot_pixel_is_ignored(self, folder):
        values = ramp(4095, np.uint16)
        values[5, 5] = 65535
        write_picture(folder / "x.png", Image.fromarray(values))
        assert "data.white=4095" in note_of(load(folder), "range")

    @pytest.mark.parametrize(
        "values", [ramp(65535, np.uint16), ramp(255, np.uint8), np.full((9, 9), 7, np.uint8)]
    )
    def test_full_range_has_no_note(self, folder, values):
        write_picture(folder / "x.png", Image.fromarray(values))
        assert load(folder).notes == ()

    def test_all_pictures_are_scaled_alike(self, folder):
        """A picture with half the brightness keeps half the brightness."""
        for number, top in enumerate((2000, 4000)):
            write_picture(folder / f"{number}.png", Image.fromarray(ramp(top, np.uint16)))
        dark, bright = np.asarray(load(folder, channels=1, white=4095).images).astype(int)
        assert abs(2 * dark - bright).max() <= 2

    def test_per_picture_scaling_is_reported(self, folder):
        for number, top in enumerate((200, 3000)):
            write_picture(folder / f"{number}.tif", Image.fromarray(ramp(top, np.int32)))
        note = note_of(load(folder), "range")
        assert "per picture; data.white=4095 scales all pictures alike" in note

    def test_8_bit_pictures_keep_their_range(self, folder):
        write_picture(folder / "a.png", Image.fromarray(ramp(255, np.uint8)))
        write_picture(folder / "b.png", Image.fromarray(ramp(4095, np.uint16)))
        assert "data.white=4095" in note_of(load(folder), "range")
        light, deep = np.asarray(load(folder, channels=1, white=4095).images).astype(int)
        assert abs(light - deep).max() <= 2

    def test_transparent_parts_stay_white(self):
        picture = Image.new("RGBA", (16, 16), (20, 10, 0, 255))
        picture.paste((0, 0, 0, 0), (0, 0, 16, 8))
        form = Form(16, 3, "crop", 0, 20)
        found = read(written(picture, "PNG"), form).pixels
        assert (found[:8] == 255).all()
        assert found[12, 0].tolist() == [255, 128, 0]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"black": 5.0}, "must be 0 without data.white"),
            ({"black": 5.0, "white": 5.0}, "must be less than data.white"),
        ],
    )
    def test_conflicting_settings(self, options, message):
        with pytest.raises(ConfigError, match=message):
            DataConfig(name="image_folder", **options)


class TestPngText:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_long_text(self, zipped):
        info = PngImagePlugin.PngInfo()
        for _ in range(1 if zipped else 70):
            info.add_text("workflow", "x" * 1_500_000, zip=zipped)
        picture = colours(1, 16, 16)
        found = read(written(picture, "PNG", pnginfo=info))
        assert (found.pixels == np.asarray(picture)).all()

    def test_long_profile(self):
        found = read(written(colours(1, 16, 16), "PNG", icc_profile=bytes(1_500_000)))
        assert found.problem is None

    def test_text_after_the_pixels(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        whole = written(colours(1, 20, 30), "PNG", exif=exif)
        text = b"zTXtworkflow\0\0" + zlib.compress(b"x" * 2_000_000)
        chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        found = read(whole[:-12] + chunk + whole[-12:])
        assert found.turned
        assert (found.pixels == read(whole).pixels).all()

    def test_damage_with_a_long_text(self):
        info = PngImagePlugin.PngInfo()
        info.add_text("workflow", "x" * 1_500_000, zip=True)
        content = written(colours(1, 300, 300), "PNG", pnginfo=info)
        assert "is a damaged PNG" in read(content[:-9000]).problem


def write_stack(path: Path, count: int, kind: str, **options) -> list[np.ndarray]:
    pages = [colours(number, 16, 16) for number in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    pages[0].save(path, kind, save_all=True, append_images=pages[1:], **options)
    return [np.asarray(page) for page in pages]


class TestPages:
    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("TIFF", {}),
            ("GIF", {}),
            ("WEBP", {"lossless": True}),
            ("PNG", {"blend": 0}),
            ("AVIF", {"quality": 100, "subsampling": "4:4:4"}),
            ("HEIF", {"quality": 100, "chroma": 444}),
        ],
    )
    def test_counted_and_usable(self, folder, kind, options):
        if kind == "HEIF":
            pillow_heif.register_heif_opener(thumbnails=False)
        write_picture(folder / "a.png", colours(90, 16, 16))
        expected = [np.asarray(colours(90, 16, 16))]
        expected += write_stack(folder / "b.png", 5, kind, **options)
        write_picture(folder / "c.png", colours(91, 16, 16))
        expected.append(np.asarray(colours(91, 16, 16)))
        first = load(folder)
        assert len(first.images) == 3
        assert "4 further pages or frames of 1 file not used; data.pages=all" in note_of(
            first, "pages"
        )
        data, anew = (load(folder, pages="all", cache=cache) for cache in (True, False))
        assert abs(np.asarray(data.images).astype(int) - expected).mean() < 8
        places = np.array([6, 5, 0, 3, 1, 3])
        assert (anew.images[places] == data.images[places]).all()
        assert data.digest() == anew.digest() != first.digest()
        assert not [note for note in map(str, data.notes) if note.startswith("pages")]
        data.check_unchanged()

    def test_classes_and_limit(self, folder):
        for name in ("cats", "dogs"):
            write_stack(folder / name / "x.tif", 3, "TIFF")
        data = load(folder, pages="all")
        assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
        limited = load(folder, pages="all", limit=4)
        assert (limited.images == data.images[:4]).all()

    def test_thumbnails_and_masks_are_not_pages(self, folder):
        pages = [colours(number, 16, 16) for number in range(4)]
        for page, kind in zip(pages, (0, 1, 0, 4), strict=True):
            page.encoderinfo = {"tiffinfo": {254: kind}}
        pages[0].save(folder / "x.tif", save_all=True, append_images=pages[1:], tiffinfo={254: 0})
        data = load(folder, pages="all")
        assert (data.images == np.stack([pages[0], pages[2]])).all()

    def test_second_picture_of_a_phones_jpeg_is_not_a_page(self, folder):
        pages = [colours(number, 16, 16) for number in range(2)]
        pages[0].save(folder / "x.jpg", "MPO", save_all=True, append_images=pages[1:])
        assert load(folder).notes == ()
        assert len(load(folder, pages="all").images) == 1

    def test_damaged_page_is_reported(self, folder):
        pages = [colours(number, 60, 60) for number in range(3)]
        pages[0].save(
            folder / "x.tif", save_all=True, append_images=pages[1:], compression="tiff_deflate"
        )
        content = bytearray((folder / "x.tif").read_bytes())
        with Image.open(folder / "x.tif") as picture:
            picture.seek(1)
            (start,) = picture.tag_v2[273]
        content[start : start + 40] = bytes(40)
        (folder / "x.tif").write_bytes(content)
        with pytest.raises(DataError, match=r"1 of 3 images cannot be used: x\.tif#1 is a damaged"):
            load(folder, pages="all")
        assert len(load(folder, pages="all", skip_bad=True).images) == 2

    def test_file_changes_during_training(self, folder):
        write_stack(folder / "x.tif", 3, "TIFF")
        data = load(folder, pages="all", cache=False)
        write_stack(folder / "x.tif", 4, "TIFF")
        with pytest.raises(DataError, match="changed while"):
            data.images[np.array([0])]
        with pytest.raises(DataError, match="has changed"):
            data.check_unchanged()

    def test_inspect_reports_pages(self, folder, dcgan):
        write_stack(folder / "x.tif", 20, "TIFF")
        facts = json.loads(dcgan("inspect", folder, "--json").out)
        assert facts["findings"]["further_pages"] == 19
        command = facts["commands"]["every page"].split()[2:]
        assert compose(CommandLine.parse(command)).data.pages == "all"

    def test_pack(self, folder, dcgan, workplace):
        write_stack(folder / "x.tif", 20, "TIFF")
        done = dcgan("pack", folder, "first", "--image-size", "16")
        assert "; --pages all uses them as pictures" in done.err
        assert done.err.endswith("1 image\n")
        done = dcgan("pack", folder, "packed", "--image-size", "16", "--pages", "all")
        assert done.err == "20 images\n"
        np.savez("x.npz", x_train=np.zeros((4, 28, 28), np.uint8))
        assert dcgan("pack", "x.npz", "other", "--pages", "all").code == 2


class TestClassFolders:
    @pytest.mark.parametrize(
        ("names", "classes", "labels"),
        [
            (["a/1.png", "a/x/2.png", "b/1.png", "c/1.png"], ("a", "b", "c"), [0, 0, 1, 2]),
            (["images/cats/1.png", "images/dogs/1.png"], ("cats", "dogs"), [0, 1]),
            (["x/y/cats/1.png", "x/y/dogs/z/1.png"], ("cats", "dogs"), [0, 1]),
            (["train/cats/1.png", "train/dogs/1.png"], ("cats", "dogs"), [0, 1]),
            (["test/1.png", "tube/1.png"], ("test", "tube"), [0, 1]),
            (["cafe\u0301/1.png", "caf\u00e9/2.png", "z/1.png"], ("caf\u00e9", "z"), [0, 0, 1]),
            (["a/1.png", "b/1.png", "c.png"], (), None),
            (["a/1.png", "a/2.png"], (), None),
            (["1.png", "2.png"], (), None),
            (["a/b/1.png", "a/b/2.png"], (), None),
        ],
    )
    def test_folders_are_the_labels(self, names, classes, labels):
        found = class_folders(Path("set"), names)
        assert (found.names, found.labels) == (classes, labels)

    @pytest.mark.parametrize("above", ["", "data/"])
    @pytest.mark.parametrize("others", [["test"], ["Valid", "test"], ["val", "extra"]])
    def test_splits_are_not_classes(self, folder, dcgan, above, others):
        for part in ["train", *others]:
            for name in ("cats", "dogs"):
                write_colours(folder / above / part / name, 1)
        data = load(folder)
        assert data.labels is None
        assert f"data.path={folder}/{above}train " in note_of(data, "split")
        with pytest.raises(DataError, match=f"is split into train and .*{above}train uses"):
            data.count_classes()
        assert f"data.path={folder}/{above}train " in dcgan("inspect", folder).out
        assert load(folder / above / "train").class_names == ("cats", "dogs")

    def test_picture_outside_the_class_folders_is_reported(self, folder):
        for name in ("cats", "dogs"):
            write_colours(folder / "x" / name, 1)
        write_picture(folder / "x" / "cover.png", colours(1, 9, 9))
        with pytest.raises(
            DataError, match=r"outside the class folders, such as x/cover\.png; move"
        ):
            load(folder).count_classes()

    @pytest.mark.parametrize(("disk", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
    def test_path_matches_in_any_unicode_form(self, folder, disk, typed):
        written, asked = (folder / unicodedata.normalize(form, "é/ö.x") for form in (disk, typed))
        assert as_written(asked) == asked
        written.mkdir(parents=True)
        assert as_written(asked) == as_written(written) == written
        assert as_written(asked / "more") == asked / "more"

    @pytest.mark.usefixtures("workplace")
    def test_names_match_in_any_unicode_form(self, folder, dcgan):
        disk, typed = "NFD", "NFC"  # As macOS stores them, and as users type them.
        on_disk = folder / unicodedata.normalize(disk, "Zoë")
        for name in ("café", "thé"):
            write_colours(on_disk / unicodedata.normalize(disk, name), 8)
        asked = folder / unicodedata.normalize(typed, "Zoë")
        words = [f"data.path='{asked}'", "data.image_size=32", "model.conditional=true"]
        small = ["epochs=1", "batch_size=16", "evaluate_every=0", "model.base_channels=2"]
        done = dcgan("train", "data=image_folder", *words, *small, "hydra.run.dir=run")
        assert done.code == 0, done.err
        for form in (typed, disk):
            name = unicodedata.normalize(form, "café")
            done = dcgan("sample", "--run", "run", "--class", name, "--n", "1", "--out", "x.png")
            assert done.code == 0, done.err
        assert dcgan("inspect", asked).code == 0


def test_system_files_are_ignored(folder):
    write_colours(folder, 2)
    for name in (
        "@eaDir",
        "__MACOSX",
        "$RECYCLE.BIN",
        "#recycle",
        "lost+found",
        ".ipynb_checkpoints",
    ):
        write_colours(folder / name / "x", 1)
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "._0000.png"):
        (folder / name).write_bytes(b"x")
    found = list_images(folder)
    assert [file.name for file in found.images] == ["0000.png", "0001.png"]
    assert found.others == []


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (4000, "4,000 images")]
)
def test_counted(number, said):
    assert counted(number, "image") == said
