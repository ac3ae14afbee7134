"""Tiled convolutions against direct ones."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_cli.core.networks.build import build_discriminator, build_generator
from dcgan_cli.core.networks.winograd import TiledConvolution, to_cells, to_pixels
from dcgan_cli.core.networks.winograd_dcgan import WinogradDiscriminator, WinogradGenerator
from dcgan_cli.settings.schema import DataConfig, LossConfig, ModelConfig, TrainConfig

RNG = np.random.default_rng(0)
KEY = tf.constant([1, 2])


def from_batch(x):
    """[N, H, W, C] to [H, W, N, C]."""
    return tf.transpose(x, (1, 2, 0, 3))


@pytest.mark.parametrize("side", [4, 8, 16])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_convolutions_and_their_gradients(side, transposed, dense):
    """Equal to TensorFlow's own in float64 but for rounding, and so are both gradients."""
    kernel = tf.constant(RNG.standard_normal((5, 5, 3, 4)))
    shape = (2, side, side, 4) if transposed else (2, 2 * side, 2 * side, 3)
    images = tf.constant(RNG.standard_normal(shape))
    convolution = TiledConvolution(side, transposed=transposed, dense=dense)

    def direct(x, w):
        if transposed:
            return from_batch(tf.nn.conv2d_transpose(x, w, (2, 2 * side, 2 * side, 3), 2))
        return from_batch(tf.nn.conv2d(x, w, 2, "SAME"))

    def tiled(x, w):
        if transposed:
            return to_pixels(convolution(from_batch(x), w))
        return convolution(to_cells(from_batch(x)), w)

    found = []
    for convolve in (direct, tiled):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            output = convolve(images, kernel)
            total = tf.reduce_sum(tf.sin(output))
        found.append([output, *tape.gradient(total, [images, kernel])])
    for expected, actual in zip(*found, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-11)


def relative_error(dtype):
    """Return the root mean square error of a tiled and of a direct convolution, from float64's."""
    side, channels = 16, 64
    kernel = tf.constant(RNG.standard_normal((5, 5, channels, 8)))
    images = tf.constant(RNG.standard_normal((4, 2 * side, 2 * side, channels)))
    exact = from_batch(tf.nn.conv2d(images, kernel, 2, "SAME")).numpy()
    images = tf.cast(images, dtype)
    tiled = TiledConvolution(side, transposed=False)(to_cells(from_batch(images)), kernel)
    direct = from_batch(tf.nn.conv2d(images, tf.cast(kernel, dtype), 2, "SAME"))
    return [
        float(np.sqrt(np.mean((tf.cast(found, tf.float64) - exact) ** 2) / np.mean(exact**2)))
        for found in (tiled, direct)
    ]


@pytest.mark.parametrize(("dtype", "most"), [("float32", 3e-6), ("bfloat16", 0.03)])
def test_rounding_stays_small(dtype, most):
    """The tolerance that docs/performance.md states."""
    tiled, direct = relative_error(dtype)
    assert tiled < most
    assert direct < tiled


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("penalised", [False, True])
def test_networks_are_the_keras_models(size, channels, conditional, penalised):
    config = TrainConfig(
        model=ModelConfig(name="dcgan", base_channels=6, dropout=0, conditional=conditional),
        data=DataConfig(name="npz", image_size=size, channels=channels),
        loss=LossConfig(r1_gamma=float(penalised)),
        noise_dim=9,
        seed=1,
    )
    ours, theirs = (build_generator(config) for _ in range(2))
    latents = tf.constant(RNG.standard_normal((3, config.latent_dim)), tf.float32)
    images = WinogradGenerator(ours)(latents)
    np.testing.assert_allclose(images, theirs(latents, training=True), atol=1e-5)
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6, err_msg=mine.path)

    ours, theirs = (build_discriminator(config) for _ in range(2))
    for model in (ours, theirs):
        for weight in model.trainable_weights:
            weight.assign(np.random.default_rng(weight.shape[-1]).normal(0.1, 0.1, weight.shape))
    images = tf.constant(RNG.uniform(-1, 1, (3, *config.image_shape)), tf.float32)
    classes = tf.range(3) if conditional else None
    logits = WinogradDiscriminator(ours)(images, KEY, classes)
    inputs = [images, KEY, tf.one_hot(classes, 10)] if conditional else [images, KEY]
    np.testing.assert_allclose(logits, theirs(inputs, training=True), rtol=1e-3, atol=1e-3)
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-3, err_msg=mine.path)
