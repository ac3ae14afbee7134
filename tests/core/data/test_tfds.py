"""`data=tfds` with a small data set written by tensorflow-datasets."""

import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from dcgan_cli.core.data import tfds_files
from dcgan_cli.core.data.load import fetch, load_held_out_images, load_training_images
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.sampling.pictures import facts_in, open_png
from dcgan_cli.errors import ConfigError, DataError, NotHereError
from dcgan_cli.settings.schema import DataConfig
from tests.core.data.test_own_pictures import SMALL
from tests.pictures import colours

CLASSES = 4
NAMES = ["shirt", "shoe", "bag", "coat"]


def pictures(count: int, first: int) -> list[np.ndarray]:
    return [np.asarray(colours(first + number, 24, 20)) for number in range(count)]


def split(images: list[np.ndarray]) -> tf.data.Dataset:
    labels = [number % CLASSES for number in range(len(images))]
    return tf.data.Dataset.from_tensor_slices({"image": np.stack(images), "label": labels})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Create `tiny` with a test split, `untested` without, `several` with a config and no names."""
    folder = tmp_path_factory.mktemp("datasets")
    features = {
        "image": tfds.features.Image(shape=(20, 24, 3)),
        "label": tfds.features.ClassLabel(names=NAMES),
    }
    splits = {"train": split(pictures(40, 0)), "test": split(pictures(12, 100))}
    for name, kept in (("tiny", splits), ("untested", {"train": splits["train"]})):
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version="1.0.0",
            features=tfds.features.FeaturesDict(features),
            split_datasets=kept,
            data_dir=str(folder),
        )
    numbered = features | {"label": tfds.features.ClassLabel(num_classes=CLASSES)}
    tfds.dataset_builders.store_as_tfds_dataset(
        name="several",
        config="large",
        version="1.0.0",
        features=tfds.features.FeaturesDict(numbered),
        split_datasets={"train": splits["train"]},
        data_dir=str(folder),
    )
    return folder


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, data_dir, monkeypatch):
    monkeypatch.setenv("DCGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(data_dir))
    monkeypatch.setattr(tfds_files, "_prepared", {})


def config(name: str, **options) -> DataConfig:
    defaults = {"image_size": 20, "channels": 3}
    return DataConfig(name="tfds", path=name, **defaults | options)


def test_images_and_labels():
    """tensorflow-datasets shuffles the files, so both are compared as sets."""
    data = load_training_images(config("tiny", fit="stretch"))
    assert data.images.shape == (40, 20, 20, 3)
    assert np.bincount(data.labels).tolist() == [10] * CLASSES
    held_out = load_held_out_images(config("tiny", fit="stretch"))
    assert held_out.images.shape == (12, 20, 20, 3)
    crop = {image.tobytes() for image in load_training_images(config("tiny")).images}
    assert crop == {image[:, 2:22].tobytes() for image in pictures(40, 0)}


def test_label_belongs_to_its_image():
    data = load_training_images(config("tiny"))
    expected = {
        image[:, 2:22].tobytes(): number % CLASSES for number, image in enumerate(pictures(40, 0))
    }
    assert [expected[image.tobytes()] for image in data.images] == data.labels.tolist()


def test_without_a_test_split():
    assert load_held_out_images(config("untested:1.0.0")) is None


def test_train_by_class_and_resume(workplace, dcgan):
    words = ["data=tfds", "data.path=tiny", "model.conditional=true"]
    done = dcgan("train", *words, *SMALL, "hydra.run.dir=run")
    assert done.code == 0, done.err
    evaluated = dcgan("evaluate", "--run", "run", "--n", "20", "--data", "tiny")
    assert evaluated.code == 0, evaluated.err
    data = RunFolder(workplace / "run").config().data
    assert (data.path, data.classes) == ("tiny", CLASSES)
    assert dcgan("train", "resume=run").code == 0
    resumed = dcgan("train", "resume=run", "data.path=tiny", "epochs=3")
    assert resumed.code == 0, resumed.err
    assert RunFolder(workplace / "run").config().data.path == "tiny"
    assert dcgan("sample", "--class", "coat", "--n", "4", "--out", "grid.png").code == 0
    assert facts_in(open_png(workplace / "grid.png"))["class_name"] == "coat"


def test_unknown_name(dcgan):
    done = dcgan("train", "data=tfds", "data.path=nosuchset", *SMALL)
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "nosuchset cannot be loaded" in done.err
    assert "TFDS_DATA_DIR" in done.err


def test_another_format(data_dir, tmp_path, monkeypatch):
    copy = shutil.copytree(data_dir, tmp_path / "copy")
    monkeypatch.setenv("TFDS_DATA_DIR", str(copy))
    path = copy / "tiny" / "1.0.0" / "dataset_info.json"
    path.write_text(path.read_text().replace('"fileFormat": "tfrecord"', '"fileFormat": "riegeli"'))
    with pytest.raises(DataError, match="holds riegeli files"):
        load_training_images(config("tiny"))
    path.write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        load_training_images(config("tiny"))


def test_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ConfigError, match=r"install dcgan-cli\[tfds\]"):
        fetch(config("tiny"))


@pytest.mark.parametrize("name", ["tiny", "tiny:1.0.0", "several", "several/large"])
def test_prepared_files_are_read_without_the_package(name, monkeypatch):
    """It would run the data set's own code; what a run folder names is read without."""
    if name.startswith("several"):
        fetch(config(name))
        builder = tfds.builder(name)
        names = builder.info.features["label"].names
    else:
        names = NAMES
    monkeypatch.setattr(tfds_files, "_prepared", {})
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    data = load_training_images(config(name))
    assert len(data.images) == 40
    assert list(data.class_names) == list(names)


@pytest.mark.parametrize("name", ["tiny:2.0.0", "tiny/other", "../tiny", "several:1", "x:tiny"])
def test_other_names_are_not_here(name):
    with pytest.raises(NotHereError, match="is not on this machine"):
        load_training_images(config(name))
