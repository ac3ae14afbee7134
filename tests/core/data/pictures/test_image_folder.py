"""Folders of pictures: listing, decoding, the image cache, detection of changes."""

import errno
import json
import os
import shutil
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.core.data import cache_folder
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.core.data.pictures import folder as folders
from dcgan_cli.core.data.pictures import reading as image_reading
from dcgan_cli.core.data.pictures.decoding import MAX_PIXELS, ReadImage
from dcgan_cli.core.data.pictures.folder import folder_pictures
from dcgan_cli.core.data.pictures.listing import list_images
from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.errors import ConfigError, DataError, StorageError
from dcgan_cli.settings.schema import DataConfig
from tests.pictures import MODES, colours, load, write_bad, write_colours, write_picture


def message_of(folder: Path, kind: type[Exception] = DataError, **options) -> str:
    with pytest.raises(kind) as caught:
        load(folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def counting(monkeypatch) -> list[str]:
    """Record the names of files that are read."""
    names = []
    read = folders.read_file

    def noting(folder, file, form):
        names.append(file.name)
        return read(folder, file, form)

    monkeypatch.setattr(folders, "read_file", noting)
    return names


class TestListing:
    def test_subfolders_and_order(self, folder):
        for name in ("b/2.png", "b/10.png", "a/x/y.JPG", "top.webp"):
            write_picture(folder / name, colours(1, 9, 9))
        names = [file.name for file in list_images(folder).images]
        assert names == ["a/x/y.JPG", "b/10.png", "b/2.png", "top.webp"]

    def test_hidden_and_other_files(self, folder):
        write_colours(folder, 1)
        for name in (".hidden.png", "._0000.png", "notes.txt", "labels.csv", "photo.xcf"):
            (folder / name).write_text("x")
        (folder / ".git").mkdir()
        write_colours(folder / ".git", 1)
        found = list_images(folder)
        assert [file.name for file in found.images] == ["0000.png"]
        assert found.others == ["labels.csv", "notes.txt", "photo.xcf"]

    def test_links(self, folder, tmp_path):
        """Links to the folder itself, twice to another folder, to a file, and a broken one."""
        elsewhere = write_colours(tmp_path / "elsewhere", 2)
        write_colours(folder, 1)
        (folder / "loop").symlink_to(folder)
        (folder / "self").symlink_to("self")
        (folder / "one").symlink_to(elsewhere)
        (folder / "two").symlink_to(elsewhere)
        (folder / "file.png").symlink_to(elsewhere / "0001.png")
        names = [file.name for file in list_images(folder).images]
        assert names == ["0000.png", "file.png", "one/0000.png", "one/0001.png"]
        assert len(load(folder).images) == 4

    def test_folder_named_like_a_picture(self, folder):
        write_colours(folder / "x.png", 1)
        assert [file.name for file in list_images(folder).images] == ["x.png/0000.png"]

    def test_folder_below_that_may_not_be_read(self, folder, monkeypatch):
        write_colours(folder / "closed", 2)
        write_colours(folder / "open", 3)
        scandir = os.scandir

        def closed(path):
            if Path(path).name == "closed":
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", closed)
        assert "1 of 4 images cannot be used: closed/ " in message_of(folder)
        data = load(folder, skip_bad=True)
        assert len(data.images) == 3
        monkeypatch.setattr(os, "scandir", scandir)
        with pytest.raises(DataError, match="closed was removed"):
            data.check_unchanged()

    def test_names_that_are_not_utf8(self, folder):
        name = os.fsdecode(b"\xff\xfe.png")
        colours(1, 9, 9).save(folder / "x.png")
        (folder / "x.png").rename(folder / name)
        assert len(load(folder).images) == 1
        (folder / os.fsdecode(b"\xff.jpg")).touch()
        assert "is empty" in message_of(folder)


class TestReading:
    def read(self, folder: Path) -> dict[str, ReadImage]:
        return {
            image.file.name: image
            for image in folder_pictures(folder).read_all(Form(16, 3, "crop"))
        }

    def test_bad_files_say_what_is_wrong(self, folder):
        expected = write_bad(folder)
        found = self.read(folder)
        assert found.keys() == expected.keys()
        for name, word in expected.items():
            assert word in found[name].problem, name
            assert found[name].pixels is None

    def test_pipes_do_not_block(self, folder):
        os.mkfifo(folder / "pipe.png")
        assert "not a regular file" in self.read(folder)["pipe.png"].problem

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_file_without_read_permission(self, folder):
        write_colours(folder, 1)
        (folder / "0000.png").chmod(0)
        assert "Permission denied" in self.read(folder)["0000.png"].problem

    def test_facts(self, folder):
        write_picture(folder / "a.png", colours(1, 30, 20))
        write_picture(folder / "b.png", Image.new("RGBA", (5, 6)))
        (folder / "c.jpg").write_bytes((folder / "a.png").read_bytes())
        found = self.read(folder)
        assert (found["a.png"].width, found["a.png"].height, found["a.png"].mode) == (30, 20, "RGB")
        assert found["b.png"].transparent
        assert found["a.png"].sha256 == found["c.jpg"].sha256 != found["b.png"].sha256
        assert found["c.jpg"].problem is None

    def test_pixel_limit(self, folder):
        width = 10_000
        Image.new("1", (width, MAX_PIXELS // width)).save(folder / "good.png")
        Image.new("1", (width, MAX_PIXELS // width + 1)).save(folder / "large.png")
        found = self.read(folder)
        assert found["good.png"].problem is None
        assert "declares more than 89,478,485 pixels" in found["large.png"].problem

    def test_other_formats_are_not_tried(self, folder):
        (folder / "x.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
        assert self.read(folder)["x.png"].problem == "is PostScript, not an image"


class TestTrainingSet:
    def test_all_modes(self, folder):
        for mode, ending in MODES.items():
            picture = Image.new(mode if mode != "PA" else "RGBA", (30, 20))
            write_picture(folder / f"{mode.replace(';', '')}.{ending}", picture)
        data = load(folder)
        assert data.images.shape == (len(MODES), 16, 16, 3)
        assert isinstance(data.images, np.memmap)
        assert load(folder, channels=1, image_size=8).images.shape == (len(MODES), 8, 8, 1)

    def test_pixels_in_order_of_names(self, folder):
        write_colours(folder, 20, 16, 16)
        data = load(folder)
        for index, image in enumerate(data.images):
            assert (image == np.asarray(colours(index, 16, 16))).all()
        assert data.digest() == ImageSet(np.array(data.images), None, "").digest()
        assert (load(folder, limit=3).images == data.images[:3]).all()
        assert load(folder, limit=3).digest() != data.digest()
        assert "more than the 20 images" in message_of(folder, limit=21)

    def test_bad_files_stop_and_the_first_ten_are_listed(self, folder):
        write_colours(folder, 3)
        for number in range(12):
            (folder / f"bad{number:02}.png").write_text("hello")
        message = message_of(folder)
        assert message.startswith(f"{folder}: 12 of 15 images cannot be used: bad00.png is not an")
        assert "bad09.png is not an image and 2 more" in message
        assert message.endswith("data.skip_bad=true")

    def test_bad_files_skipped(self, folder, monkeypatch):
        write_colours(folder, 3)
        bad = write_bad(folder)
        message_of(folder)
        names = counting(monkeypatch)
        data = load(folder, skip_bad=True)
        assert not names, "what the first attempt decoded is used"
        assert len(data.images) == 3
        assert f"skipped   {len(bad)} of 9 images: bomb.png declares" in data.notes[0]
        for path in folder.glob("0*.png"):
            path.unlink()
        assert "none of 6 images can be used" in message_of(folder, skip_bad=True)

    def test_other_files_are_reported(self, folder):
        write_colours(folder, 1)
        (folder / "labels.csv").touch()
        assert load(folder).notes == ("skipped   labels.csv: not named like an image",)

    def test_no_images(self, folder, tmp_path):
        assert "contains no images" in message_of(folder)
        assert "no such folder" in message_of(tmp_path / "nowhere")
        (tmp_path / "file").touch()
        assert "is not a folder" in message_of(tmp_path / "file")
        with pytest.raises(ConfigError, match=r"needs data\.path=FOLDER"):
            load_training_images(DataConfig(name="image_folder"))

    @pytest.mark.parametrize("change", ["rewrite", "remove"])
    def test_file_that_changes_between_listing_and_reading(self, folder, monkeypatch, change):
        write_colours(folder, 3)
        content = image_reading._content

        def changing(path, file):
            if path.name == "0001.png":
                path.write_text("another") if change == "rewrite" else path.unlink()
            return content(path, file)

        monkeypatch.setattr(image_reading, "_content", changing)
        message = message_of(folder, skip_bad=True)
        assert "0001.png " in message
        assert "start again" in message

    def test_check_unchanged(self, folder):
        write_colours(folder, 3)
        data = load(folder)
        data.check_unchanged()
        (folder / "0000.png").rename(folder / "moved.png")
        with pytest.raises(DataError, match=r"0000\.png was removed"):
            data.check_unchanged()
        (folder / "moved.png").rename(folder / "0000.png")
        data.check_unchanged()
        os.utime(folder / "0001.png", ns=(1, 1))
        with pytest.raises(DataError, match=r"0001\.png has changed"):
            data.check_unchanged()
        data = load(folder)
        write_picture(folder / "below/new.png", colours(1, 9, 9))
        with pytest.raises(DataError, match=r"below/new\.png was added"):
            data.check_unchanged()


class TestCache:
    def test_reused_until_something_changes(self, folder, monkeypatch, cache):
        write_colours(folder, 3)
        names = counting(monkeypatch)
        first = load(folder)
        assert len(names) == 3
        assert (load(folder).images == first.images).all()
        assert len(names) == 3
        load(folder, image_size=8)
        load(folder, fit="pad")
        load(folder, channels=1)
        assert len(names) == 12
        write_picture(folder / "0001.png", colours(9, 50, 50))
        assert not (load(folder).images[1] == first.images[1]).all()
        assert len(names) == 15
        assert not list(cache.glob(".*"))

    def test_another_folder_with_equal_names_sizes_and_times(self, folder, tmp_path):
        for number, made in enumerate((folder, tmp_path / "other")):
            write_picture(made / "x.bmp", colours(number, 16, 16))
            os.utime(made / "x.bmp", ns=(1, 1))
        assert not (load(folder).images == load(tmp_path / "other").images).all()

    def test_replaced_content_with_equal_size_and_time(self, folder):
        write_picture(folder / "x.bmp", colours(1, 16, 16))
        os.utime(folder / "x.bmp", ns=(1, 1))
        before = np.array(load(folder).images)
        write_picture(folder / "x.bmp", colours(2, 16, 16))
        os.utime(folder / "x.bmp", ns=(1, 1))
        assert not (load(folder).images == before).all()

    @pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
    def test_transient_errors_are_not_cached(self, folder, monkeypatch, number):
        """Disk errors are not cached. Permission errors are, until the permissions change."""
        path = write_picture(folder / "x.png", colours(1, 16, 16))
        reading = image_reading.reading

        def failing(path):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(image_reading, "reading", failing)
        message_of(folder, skip_bad=True)
        monkeypatch.setattr(image_reading, "reading", reading)
        if number == errno.EACCES:
            path.chmod(0o600)
        assert len(load(folder).images) == 1

    def test_limit_stops_decoding(self, folder, monkeypatch):
        monkeypatch.setattr(image_reading, "BLOCK", 0)  # Reads several at once, but not all.
        monkeypatch.setattr(image_reading, "WORKERS", 1)
        write_colours(folder, 40)
        (folder / "0001.png").write_text("hello")
        names = counting(monkeypatch)
        limited = load(folder, limit=5, skip_bad=True)
        assert len(names) < 10
        assert "skipped   1 of 6 images" in limited.notes[0]
        everything = load(folder, skip_bad=True)
        assert (limited.images == everything.images[:5]).all()
        assert limited.digest() == ImageSet(np.array(everything.images[:5]), None, "").digest()

    def test_unused_entries_are_deleted(self, folder, cache):
        """Entries unused for 30 days are deleted when another one is created."""
        write_colours(folder, 3)
        for size in (8, 16):
            load(folder, image_size=size)
        kept = {path.name for path in cache.iterdir()}
        (cache / "my own").mkdir()
        (cache / "my own" / "entry.json").touch()
        for path in cache.iterdir():
            os.utime(path / "entry.json", (1, 1))
        (cache / f"images-{0:032}").mkdir()  # An entry that was only partly deleted.
        os.utime(cache / f"images-{0:032}", (1, 1))
        load(folder, image_size=16)
        load(folder, image_size=32)
        left = {path.name for path in cache.iterdir()} - {"my own"}
        assert (len(left), len(left & kept)) == (2, 1)
        assert (cache / "my own").is_dir()

    def test_too_little_room(self, folder, cache, monkeypatch):
        write_colours(folder, 3)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0))
        message = message_of(folder, StorageError)
        assert "need 0.0 MB" in message
        assert "data.cache=false, which decodes the images again in each epoch" in message
        assert not list(cache.iterdir())
        assert len(load(folder, cache=False).images) == 3

    def test_use_of_an_entry_is_recorded(self, folder, cache):
        write_colours(folder, 3)
        data = load(folder)
        (entry,) = cache.glob("*/entry.json")
        os.utime(entry, (1, 1))
        data.check_unchanged()
        assert entry.stat().st_mtime > 1

    def test_lazy_decoding_hides_pillow_warnings(self, folder):
        """Pillow warns about a palette with transparency."""
        palette = colours(1, 16, 16).convert("P")
        palette.save(folder / "a.png", transparency=bytes([0, 128]))
        write_colours(folder, 3)
        data = load(folder, limit=2, cache=False)
        with warnings.catch_warnings(record=True) as said:
            assert data.images[np.arange(2)].shape == (2, 16, 16, 3)
        assert not said

    @pytest.mark.parametrize("keep", [True, False])
    def test_changed_metadata_is_recreated(self, folder, cache, keep):
        write_colours(folder / "a", 2)
        write_colours(folder / "b", 2)
        load(folder, cache=keep)
        (entry,) = cache.glob("*/entry.json")
        stated = json.loads(entry.read_text())
        stated["facts"]["labels"].reverse()
        entry.write_text(json.dumps(stated))
        assert load(folder, cache=keep).labels.tolist() == [0, 0, 1, 1]

    def test_unwritable_cache_is_detected_before_reading(self, folder, tmp_path, monkeypatch):
        write_colours(folder, 3)
        (tmp_path / "file").touch()
        monkeypatch.setenv("DCGAN_CACHE", str(tmp_path / "file"))
        names = counting(monkeypatch)
        for keep in (True, False):
            assert "set DCGAN_CACHE" in message_of(folder, StorageError, cache=keep)
        assert not names

    @pytest.mark.parametrize(
        "damage",
        ["{", '{"facts": {"count": 1}}', "[]", "[" * 100_000],
        ids=lambda damage: damage[:40],
    )
    def test_damaged_metadata_is_recreated(self, folder, cache, damage):
        write_colours(folder, 3)
        before = np.asarray(load(folder, cache=False).images)
        (entry,) = cache.iterdir()
        assert [path.name for path in entry.iterdir()] == ["entry.json"]
        (entry / "entry.json").write_text(damage)
        assert (np.asarray(load(folder, cache=False).images) == before).all()

    @pytest.mark.slow
    def test_thousands_of_bad_files(self, folder):
        write_colours(folder, 2)
        for number in range(18_000):
            (folder / f"{number:0250}.png").touch()
        for _ in range(2):
            assert len(load(folder, skip_bad=True).images) == 2

    @pytest.mark.parametrize("damage", ["flip", "cut", "json", "gone"])
    def test_damaged_entry_is_made_again(self, folder, cache, damage):
        write_colours(folder, 3)
        pixels = load(folder).images.tobytes()
        (entry,) = cache.iterdir()
        array = entry / "images.npy"
        content = bytearray(array.read_bytes())
        content[-1] ^= 1
        if damage == "json":
            (entry / "entry.json").write_text("{")
        elif damage == "gone":
            array.unlink()
        else:
            array.write_bytes(content if damage == "flip" else content[:-9])
        assert load(folder).images.tobytes() == pixels

    def test_nothing_is_left_of_an_attempt_that_failed(self, folder, cache, monkeypatch):
        write_colours(folder, 3)

        def failing(items, total, label):
            yield from items
            raise OSError(28, "No space left on device")

        with pytest.raises(StorageError, match=r"No space left.*free space.*DCGAN_CACHE"):
            load_training_images(DataConfig(name="image_folder", path=str(folder)), failing)
        assert not list(cache.iterdir())

    def test_unusable_cache_folder(self, folder, monkeypatch, tmp_path):
        write_colours(folder, 1)
        (tmp_path / "file").touch()
        monkeypatch.setenv("DCGAN_CACHE", str(tmp_path / "file"))
        message = message_of(folder, StorageError)
        assert f"cannot write the cache {tmp_path}/file" in message
        assert "move that file away, or set DCGAN_CACHE to another folder" in message

    def test_location(self, monkeypatch, tmp_path):
        monkeypatch.delenv("DCGAN_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder.cache_folder() == tmp_path / "dcgan"
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert cache_folder.cache_folder() == tmp_path / ".cache" / "dcgan"

    def test_two_at_once(self, folder, cache, monkeypatch):
        """Both processes decode before either has finished."""
        write_colours(folder, 30)
        both = threading.Barrier(2)

        def waiting(items, total, label):
            if label == "decoding":
                both.wait(timeout=60)
            return items

        def run(_):
            config = DataConfig(name="image_folder", path=str(folder), image_size=16, channels=3)
            return load_training_images(config, waiting).images.tobytes()

        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(run, range(2))
        assert one == other
        assert len(list(cache.iterdir())) == 1

    def test_one_that_is_late_leaves_the_others_entry(self, folder, cache):
        """Another process creates the entry while this one decodes."""
        write_colours(folder, 3)
        config = DataConfig(name="image_folder", path=str(folder), image_size=16, channels=3)
        made = []

        def late(items, total, label):
            yield from items
            if label == "decoding" and not made:
                load(folder)
                made.extend(path.stat().st_ino for path in cache.glob("images-*/images.npy"))

        assert len(load_training_images(config, late).images) == 3
        assert [path.stat().st_ino for path in cache.glob("*/images.npy")] == made

    def test_abandoned_folders_are_deleted(self, folder, cache):
        write_colours(folder, 1)
        old, new = (cache / f".images-x.0000000{number}.tmp" for number in range(2))
        for path in (old, new):
            path.mkdir(parents=True)
        os.utime(old, (1, 1))
        load(folder)
        assert not old.exists()
        assert new.exists()


def test_labels_match_the_usable_images(folder):
    for name in ("cats", "dogs"):
        write_colours(folder / name, 3)
    (folder / "cats" / "0001.png").write_text("hello")
    assert load(folder, skip_bad=True).labels.tolist() == [0, 0, 1, 1, 1]
    assert load(folder, skip_bad=True, limit=3).labels.tolist() == [0, 0, 1]
