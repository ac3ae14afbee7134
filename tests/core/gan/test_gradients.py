"""Every model with every loss: gradients against two plain tapes over the networks in float64."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.mnist import BUNDLED_MNIST
from dcgan_cli.core.gan.gradients import Batch, Objective, gradients
from dcgan_cli.core.gan.step import build_gan, build_loss, training_networks
from dcgan_cli.core.networks.build import build_discriminator, build_generator
from dcgan_cli.errors import ConfigError
from dcgan_cli.settings import registry
from dcgan_cli.settings.schema import DataConfig, LossConfig, ModelConfig, TrainConfig

LOSSES = ("non_saturating", "minimax", "least_squares", "hinge", "wasserstein_gp")
"""One of each shape: further losses are held by their formulas alone."""
COUNT, REALS = 8, 5
KEY, MIXING_KEY = tf.constant([1, 2]), tf.constant([3, 4])


def config_of(model: str, loss: str, *, r1_gamma: float = 0, **options) -> TrainConfig:
    size = 32 if model == "dcgan" else 28
    loss_config = LossConfig(name=loss, r1_gamma=r1_gamma)
    return TrainConfig(
        batch_size=COUNT,
        noise_dim=6,
        seed=2,
        data=DataConfig(image_size=size, channels=options.pop("channels", 1)),
        model=ModelConfig(name=model, base_channels=4, units=16, dropout=0, **options),
        loss=loss_config,
    )


def tensorflow_terms(name):
    """The formulas of test_losses.py, of tensors."""
    log_probability = tf.math.log_sigmoid
    cross_entropy = (lambda x: -log_probability(x), lambda x: -log_probability(-x))
    return {
        "non_saturating": (*cross_entropy, lambda x: -log_probability(x)),
        "minimax": (*cross_entropy, lambda x: log_probability(-x)),
        "least_squares": (
            lambda x: (x - 1) ** 2 / 2,
            lambda x: x**2 / 2,
            lambda x: (x - 1) ** 2 / 2,
        ),
        "hinge": (lambda x: tf.nn.relu(1 - x), lambda x: tf.nn.relu(1 + x), lambda x: -x),
        "wasserstein_gp": (lambda x: -x, lambda x: x, lambda x: -x),
    }[name]


def in_float64(build, config, like: keras.Model) -> keras.Model:
    """Build the same network in float64 throughout, with the same weights."""
    keras.config.set_dtype_policy("float64")
    try:
        network = build(config)
    finally:
        keras.config.set_dtype_policy("float32")
    network.set_weights([weight.astype(np.float64) for weight in like.get_weights()])
    return network


def reference(config, gan, images, latents, real_classes, fake_classes, r1_gamma):
    """Both losses and gradients as their definitions have them."""
    generator = in_float64(build_generator, config, gan.generator)
    discriminator = in_float64(build_discriminator, config, gan.discriminator)
    real_terms, fake_terms, generator_terms = tensorflow_terms(config.loss.name)

    def discriminate(x, classes):
        extra = [] if classes is None else [tf.one_hot(classes, 10, dtype=tf.float64)]
        return tf.cast(discriminator([x, KEY, *extra], training=True), tf.float64)

    reals = tf.cast(images, tf.float64) / 127.5 - 1
    with tf.GradientTape(persistent=True) as tape:
        fakes = tf.cast(generator(tf.cast(latents, tf.float64), training=True), tf.float64)
        with tf.GradientTape() as image_tape:
            image_tape.watch(reals)
            real_logits = discriminate(reals, real_classes)
        fake_logits = discriminate(fakes, fake_classes)
        generator_loss = tf.reduce_mean(generator_terms(fake_logits))
        discriminator_loss = tf.reduce_mean(real_terms(real_logits)) + tf.reduce_mean(
            fake_terms(fake_logits)
        )
        input_gradients = tf.reshape(image_tape.gradient(real_logits, reals), (REALS, -1))
        penalised = discriminator_loss + r1_gamma / 2 * tf.reduce_mean(
            tf.norm(input_gradients, axis=1) ** 2
        )
        if config.loss.name == "wasserstein_gp":
            share = tf.random.stateless_uniform((REALS, 1, 1, 1), MIXING_KEY)
            share = tf.cast(share, tf.float64)
            mixed = share * reals + (1 - share) * tf.stop_gradient(fakes[:REALS])
            with tf.GradientTape() as image_tape:
                image_tape.watch(mixed)
                logits = discriminate(mixed, real_classes)
            input_gradients = tf.reshape(image_tape.gradient(logits, mixed), (REALS, -1))
            penalised += 10 * tf.reduce_mean((tf.norm(input_gradients, axis=1) - 1) ** 2)
    return (
        generator_loss,
        discriminator_loss,
        tape.gradient(generator_loss, generator.trainable_variables),
        tape.gradient(penalised, discriminator.trainable_variables),
    )


def far(found, expected) -> float:
    """The length of the error as a share of what was expected, or of a rounding error's size."""
    expected = np.asarray(expected)
    return float(np.linalg.norm(found - expected) / (np.linalg.norm(expected) + 1e-4))


def check(config: TrainConfig, bias: float = 0) -> None:
    """Compare gradients, each to within 0.2 % of its length.

    Args:
        config: the settings.
        bias: what is added to every logit.
    """
    r1_gamma = config.loss.r1_gamma
    gan = build_gan(config, 1)
    weights = np.random.default_rng(3)
    for network in (gan.generator, gan.discriminator):
        # Biases and scales that are not what they begin as, and logits that are not near zero.
        network.set_weights(
            [w + 0.1 * weights.standard_normal(w.shape) ** 2 for w in network.get_weights()]
        )
    gan.discriminator.get_layer("dense").bias.assign_add([bias])
    size, channels = config.data.image_size, config.data.channels
    images = read_images(BUNDLED_MNIST, "train").images[:REALS]
    images = np.repeat(np.pad(images, ((0, 0), *[(0, size - 28)] * 2, (0, 0))), channels, axis=3)
    latents = weights.standard_normal((COUNT, config.noise_dim)).astype(np.float32)
    real_classes = fake_classes = None
    if config.model.conditional:
        real_classes, fake_classes = 9 - tf.range(REALS), tf.range(COUNT) % 10
        latents = np.concatenate([latents, np.eye(10, dtype=np.float32)[fake_classes]], axis=1)
    expected = reference(config, gan, images, latents, real_classes, fake_classes, r1_gamma)

    batch = Batch(
        tf.cast(images, tf.float32) / 127.5 - 1,
        tf.constant(latents),
        real_classes,
        fake_classes,
        KEY,
        MIXING_KEY,
        tf.constant(float(REALS)),
        COUNT,
    )
    penalty = 10 if config.loss.name == "wasserstein_gp" else 0
    objective = Objective(build_loss(config.loss), r1_gamma, penalty)
    found = gradients(training_networks(gan, config), batch, objective)

    np.testing.assert_allclose(found.generator_loss, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.discriminator_loss, expected[1], rtol=1e-4, atol=1e-5)
    networks = (gan.generator, found.generator), (gan.discriminator, found.discriminator)
    for (network, actual), references in zip(networks, expected[2:], strict=True):
        for variable, gradient, right in zip(
            network.trainable_variables, actual, references, strict=True
        ):
            assert far(gradient, right) < 2e-3, variable.path


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", ["dcgan28", "dcgan", "mlp"])
def test_every_model_with_every_loss(model, loss):
    check(config_of(model, loss))


@pytest.mark.parametrize("loss", ["hinge", "wasserstein_gp"])
@pytest.mark.parametrize("model", ["dcgan28", "dcgan", "mlp"])
def test_conditional_with_colour_and_r1(model, loss):
    check(config_of(model, loss, conditional=True, channels=3, r1_gamma=2))


def test_conditional_on_the_grid():
    config = config_of("dcgan28", "non_saturating", conditional=True, r1_gamma=2)
    for convolution in ("direct", "transformed"):
        check(dataclasses.replace(config, convolution=convolution))


@pytest.mark.parametrize("bias", [-9, 9])
@pytest.mark.parametrize("convolution", ["direct", "transformed"])
def test_a_hinge_that_is_flat_for_one_kind(convolution, bias):
    """All generated images, or all real ones, are beyond its margin, where it has no slope."""
    config = dataclasses.replace(config_of("dcgan28", "hinge"), convolution=convolution)
    check(config, bias)


@pytest.mark.parametrize("model", ["dcgan28", "dcgan"])
def test_resized(model):
    check(config_of(model, "non_saturating", upsample="resize"))


class Coupled:
    """A model whose discriminator normalizes by the batch, in a layer inside a layer."""

    def generator(self, latent, image_shape, blocks):
        x = blocks.dense(28 * 28, name="dense")(latent)
        return keras.layers.Reshape(image_shape, name="reshape")(x)

    def discriminator(self, image, dropout_key, blocks):
        x = blocks.leaky_relu("relu")(blocks.down(4, name="conv")(image))
        return self.mix(x, blocks)

    def mix(self, x, blocks):
        layers = [blocks.norm("norm"), keras.layers.ReLU(name="relu_2")]
        return keras.Sequential(layers, name="inner")(x)


class WithVariance(Coupled):
    """The same with the variance over the batch as one more feature."""

    def mix(self, x, blocks):
        variance = keras.ops.mean(keras.ops.var(x, axis=0, keepdims=True), axis=-1, keepdims=True)
        return keras.ops.concatenate([x, keras.ops.zeros_like(x[..., :1]) + variance], axis=-1)


@pytest.mark.parametrize(
    ("kind", "declared"), [(Coupled, {}), (WithVariance, {"independent": False})]
)
def test_logits_that_depend_on_the_whole_batch(kind, declared):
    registry.model("coupled", **declared)(kind)
    check(config_of("coupled", "non_saturating"))


def test_logits_that_depend_on_the_whole_batch_must_be_declared():
    registry.model("coupled")(WithVariance)
    with pytest.raises(ConfigError, match=r'@dcgan.model\("coupled", independent=False\)$'):
        build_gan(config_of("coupled", "non_saturating"), 1)
    with pytest.raises(ConfigError, match="depends on other images"):
        build_gan(config_of("coupled", "wasserstein_gp", conditional=True), 1)


class WithRandomLayers(Coupled):
    """A model with dropout of both kinds and spectral normalization, but nothing over the batch."""

    def mix(self, x, blocks):
        return keras.layers.Dropout(0.5, name="drop")(blocks.conv(4, name="conv_2")(x))


def test_random_layers_do_not_make_logits_dependent():
    registry.model("random")(WithRandomLayers)
    gan = build_gan(config_of("random", "hinge", spectral_norm=True), 1)
    layer = gan.discriminator.get_layer("conv")
    expected = keras.initializers.RandomNormal(seed=layer.seed)(layer.u.shape)
    np.testing.assert_array_equal(layer.u.numpy(), expected)  # The check has not moved it.
