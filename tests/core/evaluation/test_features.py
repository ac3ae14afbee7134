"""The networks that the scores look at images with."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.mnist import BUNDLED_MNIST
from dcgan_cli.core.evaluation import features
from dcgan_cli.core.evaluation.classifier import build_classifier, named_weights
from dcgan_cli.core.evaluation.features import CLASSIFIERS, SHIPPED, feature_extractor
from dcgan_cli.errors import DataError

SHAPE = (28, 28, 1)


@pytest.fixture(scope="module")
def test_split():
    return read_images(BUNDLED_MNIST, "test")


def test_the_shipped_classifier_is_right_on_over_99_percent_of_the_test_split(test_split):
    extracted = feature_extractor("auto", "mnist", SHAPE).extract(test_split.images)
    assert extracted.features.shape == (10_000, 64)
    assert extracted.probabilities.shape == (10_000, 10)
    np.testing.assert_allclose(extracted.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (extracted.probabilities.argmax(axis=1) == test_split.labels).mean() > 0.99


def test_features_do_not_depend_on_the_precision_in_force(test_split):
    extracted = []
    for policy in ("mixed_bfloat16", "float32"):
        keras.config.set_dtype_policy(policy)
        extracted.append(
            feature_extractor("mnist", None, SHAPE).extract(test_split.images[:10]).features
        )
    np.testing.assert_array_equal(*extracted)
    assert extracted[0].dtype == np.float32


def test_unknown_data_get_an_untrained_network_always_the_same(test_split):
    one, other = (feature_extractor("auto", None, SHAPE) for _ in range(2))
    assert one.name == "untrained-1"
    extracted = one.extract(test_split.images[:600])
    assert extracted.probabilities is None
    np.testing.assert_array_equal(
        extracted.features, other.extract(test_split.images[:600]).features
    )
    assert extracted.features.std(axis=0).mean() > 0.1
    assert feature_extractor("auto", None, (32, 48, 3)).extract(np.zeros((2, 32, 48, 3), np.uint8))


def test_own_weights_as_npz_and_as_keras_saves_them(test_split, tmp_path):
    name, _ = SHIPPED["mnist"]
    shipped = feature_extractor("mnist", None, SHAPE).extract(test_split.images[:50])
    own = tmp_path / "mine.npz"
    own.write_bytes((CLASSIFIERS / f"{name}.npz").read_bytes())
    network = build_classifier(SHAPE, 10)
    with np.load(own) as arrays:
        for path, variable in named_weights(network).items():
            variable.assign(arrays[path])
    network.save_weights(tmp_path / "mine.weights.h5")
    for path in (own, tmp_path / "mine.weights.h5"):
        loaded = feature_extractor(str(path), None, SHAPE)
        assert loaded.name.startswith("mine-")
        extracted = loaded.extract(test_split.images[:50])
        np.testing.assert_array_equal(extracted.features, shipped.features)
        np.testing.assert_array_equal(extracted.probabilities, shipped.probabilities)


@pytest.mark.parametrize(
    ("name", "content", "fragment"),
    [
        ("gone.npz", None, "gone.npz is not readable (No such file or directory); give auto"),
        ("text.npz", b"hello", "text.npz is not an .npz of scripts/make_classifier.py"),
        ("text.weights.h5", b"hello", "text.weights.h5 contains no weights of this classifier"),
    ],
)
def test_weights_that_cannot_be_used(tmp_path, name, content, fragment):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        feature_extractor(str(tmp_path / name), None, SHAPE)
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_another_image_size(tmp_path):
    name, _ = SHIPPED["mnist"]
    with pytest.raises(DataError, match="does not fit"):
        feature_extractor(str(CLASSIFIERS / f"{name}.npz"), None, (32, 32, 1))
    build_classifier((32, 32, 1), 10).save_weights(tmp_path / "large.weights.h5")
    with pytest.raises(DataError, match="contains no weights of this classifier for images of"):
        feature_extractor(str(tmp_path / "large.weights.h5"), None, SHAPE)


def test_a_damaged_shipped_classifier_is_refused(tmp_path, monkeypatch):
    name, _ = SHIPPED["mnist"]
    damaged = bytearray((CLASSIFIERS / f"{name}.npz").read_bytes())
    damaged[5000] ^= 1
    (tmp_path / f"{name}.npz").write_bytes(damaged)
    monkeypatch.setattr(features, "CLASSIFIERS", tmp_path)
    with pytest.raises(DataError, match="is damaged; reinstall"):
        feature_extractor("mnist", None, SHAPE)


@pytest.mark.slow
def test_inception_where_its_weights_are_at_hand(tmp_path, monkeypatch, test_split):
    """With weights of its initialiser: the published ones are a download."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(DataError, match=f"needs {tmp_path}.*{features.INCEPTION}"):
        feature_extractor("inception", "mnist", SHAPE)
    (tmp_path / "models").mkdir()
    inception = keras.applications.InceptionV3(include_top=False, weights=None)
    with h5py.File(tmp_path / "models" / features.INCEPTION, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, inception)
    extracted = feature_extractor("inception", "mnist", SHAPE).extract(test_split.images[:2])
    assert extracted.features.shape == (2, 2048)
    assert extracted.probabilities is None


@pytest.mark.parametrize("shape", [(28, 28, 3), (64, 64, 3), (100, 100, 1), (256, 256, 3)])
def test_untrained_features_of_any_shape(shape):
    network = feature_extractor("auto", None, shape)
    images = np.random.default_rng(0).integers(0, 256, (5, *shape), np.uint8)
    extracted = network.extract(images)
    assert network.name == "untrained-1"
    assert extracted.features.shape == (5, 64)
    assert np.isfinite(extracted.features).all()
    assert (extracted.features.std(axis=0) > 0).any()
    assert abs(network.extract(images[2:3]).features - extracted.features[2:3]).max() < 1e-3


def test_large_images_are_looked_at_in_small_parts_of_the_size_they_have():
    network = feature_extractor("untrained", None, (1024, 1024, 3))
    assert network.chunk == 5
    blocks = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    large = blocks.repeat(16, axis=1).repeat(16, axis=2)
    small = feature_extractor("untrained", None, (64, 64, 3)).extract(blocks).features
    np.testing.assert_allclose(network.extract(large).features, small, rtol=1e-4)
