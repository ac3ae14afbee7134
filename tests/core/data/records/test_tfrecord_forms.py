"""TFRecord files from other programs: compressed, with raw pixels, with other keys."""

import gzip
import io
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.core.data.records.compressed import count_records
from dcgan_cli.errors import DataError
from dcgan_cli.settings.schema import DataConfig
from tests.core.data.test_own_pictures import SMALL
from tests.pictures import colours, write_colours


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DCGAN_CACHE", str(tmp_path / "cache"))


def load(path: Path, **options) -> ImageSet:
    defaults = {"image_size": 16, "channels": 3, "cache": False}
    return load_training_images(DataConfig(name="tfrecord", path=str(path), **defaults | options))


def example(**values: bytes | int | list[int]) -> bytes:
    feature = {}
    for name, value in values.items():
        key = name.replace("_per_", "/")
        if isinstance(value, bytes):
            feature[key] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        else:
            numbers = value if isinstance(value, list) else [value]
            feature[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def encoded(number: int) -> bytes:
    stream = io.BytesIO()
    colours(number, 16, 16).save(stream, "PNG")
    return stream.getvalue()


def write(path: Path, records: list[bytes], compression: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression)) as writer:
        for record in records:
            writer.write(record)
    return path


PIXELS = np.stack([np.asarray(colours(number, 16, 16)) for number in range(5)])
RECORDS = [example(image=encoded(number), label=number % 2) for number in range(5)]


class TestCompressed:
    @pytest.mark.parametrize("name", ["x.tfrecord", "x.tfrecord.gz", "x.tfrecords", "x.tfrec"])
    @pytest.mark.parametrize("compression", ["GZIP", "ZLIB"])
    def test_any_name(self, tmp_path, compression, name):
        write(tmp_path / "set" / name, RECORDS, compression)
        data = load(tmp_path / "set")
        assert (np.asarray(data.images) == PIXELS).all()
        assert data.labels.tolist() == [0, 1, 0, 1, 0]
        assert "decoded pictures are cached" in data.notes[0]

    def test_with_uncompressed_files(self, tmp_path):
        write(tmp_path / "a.tfrecord", RECORDS[:2])
        write(tmp_path / "b.tfrecord", RECORDS[2:], "GZIP")
        assert (np.asarray(load(tmp_path).images) == PIXELS).all()

    def test_several_gzip_streams_in_one_file(self, tmp_path):
        parts = [write(tmp_path / f"{n}.part", [record]) for n, record in enumerate(RECORDS)]
        whole = b"".join(gzip.compress(part.read_bytes()) for part in parts)
        (tmp_path / "x.tfrecord.gz").write_bytes(whole)
        assert count_records(tmp_path / "x.tfrecord.gz") == 5
        assert (np.asarray(load(tmp_path).images) == PIXELS).all()

    def test_uncompressed_file_that_starts_like_gzip(self, tmp_path):
        """The length of its first record equals gzip's magic number."""
        length = int.from_bytes(b"\x1f\x8b\x08", "little")
        short = example(image=encoded(0), padding=bytes(length // 2))
        record = example(image=encoded(0), padding=bytes(length // 2 + length - len(short)))
        assert len(record) == length
        path = write(tmp_path / "x.tfrecord", [record])
        assert path.read_bytes()[:3] == b"\x1f\x8b\x08"
        data = load(tmp_path)
        assert data.notes == ()
        assert (np.asarray(data.images) == PIXELS[:1]).all()

    @pytest.mark.parametrize("compression", ["GZIP", "ZLIB"])
    @pytest.mark.parametrize("damage", ["cut", "flip", "other"])
    def test_damage_is_detected(self, tmp_path, compression, damage):
        path = write(tmp_path / "x.tfrecord", RECORDS * 9, compression)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        pack = gzip.compress if compression == "GZIP" else zlib.compress
        packed = {"cut": content[: len(content) // 3], "flip": content, "other": pack(b"x" * 5000)}
        path.write_bytes(packed[damage])
        with pytest.raises(DataError, match=r"x\.tfrecord .*; get a new copy") as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "length", [1, 2**27, 2**40], ids=["many records", "long ones", "one that is endless"]
    )
    def test_decompression_bomb_takes_no_memory(self, tmp_path, length):
        record = length.to_bytes(8, "little") + bytes(4)
        body = record + bytes(min(length, 2**27) + 4)
        count = max(1, 2**20 // len(body))
        with gzip.open(tmp_path / "x.tfrecord", "wb") as stream:
            for _ in range(count):
                stream.write(body)
        tracemalloc.start()
        if length < 2**40:
            assert count_records(tmp_path / "x.tfrecord") == count
        else:
            with pytest.raises(DataError, match="its content is not TFRecord"):
                count_records(tmp_path / "x.tfrecord")
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
        tracemalloc.stop()

    def test_a_changed_file_ends_a_run(self, workplace, dcgan):
        write(workplace / "set" / "x.tfrecord", RECORDS * 8, "GZIP")
        words = ["data=tfrecord", "data.path=set", *SMALL, "hydra.run.dir=run"]
        done = dcgan("train", *words)
        assert done.code == 0, done.err
        assert dcgan("train", "resume=run").code == 0
        done = dcgan("inspect", "set", "--out", "sheet.png")
        assert done.code == 0, done.err
        assert "40 of 40 records in 1 file," in done.out
        write(workplace / "set" / "x.tfrecord", RECORDS, "GZIP")
        done = dcgan("train", "resume=run", "epochs=4")
        assert (done.code, len(done.err.splitlines())) == (3, 1)


class TestValues:
    """Raw images, with shape keys in the record."""

    @pytest.mark.parametrize("side", [16, 17])
    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_stylegan(self, tmp_path, side, channels):
        draw = np.random.default_rng(0)
        images = draw.integers(0, 256, (3, channels, side, side), np.uint8)
        images[:, 3:] = 255
        records = [example(shape=[channels, side, side], data=i.tobytes()) for i in images]
        write(tmp_path / "x-r04.tfrecords", records)
        data = load(tmp_path, image_size=side, channels=min(channels, 3))
        assert (np.asarray(data.images) == np.moveaxis(images[:, :3], 1, -1)).all()

    def test_channels_last(self, tmp_path):
        records = [
            example(image_raw=image.tobytes(), height=16, width=16, depth=3) for image in PIXELS
        ]
        write(tmp_path / "x.tfrecords", records)
        assert (np.asarray(load(tmp_path).images) == PIXELS).all()

    def test_grey_without_channel_axis(self, tmp_path):
        grey = PIXELS[..., 0]
        records = [example(image_raw=i.tobytes(), height=16, width=16) for i in grey]
        write(tmp_path / "x.tfrecords", records)
        data = load(tmp_path, channels=1)
        assert (np.asarray(data.images)[..., 0] == grey).all()

    @pytest.mark.parametrize(
        "shape", [[3, 16, 17], [2, 16, 24], [-3, -16, 16], [], [768], [2**40, 2**40, 3]]
    )
    def test_invalid_shapes(self, tmp_path, shape):
        write(tmp_path / "x.tfrecords", [example(shape=shape, data=PIXELS[0].tobytes())])
        with pytest.raises(DataError, match="#0 is not an image"):
            load(tmp_path)

    def test_encoded_picture_with_shape_keys(self, tmp_path):
        write(tmp_path / "x.tfrecord", [example(image=encoded(0), height=16, width=16)])
        assert (np.asarray(load(tmp_path).images) == PIXELS[:1]).all()


class TestNames:
    def test_only_the_highest_resolution_of_stylegans_files(self, tmp_path, dcgan):
        for level in (2, 3, 4):
            side = 2**level
            records = [example(shape=[3, side, side], data=bytes(3 * side * side))] * level
            write(tmp_path / "set" / f"ffhq-r{level:02}.tfrecords", records)
        data = load(tmp_path / "set")
        assert len(data.images) == 4
        assert data.notes[0] == "skipped   2 files with the same pictures at lower resolution"
        assert len(load(tmp_path / "set" / "ffhq-r03.tfrecords").images) == 3
        write(tmp_path / "set" / "other-r02.tfrecords", RECORDS)
        assert len(load(tmp_path / "set").images) == 9
        assert (
            "2 files with the same pictures at lower resolution"
            in dcgan("inspect", tmp_path / "set").out
        )

    def test_label_key_class(self, tmp_path):
        records = [example(image=encoded(n), **{"class": n}) for n in range(3)]
        write(tmp_path / "train-00.tfrec", records)
        assert load(tmp_path).labels.tolist() == [0, 1, 2]

    def test_no_labels(self, tmp_path):
        write(tmp_path / "x.tfrecord", [example(image=encoded(0))])
        with pytest.raises(DataError, match="has none: not all of its records have an integer"):
            load(tmp_path).count_classes()


def test_pack_scales_a_narrow_range(tmp_path, workplace, dcgan):
    folder = write_colours(workplace / "photos", 2, 16, 16)
    for path in folder.iterdir():
        dark = np.asarray(colours(1, 16, 16)) // 64
        Image.fromarray(dark).save(path)
    done = dcgan("pack", "photos", "dark", "--image-size", "16")
    assert "--white 3 uses the full range" in done.err
    assert dcgan("pack", "photos", "packed", "--image-size", "16", "--white", "3").code == 0
    assert np.asarray(load(workplace / "packed").images).max() == 255
    direct = load(workplace / "dark", white=3.0)
    assert direct.digest() == load(workplace / "packed").digest()
