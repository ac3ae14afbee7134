"""The dcgan28 networks with Fourier-domain convolutions, for training on CPUs.

They replace a call of the Keras models with `training=True`, use the same weights, and take less
than half the time on CPUs (docs/performance.md). Images, logits and gradients are equal up to
rounding, except that the dropout mask is drawn in another order.
"""

import keras
import tensorflow as tf

from dcgan_cli.core.networks import fourier
from dcgan_cli.core.networks.cells import add_bias, batch_norm, logits, relu_and_drop
from dcgan_cli.core.networks.layers import leaky_relu


class FourierGenerator:
    """The network of `build_generator`, in training mode."""

    def __init__(self, model: keras.Model) -> None:
        self.layer = model.get_layer
        self.dtype = tf.as_dtype(model.get_layer("conv_1").compute_dtype)

    def __call__(self, latents: tf.Tensor) -> tf.Tensor:
        """Map latent vectors (float32 [N, latent_dim]) to images (float32 [N, 28, 28, 1]).

        Updates the running batch statistics.
        """
        layer = self.layer
        x = tf.cast(latents, self.dtype) @ tf.cast(layer("dense").kernel, self.dtype)
        x = self._norm_and_relu(x, 1)
        x = tf.transpose(
            tf.reshape(x, (-1, fourier.CELLS, x.shape[-1] // fourier.CELLS)), (1, 0, 2)
        )
        x = self._norm_and_relu(fourier.LEVEL(x, layer("conv_1").kernel), 2)
        x = self._norm_and_relu(fourier.UP(x, layer("conv_2").kernel), 3)
        return tf.tanh(fourier.cells_to_image(x, layer("conv_3").kernel))

    def _norm_and_relu(self, x: tf.Tensor, index: int) -> tf.Tensor:
        y = batch_norm(x, self.layer(f"norm_{index}"))
        return leaky_relu(y, self.layer(f"relu_{index}").slope)


class FourierDiscriminator:
    """The network of `build_discriminator`, in training mode."""

    def __init__(self, model: keras.Model) -> None:
        self.layer = model.get_layer
        self.dtype = tf.as_dtype(model.get_layer("conv_1").compute_dtype)

    def __call__(
        self, images: tf.Tensor, key: tf.Tensor, classes: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return the logits of images.

        Args:
            images: float32 [N, 28, 28, 1].
            key: int32 [2], the dropout key.
            classes: int32 [N], for conditional networks.

        Returns:
            float32 [N, 1].
        """
        layer = self.layer
        x = tf.cast(images, self.dtype)
        x = fourier.image_to_cells(x, layer("conv_1").kernel, layer("conv_1").bias)
        x, scale = relu_and_drop(x, layer, 1, key)
        x = add_bias(fourier.DOWN(x, layer("conv_2").kernel * scale), layer("conv_2").bias)
        x, scale = relu_and_drop(x, layer, 2, key)
        return logits(x, layer, scale, classes)
