"""Fourier-domain convolutions against direct ones."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import correlate2d

from dcgan_cli.core.networks import fourier
from dcgan_cli.core.networks.build import build_discriminator, build_generator
from dcgan_cli.core.networks.device import resolve_convolution
from dcgan_cli.core.networks.fourier_dcgan28 import FourierDiscriminator, FourierGenerator, add_bias
from dcgan_cli.settings.schema import DataConfig, ModelConfig, TrainConfig

RNG = np.random.default_rng(0)
KEY = tf.constant([1, 2])


@pytest.mark.parametrize(("taps", "size"), [(3, 8), (5, 9), (3, 9), (5, 10)])
def test_bilinear_matrices_convolve(taps, size):
    a, b, c = fourier.bilinear_matrices(taps, size)
    image, kernel = RNG.standard_normal((7, 7)), RNG.standard_normal((taps, taps))
    output = c @ ((a @ image.ravel()) * (b @ kernel.ravel()))
    np.testing.assert_allclose(
        output.reshape(7, 7), correlate2d(image, kernel, mode="same"), atol=1e-12
    )


def to_cells(x):
    """[N, H, W, C] to [49, N, pixels of a cell * C]."""
    n, side, _, c = x.shape
    p = side // 7
    x = x.reshape(n, 7, p, 7, p, c).transpose(1, 3, 0, 2, 4, 5)
    return x.reshape(49, n, p * p * c)


CASES = {
    "down": (fourier.DOWN, 14, (5, 5, 3, 4), lambda x, w: tf.nn.conv2d(x, w, 2, "SAME")),
    "up": (
        fourier.UP,
        7,
        (5, 5, 4, 3),
        lambda x, w: tf.nn.conv2d_transpose(x, w, (2, 14, 14, 4), 2),
    ),
    "level": (
        fourier.LEVEL,
        7,
        (5, 5, 4, 3),
        lambda x, w: tf.nn.conv2d_transpose(x, w, (2, 7, 7, 4), 1),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_convolutions_and_their_gradients(case):
    convolve, side, kernel_shape, direct = CASES[case]
    x = tf.constant(RNG.standard_normal((2, side, side, 3)))
    w = tf.constant(RNG.standard_normal(kernel_shape))
    cells = tf.constant(to_cells(x.numpy()))
    with tf.GradientTape() as tape:
        tape.watch([x, w])
        expected = direct(x, w)
        total = tf.reduce_sum(tf.sin(expected))
    expected_slopes = tape.gradient(total, [x, w])
    with tf.GradientTape() as tape:
        tape.watch([cells, w])
        found = convolve(cells, w)
        total = tf.reduce_sum(tf.sin(found))
    slopes = tape.gradient(total, [cells, w])
    np.testing.assert_allclose(found, to_cells(expected.numpy()), atol=1e-11)
    np.testing.assert_allclose(slopes[0], to_cells(expected_slopes[0].numpy()), atol=1e-11)
    np.testing.assert_allclose(slopes[1], expected_slopes[1], atol=1e-11)


@pytest.mark.parametrize("base_channels", [1, 5, 64])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("conditional", [False, True])
def test_networks_are_the_keras_models(base_channels, count, conditional):
    model = ModelConfig(base_channels=base_channels, dropout=0, conditional=conditional)
    config = TrainConfig(model=model, noise_dim=9, seed=1)
    ours, theirs = (build_generator(config) for _ in range(2))
    latents = tf.constant(RNG.standard_normal((count, config.latent_dim)), tf.float32)
    images = FourierGenerator(ours)(latents)
    np.testing.assert_allclose(images, theirs(latents, training=True), atol=1e-4)
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5, err_msg=mine.path)

    discriminator = build_discriminator(config)
    for index in (1, 2):
        bias = discriminator.get_layer(f"conv_{index}").bias
        bias.assign(RNG.standard_normal(bias.shape))
    classes = tf.range(3, 3 + count) if conditional else None
    logits = FourierDiscriminator(discriminator)(images, KEY, classes)
    inputs = [images, KEY, tf.one_hot(classes, 10)] if conditional else [images, KEY]
    expected = discriminator(inputs, training=True)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)


def test_the_gradient_of_a_bias_is_exact_in_bfloat16():
    """A sum of 50,000 ones in bfloat16 itself would stop at 256."""
    x, bias = tf.zeros((49, 1024, 3), tf.bfloat16), tf.Variable(tf.zeros(3))
    with tf.GradientTape() as tape:
        y = add_bias(x, bias)
    slopes = tape.gradient(y, bias, output_gradients=tf.ones_like(y))
    np.testing.assert_allclose(slopes, [49 * 1024] * 3, rtol=2**-8)


@pytest.mark.parametrize(("gpus", "form"), [([], "transformed"), (["GPU:0"], "direct")])
def test_auto_convolution_goes_by_whether_there_is_a_gpu(monkeypatch, gpus, form):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    assert resolve_convolution(TrainConfig()) == form
    other = TrainConfig(model=ModelConfig(upsample="resize"))
    assert resolve_convolution(other) == "direct"
    for named in ("direct", "transformed"):
        assert resolve_convolution(TrainConfig(convolution=named)) == named
    for size in (64, 256):
        data, model = DataConfig(name="npz", image_size=size), ModelConfig(name="dcgan")
        config = TrainConfig(data=data, model=model)
        assert resolve_convolution(config) == (form if size == 64 else "direct")


@pytest.mark.parametrize(
    ("batch", "size", "precision", "form"),
    [
        (16, 32, "float32", "direct"),
        (24, 32, "float32", "transformed"),
        (16, 64, "float32", "transformed"),
        (16, 32, "bfloat16", "transformed"),
    ],
)
def test_auto_convolution_is_direct_for_small_batches_in_float32(
    monkeypatch, batch, size, precision, form
):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    config = TrainConfig(
        batch_size=batch,
        precision=precision,
        data=DataConfig(name="npz", image_size=size),
        model=ModelConfig(name="dcgan"),
    )
    assert resolve_convolution(config) == form
