"""`dcgan pack` and `data=tfrecord`: round trip and detection of damage."""

import hashlib
import json
import os
import shlex
import shutil
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.data.records import tfrecords
from dcgan_cli.core.data.records.shards import record_places
from dcgan_cli.errors import DataError
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from dcgan_cli.settings.schema import DataConfig
from tests.core.data.test_own_pictures import SMALL
from tests.pictures import colours, write_bad, write_colours, write_picture


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DCGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def packed(workplace, dcgan):
    """Pack 50 pictures of 16x16 into three files."""
    write_colours(workplace / "photos", 50)
    done = dcgan("pack", "photos", "packed", "--image-size", "16", "--shard-images", "20")
    assert (done.code, done.out) == (0, "packed\n"), done.err
    return workplace / "packed"


def load(path, name="tfrecord", **options) -> ImageSet:
    defaults = {"image_size": 16, "channels": 3}
    return load_training_images(DataConfig(name=name, path=str(path), **defaults | options))


def write_records(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def example(**features: bytes) -> bytes:
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def test_index(packed):
    index = json.loads((packed / "index.json").read_text())
    assert (index["count"], index["shape"]) == (50, [16, 16, 3])
    assert [shard["images"] for shard in index["shards"]] == [20, 20, 10]
    for shard in index["shards"]:
        path = packed / shard["name"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == shard["sha256"]
        assert len(record_places(path)) == shard["images"]
    names = {path.name for path in packed.iterdir()}
    assert names == {"index.json", *(shard["name"] for shard in index["shards"])}


@pytest.mark.parametrize("pattern", ["packed/*.tfrecord", "packed"])
def test_images_equal_those_of_the_folder(packed, workplace, pattern):
    folder = load(workplace / "photos", "image_folder")
    for cache, kind in ((True, np.memmap), (False, LazyImages)):
        data = load(workplace / pattern, cache=cache)
        assert isinstance(data.images, kind)
        assert (np.asarray(data.images) == folder.images).all()
        places = np.array([49, 0, 20, 19, 0])
        assert (data.images[places] == folder.images[places]).all()
        assert data.digest() == folder.digest()
    assert load(workplace / pattern, image_size=8, channels=1).images.shape == (50, 8, 8, 1)


def test_train_and_resume(packed, dcgan):
    words = ["train", "data=tfrecord", "data.path=packed/*.tfrecord", *SMALL, "hydra.run.dir=run"]
    done = dcgan(*words)
    assert done.code == 0, done.err
    assert "50 images" in done.err
    assert dcgan("train", "resume=run", "epochs=3").code == 0
    (packed / "images-00002-of-00003.tfrecord").unlink()
    done = dcgan("train", "resume=run", "epochs=4")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "images-00002-of-00003.tfrecord is missing" in done.err


def test_check_unchanged(packed):
    data = load(packed)
    data.check_unchanged()
    (packed / "images-00001-of-00003.tfrecord").unlink()
    with pytest.raises(DataError, match=r"images-00001-of-00003\.tfrecord is missing"):
        data.check_unchanged()


def test_replaced_file(packed):
    """An open file keeps its old content until the next epoch."""
    data = load(packed, cache=False)
    before = data.images[np.array([3])]
    first, second = (packed / f"images-0000{n}-of-00003.tfrecord" for n in range(2))
    shutil.copy(second, packed / "new")
    os.replace(packed / "new", first)
    assert (data.images[np.array([3])] == before).all()
    with pytest.raises(DataError, match=r"00000-of-00003\.tfrecord (has )?changed"):
        data.check_unchanged()


def test_more_files_than_open_files(packed, workplace, monkeypatch):
    expected = np.asarray(load(packed, cache=False).images)
    monkeypatch.setattr(tfrecords, "OPEN_FILES", 1)
    data = load(packed, cache=False)
    places = np.random.default_rng(0).integers(0, 50, 2000)
    assert (data.images[places] == expected[places]).all()


@pytest.mark.parametrize("new", [b"changed", None])
def test_file_changes_while_it_is_read(packed, new):
    """Open files are checked too."""
    data = load(packed, cache=False)
    assert len(data.images[np.array([0])]) == 1
    for path in packed.glob("*.tfrecord"):
        if new is None:
            os.utime(path, ns=(1, 1))
        else:
            path.write_bytes(new)
    with pytest.raises(DataError, match=r"0000[01]-of-00003\.tfrecord (has )?changed"):
        data.images[np.array([0, 30])]
    with pytest.raises(DataError, match=r"tfrecord (has )?changed"):
        data.check_unchanged()


def test_file_does_not_match_the_index(packed):
    first, second = (packed / f"images-0000{n}-of-00003.tfrecord" for n in range(2))
    second.write_bytes(first.read_bytes())
    with pytest.raises(DataError, match=r"00001-of-00003\.tfrecord does not match its sha256"):
        load(packed)


@pytest.mark.parametrize("pattern", ["packed", "packed/*"])
def test_missing_file(packed, workplace, pattern):
    (packed / "images-00001-of-00003.tfrecord").unlink()
    with pytest.raises(DataError, match=r"images-00001-of-00003\.tfrecord is missing"):
        load(workplace / pattern)


def test_some_files_by_name(packed, workplace):
    assert len(load(packed / "images-0000[02]*").images) == 30
    odd = workplace / "odd [1]"
    packed.rename(odd)
    assert len(load(odd / "images-00000-of-00003.tfrecord").images) == 20


@pytest.mark.parametrize("with_index", [True, False])
@pytest.mark.parametrize("damage", ["flip", "cut", "text"])
def test_damage_is_detected(packed, damage, with_index):
    if not with_index:
        (packed / "index.json").unlink()
    path = packed / "images-00001-of-00003.tfrecord"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"flip": content, "cut": content[:-9], "text": b"hello"}[damage])
    with pytest.raises(DataError) as caught:
        load(packed)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "get a new copy" in str(caught.value)


def test_unrelated_files(workplace):
    pictures = [write_picture(workplace / f"{n}.jpg", colours(n, 40, 30)) for n in range(4)]
    content = [path.read_bytes() for path in pictures]
    records = [
        example(image=content[0], label=b"1"),
        example(**{"image/encoded": content[1]}),
        example(image_raw=content[2]),
        example(pixels=content[3], name=b"x"),
        example(image=b"hello"),
        b"\xff\xff",
    ]
    write_records(workplace / "x-train.tfrecord-00000-of-00001", records)
    with pytest.raises(DataError, match="3 of 6 images cannot be used") as caught:
        load(workplace / "x-train.tfrecord*")
    assert "00001#3 has no image; its keys are name, pixels" in str(caught.value)
    assert "#4 is not an image" in str(caught.value)
    assert "#5 is not a tf.train.Example" in str(caught.value)
    assert len(load(workplace / "x-train.tfrecord*", skip_bad=True).images) == 3


def test_zeros(workplace):
    """A download that preallocated the file and then stopped."""
    (workplace / "x.tfrecord").write_bytes(bytes(32_000_000))
    tracemalloc.start()
    with pytest.raises(DataError, match="is not a TFRecord file or is truncated"):
        load(workplace / "x.tfrecord")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_no_files(workplace):
    with pytest.raises(DataError, match="matches no file"):
        load(workplace / "*.tfrecord")


def test_labels(workplace, dcgan):
    content = write_picture(workplace / "x.png", colours(0, 16, 16)).read_bytes()
    image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))

    def record(**labels: int) -> bytes:
        numbers = {
            name.replace("_", "/"): tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
            for name, label in labels.items()
        }
        features = tf.train.Features(feature={"image": image, **numbers})
        return tf.train.Example(features=features).SerializeToString()

    labelled = [record(label=3), record(image_class_label=300), record(label=0)]
    write_records(workplace / "all.tfrecord", labelled)
    write_records(workplace / "some.tfrecord", [*labelled, record()])
    write_records(workplace / "none.tfrecord", [record(label=-1), record(label=2)])
    facts = json.loads(dcgan("inspect", "none.tfrecord", "--json").out)
    assert facts["classes"] == {"-1": 1, "2": 1}
    assert list(facts["commands"]) == ["train on it"]
    for _ in range(2):  # Decoded, and from the cache.
        assert load(workplace / "all.tfrecord").labels.tolist() == [3, 300, 0]
        assert load(workplace / "some.tfrecord").labels is None


class TestInspect:
    @pytest.mark.parametrize("target", ["packed", "packed/*.tfrecord"])
    def test_packed(self, packed, dcgan, workplace, target):
        done = dcgan("inspect", target, "--json", "--out", "sheet.png")
        assert done.code == 0, done.err
        facts = json.loads(done.out)
        assert (facts["kind"], facts["files"], facts["images"]) == ("tfrecord", 3, 50)
        assert facts["sizes"]["common"] == [{"width": 16, "height": 16, "images": 50}]
        assert (workplace / "sheet.png").is_file()
        text = dcgan("inspect", target).out
        assert f"TFRecord files {target}" in text
        assert "50 of 50 records in 3 files" in text

    def test_the_suggested_command_trains(self, dcgan, workplace):
        for name in ("cats", "dogs"):
            write_colours(workplace / "photos" / name, 8)
        assert dcgan("pack", "photos", "packed", "--image-size", "32").code == 0
        facts = json.loads(dcgan("inspect", "packed", "--json").out)
        assert facts["classes"] == {"cats": 8, "dogs": 8}
        assert facts["suggested"] == {"image_size": 32, "channels": 3}
        *others, command = facts["commands"].values()
        for other in others:
            compose(CommandLine.parse(shlex.split(other)[2:]))
        done = dcgan(*shlex.split(command)[1:], "model.base_channels=2", "epochs=1")
        assert done.code == 0, done.err
        assert dcgan("sample", "--class", "dogs").code == 0, "the last one's run"

    def test_bad_records(self, dcgan, workplace):
        content = write_picture(workplace / "x.jpg", colours(1, 40, 30)).read_bytes()
        records = [example(image=content), example(image=b"hello")]
        write_records(workplace / "x.tfrecord-00000-of-00001", records)
        done = dcgan("inspect", "x.tfrecord-00000-of-00001", "--out", "sheet.png")
        assert (workplace / "sheet.png").is_file()
        assert done.code == 3
        assert "x.tfrecord-00000-of-00001#1 is not an image" in done.out
        assert "1 of 2 images cannot be used" in done.err

    def test_damaged_file(self, packed, dcgan):
        path = packed / "images-00001-of-00003.tfrecord"
        path.write_bytes(path.read_bytes()[:-9])
        done = dcgan("inspect", "packed")
        assert (done.code, len(done.err.splitlines())) == (3, 1)
        assert "is truncated; get a new copy" in done.err


class TestPack:
    def test_labels(self, dcgan, workplace):
        for name in ("cats", "dogs"):
            write_colours(workplace / "photos" / name, 3)
        assert dcgan("pack", "photos", "packed").code == 0
        data = load(workplace / "packed")
        assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert data.class_names == ("cats", "dogs")

    @pytest.mark.parametrize("classes", ["cats", [1], {"cats": 0}])
    def test_index_with_invalid_classes(self, packed, classes):
        index = json.loads((packed / "index.json").read_text())
        (packed / "index.json").write_text(json.dumps(index | {"classes": classes}))
        with pytest.raises(
            DataError, match=r"index\.json is not readable .*; pack the images again"
        ):
            load(packed)

    def test_packs_with_different_classes(self, dcgan, workplace):
        for pack, names in (("px", ("apple", "banana")), ("py", ("banana", "cherry"))):
            for name in names:
                write_colours(workplace / f"of_{pack}" / name, 2)
            assert dcgan("pack", f"of_{pack}", pack).code == 0
        with pytest.raises(
            DataError, match=r"px and .*py have different classes.*pack .* together"
        ):
            load(workplace / "p*/*.tfrecord")

    def test_full_disk(self, processes, workplace):
        write_colours(workplace / "photos", 20)
        faults = [("limit_file_size", 20_000)]
        ended = processes.run("pack", "photos", "packed", faults=faults, cwd=workplace)
        assert (ended.code, len(ended.err.splitlines())) == (5, 1), ended.err
        assert "packed: File too large; free space, or choose another" in ended.err
        assert [path.name for path in workplace.iterdir()] == ["photos"]

    def test_cache_stays_empty(self, packed, workplace):
        """The disk may have room for one copy only."""
        sizes = [path.stat().st_size for path in (workplace / "cache").rglob("*") if path.is_file()]
        assert sum(sizes) < 50 * 16 * 16 * 3

    def test_arrays(self, dcgan, workplace):
        pixels = np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8)
        np.savez("x.npz", x_train=pixels)
        options = ["--image-size", "28", "--channels", "1"]
        assert dcgan("pack", "x.npz", "packed", *options).code == 0
        data = load(workplace / "packed", image_size=28, channels=1)
        assert (data.images[..., 0] == pixels).all()

    def test_labels_that_are_not_classes(self, dcgan, workplace):
        labels = np.array([0.5, 1] * 2)
        np.savez("x.npz", x_train=np.zeros((4, 28, 28), np.uint8), y_train=labels)
        done = dcgan("pack", "x.npz", "packed")
        assert done.code == 0, done.err
        assert "labels    not used: y_train is float64 [4] and contains 0.5" in done.err
        assert load(workplace / "packed").labels is None

    def test_labels_as_words(self, dcgan, workplace):
        pixels = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
        np.savez("x.npz", x_train=pixels, y_train=np.array([b"dog", b"cat"] * 2))
        assert dcgan("pack", "x.npz", "packed").code == 0
        data = load(workplace / "packed")
        assert data.labels.tolist() == [1, 0, 1, 0]
        assert data.class_names == ("cat", "dog")

    def test_current_folder(self, dcgan, workplace, monkeypatch):
        write_colours(workplace / "photos", 3)
        (workplace / "packed").mkdir()
        monkeypatch.chdir(workplace / "packed")
        done = dcgan("pack", "../photos", ".")
        assert done.code == 0, done.err
        assert (workplace / "packed" / "index.json").is_file()

    def test_missing_source(self, dcgan, workplace):
        done = dcgan("pack", "photos", "packed")
        assert (done.code, done.err) == (
            3,
            "dcgan: photos is not there; name a folder of pictures, an .npz, an .npy or IDX "
            "files\n",
        )

    def test_bad_files(self, dcgan, workplace):
        write_colours(workplace / "photos", 3)
        write_bad(workplace / "photos")
        done = dcgan("pack", "photos", "packed")
        assert (done.code, len(done.err.splitlines())) == (3, 1)
        assert "skip them with --skip-bad" in done.err
        assert not (workplace / "packed").exists()
        done = dcgan("pack", "photos", "packed", "--skip-bad")
        assert done.code == 0
        assert "skipped   6 of 9 images" in done.err

    def test_existing_folder(self, dcgan, packed):
        done = dcgan("pack", "photos", "packed")
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert "is there already" in done.err

    @pytest.mark.parametrize("option", [["--channels", "2"], ["--fit", "x"], ["--image-size", "7"]])
    def test_bad_options(self, dcgan, workplace, option):
        write_colours(workplace / "photos", 1)
        done = dcgan("pack", "photos", "packed", *option)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
