"""Search paths and files of CIFAR-10, with small files in its format."""

import functools
import hashlib
import http.server
import io
import json
import pickle
import tarfile
import threading

import numpy as np
import pytest
import tensorflow as tf
from keras.src.datasets.cifar import load_batch
from PIL import Image

from dcgan_cli.core.data import cifar10
from dcgan_cli.core.data.cifar10 import CLASS_NAMES, FILES, INNER, TARGET, read_batch
from dcgan_cli.core.data.load import fetch, load_held_out_images, load_training_images
from dcgan_cli.errors import DataError, NotHereError
from dcgan_cli.settings.schema import DataConfig

FORM = {"image_size": 32, "channels": 3}
CONFIG = DataConfig(name="cifar10", **FORM)
COUNT = 4
"""Images per file. The first and the last have the highest and the lowest class."""


def batch_bytes(rows: np.ndarray, labels: list[int]) -> bytes:
    """Return a file as Python 2 and the NumPy of its time pickled it, in protocol 2."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def whole(*values: int) -> bytes:
        return b"".join(b"J" + value.to_bytes(4, "little", signed=True) for value in values)

    content = np.ascontiguousarray(rows).tobytes()
    return b"".join(
        (
            b"\x80\x02}q\x01(",
            text(b"batch_label") + b"q\x02" + text(b"training batch 1 of 5") + b"q\x03",
            text(b"labels") + b"q\x04]q\x05(",
            b"".join(b"K" + bytes([label]) for label in labels) + b"e",
            text(b"data") + b"q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07",
            b"cnumpy\nndarray\nq\x08K\x00\x85q\x09" + text(b"b") + b"\x87Rq\x0a",
            b"(K\x01" + whole(*rows.shape) + b"\x86",
            b"cnumpy\ndtype\nq\x0b" + text(b"u1") + b"K\x00K\x01\x87Rq\x0c",
            b"(K\x03" + text(b"|") + b"NNN" + whole(-1, -1) + b"K\x00tb\x89",
            b"T" + len(content).to_bytes(4, "little") + content + b"tb",
            text(b"filenames") + b"q\x0d]q\x0e(",
            b"".join(text(b"label_s_%06d.png" % label) for label in labels) + b"eu.",
        )
    )


def rows_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (COUNT, 3072), np.uint8)


def write_files(folder):
    """Write the six files."""
    folder.mkdir(parents=True)
    for seed, name in enumerate([*FILES["train"], *FILES["test"]]):
        (folder / name).write_bytes(batch_bytes(rows_of(seed), [9, seed, 5, 0]))
    return folder


@pytest.fixture(autouse=True)
def nothing_there(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", f"{tmp_path}/keras")
    monkeypatch.setenv("TFDS_DATA_DIR", f"{tmp_path}/tfds")
    monkeypatch.setenv("DCGAN_CACHE", f"{tmp_path}/cache")


@pytest.mark.parametrize("place", [f"{TARGET}/{INNER}", INNER])
def test_keras_folder(tmp_path, place):
    write_files(tmp_path / "keras/datasets" / place)
    data, held_out = load_training_images(CONFIG), load_held_out_images(CONFIG)
    assert data.images.shape == (5 * COUNT, 32, 32, 3)
    first = rows_of(0)[0]
    for channel in range(3):  # An image is stored as three planes, row by row.
        plane = first[1024 * channel : 1024 * (channel + 1)].reshape(32, 32)
        np.testing.assert_array_equal(data.images[0, :, :, channel], plane)
    assert data.labels[: 2 * COUNT].tolist() == [9, 0, 5, 0, 9, 1, 5, 0]
    assert (data.source, data.dataset) == ("CIFAR-10", "cifar10")
    assert data.class_names == CLASS_NAMES
    assert held_out.images.shape == (COUNT, 32, 32, 3)
    assert held_out.labels.tolist() == [9, 5, 5, 0]


def test_read_as_keras_reads_it(tmp_path):
    path = write_files(tmp_path / "files") / "data_batch_2"
    keras_images, keras_labels = load_batch(path)
    images, labels = read_batch(path)
    np.testing.assert_array_equal(images, keras_images.transpose(0, 2, 3, 1))
    assert labels.tolist() == keras_labels


class Runs:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_file_is_run(tmp_path):
    content = {"labels": [1], "data": Runs(tmp_path / "owned")}
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(DataError, match="data_batch_1 is damaged"):
        read_batch(path)
    assert not (tmp_path / "owned").exists()
    with pickle.loads(path.read_bytes())["data"]:  # The file is one that does harm.
        assert (tmp_path / "owned").exists()


WHOLE = batch_bytes(rows_of(0), [9, 1, 5, 0])


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "is damaged"),
        (b"hello", "is damaged"),
        (WHOLE[:-200], "is damaged"),
        (WHOLE[:400], "is damaged"),
        (batch_bytes(rows_of(0), [1, 2, 3]), "labels for 4 images"),
        (batch_bytes(rows_of(0), [1, 2, 3, 10]), "its labels are not from 0 to 9"),
        (batch_bytes(rows_of(0)[:, :3000], [1, 2, 3, 4]), "is damaged"),
        (batch_bytes(rows_of(0)[:0], []), "is damaged"),
        (pickle.dumps([1, 2]), "is damaged"),
    ],
)
def test_damaged(tmp_path, content, fragment):
    folder = write_files(tmp_path / "keras/datasets" / INNER)
    (folder / "data_batch_3").write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_training_images(CONFIG)
    assert fragment in str(caught.value)
    assert "data_batch_3" in str(caught.value)
    assert "delete its folder" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_incomplete_download(tmp_path):
    folder = write_files(tmp_path / "keras/datasets" / INNER)
    (folder / "test_batch").unlink()
    with pytest.raises(NotHereError, match="CIFAR-10 is not in"):
        load_training_images(CONFIG)


def write_tfds(folder):
    """Write both splits as tensorflow-datasets prepares them."""
    folder.mkdir(parents=True)
    splits = [{"name": "train"}, {"name": "test"}]
    (folder / "dataset_info.json").write_text(
        json.dumps({"name": "cifar10", "fileFormat": "tfrecord", "splits": splits})
    )
    (folder / "label.labels.txt").write_text("\n".join(CLASS_NAMES))
    for split, count in (("train", 6), ("test", 3)):
        path = folder / f"cifar10-{split}.tfrecord-00000-of-00001"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number in range(count):
                stream = io.BytesIO()
                Image.new("RGB", (32, 32), (number, 20, 30)).save(stream, "PNG")
                values = tf.train.BytesList(value=[stream.getvalue()])
                labels = tf.train.Int64List(value=[number])
                features = {
                    "image": tf.train.Feature(bytes_list=values),
                    "label": tf.train.Feature(int64_list=labels),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())


def test_tensorflow_datasets_after_keras(tmp_path):
    write_tfds(tmp_path / "tfds/cifar10/3.0.2")
    data = load_training_images(CONFIG)
    assert data.images.shape == (6, 32, 32, 3)
    assert data.images[:, 0, 0].tolist() == [[number, 20, 30] for number in range(6)]
    assert data.labels.tolist() == list(range(6))
    assert (data.dataset, data.class_names) == ("cifar10", CLASS_NAMES)
    assert len(load_held_out_images(CONFIG).images) == 3
    write_files(tmp_path / "keras/datasets" / INNER)
    assert len(load_training_images(CONFIG).images) == 5 * COUNT


def test_own_file(tmp_path):
    images = rows_of(0).reshape(COUNT, 32, 32, 3)
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=images, y_train=np.array([[9], [0], [1], [2]]), x_test=images[:2])
    data = load_training_images(DataConfig(name="cifar10", path=str(path), **FORM))
    np.testing.assert_array_equal(data.images, images)
    assert data.labels.tolist() == [9, 0, 1, 2]
    assert (data.dataset, data.class_names) == (None, CLASS_NAMES)


def test_a_copy_is_recognised(tmp_path, monkeypatch):
    images = rows_of(0).reshape(COUNT, 32, 32, 3)
    monkeypatch.setattr(cifar10, "TRAINING_SHAPE", images.shape)
    monkeypatch.setattr(cifar10, "TRAINING_SHA256", hashlib.sha256(images.tobytes()).hexdigest())
    for content, name in ((images, "cifar10"), (images + np.uint8(1), None)):
        np.savez(tmp_path / "copy.npz", x_train=content)
        config = DataConfig(name="cifar10", path=str(tmp_path / "copy.npz"), **FORM)
        assert load_training_images(config).dataset == name


def test_downloaded_into_the_folder_of_keras(tmp_path, monkeypatch):
    write_files(tmp_path / "served" / INNER)
    archive = tmp_path / "served" / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "served" / INNER, INNER)
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served")
    )
    monkeypatch.setattr(handler.func, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{archive.name}"
        monkeypatch.setattr(cifar10, "SOURCE", address)
        with pytest.raises(DataError, match=r"cannot be downloaded.*data\.path=FILE"):
            fetch(CONFIG)  # It is not the archive that Keras knows.
        with pytest.raises(NotHereError):
            load_training_images(CONFIG)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        monkeypatch.setattr(cifar10, "SHA256", digest)
        fetch(CONFIG)
        server.shutdown()
    assert (tmp_path / "keras/datasets" / TARGET / INNER / "test_batch").is_file()
    assert len(load_training_images(CONFIG).images) == 5 * COUNT


@pytest.mark.usefixtures("no_network")
def test_missing_and_no_network():
    """Keras tries to download the files."""
    with pytest.raises(NotHereError):
        load_training_images(CONFIG)
    with pytest.raises(DataError, match="cannot be downloaded") as caught:
        fetch(CONFIG)
    assert "\n" not in str(caught.value)
