"""The networks that the scores look at images with."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.cifar10 import read_cifar10
from dcgan_cli.core.data.mnist import BUNDLED_MNIST
from dcgan_cli.core.evaluation import features
from dcgan_cli.core.evaluation.classifier import (
    build_classifier,
    build_colour_classifier,
    fold_normalization,
    named_weights,
)
from dcgan_cli.core.evaluation.features import CLASSIFIERS, SHIPPED, feature_extractor
from dcgan_cli.core.networks.weights import assign
from dcgan_cli.errors import DataError, NotHereError

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
    assert feature_extractor("auto", None, (32, 48, 1)).extract(np.zeros((2, 32, 48, 1), np.uint8))


def test_auto_is_a_classifier_for_mnist_and_for_colour():
    named = {
        (dataset, shape): feature_extractor("auto", dataset, shape)
        for dataset, shape in (
            ("mnist", SHAPE),
            ("fashion_mnist", SHAPE),
            (None, (64, 64, 1)),
            (None, (32, 32, 3)),
            (None, (64, 64, 3)),
            ("cifar10", (32, 32, 3)),
        )
    }
    assert [one.name for one in named.values()] == [
        "mnist-1",
        "untrained-1",
        "untrained-1",
        "colour-1",
        "colour-1",
        "colour-1",
    ]
    assert [one.scaled_to for one in named.values()] == [None, None, None, None, 32, None]
    # Photographs of other things have none of the ten classes.
    assert [one.knows_classes for one in named.values()] == [True, False, False, False, False, True]


def plain_colours(shape: tuple[int, ...], count: int = 5) -> np.ndarray:
    """Return images of one colour each, which look the same at any size."""
    colours = np.random.default_rng(0).integers(0, 256, (count, 1, 1, shape[-1]), np.uint8)
    return np.broadcast_to(colours, (count, *shape))


def test_the_colour_classifier_gives_what_it_gave_when_it_was_trained():
    """Other weights, another order of the channels or another range of pixels would show here."""
    images = plain_colours((32, 32, 3))
    extracted = feature_extractor("colour", "cifar10", (32, 32, 3)).extract(images)
    assert extracted.features.shape == (5, 128)
    assert extracted.features.min() >= 0
    assert extracted.probabilities.shape == (5, 10)
    np.testing.assert_allclose(extracted.probabilities.sum(axis=1), 1, atol=1e-5)
    means = [1.645083, 2.0484751, 2.3262052, 2.0782144, 2.2308731]
    np.testing.assert_allclose(extracted.features.mean(axis=1), means, rtol=1e-3)


@pytest.mark.slow
def test_the_colour_classifier_is_right_on_87_percent_of_the_test_split():
    try:
        data = read_cifar10("test")
    except NotHereError as error:
        pytest.skip(f"{error}; `dcgan train data=cifar10` downloads it")
    extracted = feature_extractor("auto", "cifar10", (32, 32, 3)).extract(data.images)
    assert (extracted.probabilities.argmax(axis=1) == data.labels).mean() > 0.87


@pytest.mark.parametrize("shape", [(28, 28, 3), (64, 64, 3), (100, 100, 3), (256, 256, 3)])
def test_colour_features_of_other_sizes_are_those_at_32(shape):
    small = feature_extractor("auto", None, (32, 32, 3)).extract(plain_colours((32, 32, 3)))
    other = feature_extractor("auto", None, shape).extract(plain_colours(shape))
    np.testing.assert_allclose(other.features, small.features, atol=1e-2)
    assert other.probabilities is None


def test_large_images_are_averaged_not_sampled():
    """A board of black and white pixels looks grey from afar."""
    board = np.indices((128, 128)).sum(axis=0) % 2 * 255
    board = np.repeat(board[None, :, :, None], 3, axis=3).astype(np.uint8)
    grey = np.full((1, 128, 128, 3), 127, np.uint8)
    network = feature_extractor("colour", None, (128, 128, 3))
    far, near = (network.extract(images).features for images in (board, grey))
    np.testing.assert_allclose(far, near, atol=0.2)


def test_colour_features_of_grey_images():
    grey = plain_colours((32, 32, 1))
    extracted = feature_extractor("colour", None, (32, 32, 1)).extract(grey)
    colour = feature_extractor("colour", None, (32, 32, 3)).extract(grey.repeat(3, axis=3))
    np.testing.assert_allclose(extracted.features, colour.features, atol=1e-4)


def test_normalization_is_folded_into_the_convolutions():
    trained = build_colour_classifier(10, normalized=True)
    draw = np.random.default_rng(0)
    for weight in trained.weights:
        weight.assign(weight + draw.uniform(0, 0.3, weight.shape))
    folded = build_colour_classifier(10)
    assign(named_weights(folded), fold_normalization(trained), "folded")
    images = draw.uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    for one, other in zip(trained(images, training=False), folded(images), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


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


@pytest.mark.parametrize("setting", SHIPPED)
def test_a_damaged_shipped_classifier_is_refused(tmp_path, monkeypatch, setting):
    name, _ = SHIPPED[setting]
    damaged = bytearray((CLASSIFIERS / f"{name}.npz").read_bytes())
    damaged[5000] ^= 1
    (tmp_path / f"{name}.npz").write_bytes(damaged)
    monkeypatch.setattr(features, "CLASSIFIERS", tmp_path)
    with pytest.raises(DataError, match="is damaged; reinstall"):
        feature_extractor(setting, None, SHAPE)


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
    network = feature_extractor("untrained", None, shape)
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
