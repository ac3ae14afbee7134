"""Search paths of Fashion-MNIST, with small files in its format."""

import gzip

import numpy as np
import pytest

from dcgan_cli.core.data.load import fetch, load_held_out_images, load_training_images
from dcgan_cli.errors import DataError, NotHereError
from dcgan_cli.settings.schema import DataConfig
from tests.core.data.test_data import idx_bytes

CONFIG = DataConfig(name="fashion_mnist")


def write_files(folder, value: int):
    """Write the four files, with 6 and 3 images of one value."""
    folder.mkdir(parents=True)
    for prefix, count in (("train", 6), ("t10k", 3)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            array = np.full(shape, value, np.uint8)
            content = gzip.compress(idx_bytes(array))
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def nothing_there(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path}/local:{tmp_path}/share")
    monkeypatch.setenv("KERAS_HOME", f"{tmp_path}/keras")


def test_package(tmp_path):
    write_files(tmp_path / "share/datasets/fashion-mnist", 1)
    write_files(tmp_path / "keras/datasets/fashion-mnist", 2)
    data = load_training_images(CONFIG)
    assert data.images.shape == (6, 28, 28, 1)
    assert (data.images == 1).all()
    assert (data.labels == 1).all()
    assert (data.source, data.dataset) == ("Fashion-MNIST", "fashion_mnist")
    assert load_held_out_images(CONFIG).images.shape == (3, 28, 28, 1)


def test_keras_folder(tmp_path):
    write_files(tmp_path / "keras/datasets/fashion-mnist", 2)
    assert (load_training_images(CONFIG).images == 2).all()


def test_own_folder(tmp_path):
    folder = write_files(tmp_path / "mine", 3)
    config = DataConfig(name="fashion_mnist", path=str(folder), limit=4, image_size=64, channels=3)
    data = load_training_images(config)
    assert data.images.shape == (4, 64, 64, 3)
    assert (data.images == 3).all()
    assert data.dataset is None


@pytest.mark.usefixtures("no_network")
def test_missing_and_no_network():
    """Keras tries to download the files."""
    with pytest.raises(NotHereError):
        load_training_images(CONFIG)
    with pytest.raises(DataError) as caught:
        fetch(CONFIG)
    message = str(caught.value)
    assert "\n" not in message
    assert "cannot be downloaded" in message
    assert "install the package dataset-fashion-mnist" in message
    assert "data.path=FOLDER" in message


def test_damaged(tmp_path):
    folder = write_files(tmp_path / "share/datasets/fashion-mnist", 1)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is damaged"):
        load_training_images(CONFIG)
