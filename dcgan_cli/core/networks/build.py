"""Build the generator and the discriminator that the settings choose.

Both use the precision policy that is set while they are built; see `device.building`.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli.core.networks.blocks import Blocks
from dcgan_cli.core.networks.layers import SpectralNormalization
from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import TrainConfig

CHECKED_IMAGES = 4
"""Images of the check for independence."""


def build_generator(config: TrainConfig) -> keras.Model:
    """Build the generator.

    Returns:
        A model that maps float32 [B, latent_dim] to images, float32 [B, H, W, C] in [-1, 1]. In
        conditional training, latent vectors end with the one-hot class.
    """
    latent = keras.Input((config.latent_dim,), name="latent")
    return keras.Model(latent, generate(latent, config), name="generator")


def generate(latent: Any, config: TrainConfig, factory: type[Blocks] = Blocks) -> Any:
    """Apply the generator's layers.

    Args:
        latent: Keras tensor [B, latent_dim].
        config: the settings.
        factory: creates the layers; a subclass may create others with the same weights.

    Returns:
        Images in [-1, 1]: Keras tensor, float32 [B, H, W, C].
    """
    blocks = factory(config.model, config.seed, stream=0)
    x = _model(config).generator(latent, config.image_shape, blocks)
    return keras.layers.Activation("tanh", dtype="float32", name="tanh")(x)


def build_discriminator(config: TrainConfig) -> keras.Model:
    """Build the discriminator.

    Returns:
        A model that maps images (float32 [B, H, W, C] in [-1, 1]) and a dropout key (int32 [2],
        used only with `training=True`) to logits (float32 [B, 1], positive for real). In
        conditional training, the third input is the one-hot classes: float32 [B, classes].
    """
    image = keras.Input(config.image_shape, name="image")
    dropout_key = keras.Input(batch_shape=(2,), dtype="int32", name="dropout_key")
    blocks = Blocks(
        config.model,
        config.seed,
        stream=1,
        batch_norm=not config.is_penalised,
        spectral_norm=config.model.spectral_norm,
    )
    x = _model(config).discriminator(image, dropout_key, blocks)
    x = keras.layers.Flatten(name="flatten")(x)
    logit = blocks.dense(1, name="dense", dtype="float32")(x)
    inputs = [image, dropout_key]
    if config.model.conditional:
        # Projection: Miyato & Koyama 2018, "cGANs with Projection Discriminator", equation 3.
        classes = keras.Input((config.data.classes,), name="classes")
        inputs.append(classes)
        of_classes = blocks.dense(
            config.data.classes, name="classes_dense", dtype="float32", use_bias=False
        )(x)
        of_class = keras.layers.Dot(axes=1, dtype="float32", name="of_class")([of_classes, classes])
        logit = keras.layers.Add(dtype="float32", name="logit")([logit, of_class])
    return keras.Model(inputs, logit, name="discriminator")


def couples_images(config: TrainConfig, discriminator: keras.Model) -> bool:
    """Return whether an image's logit depends on the other images of its batch.

    It does if the model is registered with `independent=False`, or if a layer at any depth is batch
    normalization.
    """
    layers = discriminator._flatten_layers()  # Keras has no public way to the inner layers.
    has_batch_norm = any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    return has_batch_norm or not entry("model", config.model.name).independent


def check_independence(config: TrainConfig, discriminator: keras.Model) -> None:
    """Check that changing one image leaves the logits of the others as they are.

    Otherwise the generator's gradients would be wrong. No variable changes.

    Raises:
        ConfigError: another logit changes.
    """
    images = np.random.default_rng(0).uniform(-1, 1, (CHECKED_IMAGES, *config.image_shape))
    classes = np.zeros(CHECKED_IMAGES, np.int32)

    def other_logits() -> np.ndarray:
        inputs = [tf.constant(images, tf.float32), tf.zeros(2, tf.int32)]
        if config.model.conditional:
            inputs.append(tf.one_hot(classes, config.data.classes))
        with keras.StatelessScope():  # Random numbers of Keras's layers are the same each time.
            return discriminator(inputs, training=True).numpy()[1:]

    before, again = other_logits(), other_logits()
    images[0] = 1
    # A model with random numbers of its own cannot be checked.
    if np.array_equal(before, again) and not np.array_equal(before, other_logits()):
        name = config.model.name
        raise ConfigError(
            f"model={name}: the logit of an image depends on other images of its batch; register "
            f'it with @dcgan.model("{name}", independent=False)'
        )


def _model(config: TrainConfig) -> Any:
    return entry("model", config.model.name).build()


def layer_table(model: keras.Model) -> list[dict[str, Any]]:
    """Return facts about the layers of a network, in order.

    Returns:
        One dictionary per layer: name, type, output shape without the batch, number of parameters,
        and multiply-adds for one image (of dense and convolution layers, including products with
        padding).
    """
    return [
        {
            "name": layer.name,
            "type": type(getattr(layer, "divided", layer)).__name__,
            "output_shape": list(layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "multiply_adds": _multiply_adds(layer),
        }
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]


def _multiply_adds(layer: keras.layers.Layer) -> int:
    inputs, outputs = layer.input, layer.output
    if isinstance(layer, SpectralNormalization):
        layer = layer.divided
    if isinstance(layer, keras.layers.Dense):
        return int(np.prod(layer.kernel.shape))
    # A kernel is applied at each output position, or at each input position if transposed.
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return int(np.prod(layer.kernel.shape) * np.prod(inputs.shape[1:3]))
    if isinstance(layer, keras.layers.Conv2D):
        return int(np.prod(layer.kernel.shape) * np.prod(outputs.shape[1:3]))
    return 0
