"""The dcgan networks with tiled convolutions, for training on CPUs.

They replace a call of the Keras models with `training=True` and use the same weights. Images,
logits and gradients are equal up to rounding, except that the dropout mask is drawn in another
order. Between the first and the last layer, tensors are [rows, columns, N, channels].
"""

import keras
import tensorflow as tf

from dcgan_cli.core.networks.cells import add_bias, batch_norm, logits, relu_and_drop
from dcgan_cli.core.networks.layers import layer_norm
from dcgan_cli.core.networks.winograd import (
    TiledConvolution,
    cells_to_images,
    images_to_cells,
    to_cells,
    to_pixels,
)


class WinogradGenerator:
    """The network of `build_generator`, in training mode."""

    def __init__(self, model: keras.Model) -> None:
        self.layer = model.get_layer
        self.dtype = tf.as_dtype(model.get_layer("conv_1").compute_dtype)
        self.base = model.get_layer("reshape").output.shape[1:]
        sides = _halved(model.output.shape[1] // 4, self.base[0])
        self.convolutions = [TiledConvolution(side, transposed=True) for side in reversed(sides)]

    def __call__(self, latents: tf.Tensor) -> tf.Tensor:
        """Map latent vectors (float32 [N, latent_dim]) to images (float32 [N, H, W, C]).

        Updates the running batch statistics.
        """
        layer = self.layer
        x = tf.cast(latents, self.dtype) @ tf.cast(layer("dense").kernel, self.dtype)
        x = tf.transpose(tf.reshape(x, (-1, *self.base)), (1, 2, 0, 3))
        x = tf.nn.relu(batch_norm(x, layer("norm_1")))
        for index, convolve in enumerate(self.convolutions, start=1):
            if index > 1:
                x = to_pixels(x)
            x = convolve(x, layer(f"conv_{index}").kernel)
            x = tf.nn.relu(batch_norm(x, layer(f"norm_{index + 1}")))
        # Few channels: the direct convolution is fast enough.
        x = cells_to_images(x)
        kernel = layer(f"conv_{len(self.convolutions) + 1}").kernel
        shape = tf.shape(x) * (1, 2, 2, 0) + (0, 0, 0, kernel.shape[2])
        x = tf.nn.conv2d_transpose(x, tf.cast(kernel, x.dtype), shape, 2)
        return tf.tanh(tf.cast(x, tf.float32))


class WinogradDiscriminator:
    """The network of `build_discriminator`, in training mode."""

    def __init__(self, model: keras.Model) -> None:
        self.layer = model.get_layer
        self.dtype = tf.as_dtype(model.get_layer("conv_1").compute_dtype)
        sides = _halved(model.inputs[0].shape[1] // 4, model.get_layer("flatten").input.shape[1])
        self.convolutions = [TiledConvolution(side, transposed=False) for side in sides]

    def __call__(
        self, images: tf.Tensor, key: tf.Tensor, classes: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return the logits of images.

        Args:
            images: float32 [N, H, W, C].
            key: int32 [2], the dropout key.
            classes: int32 [N], for conditional networks.

        Returns:
            float32 [N, 1].
        """
        layer = self.layer
        first = layer("conv_1")
        x = tf.nn.conv2d(tf.cast(images, self.dtype), tf.cast(first.kernel, self.dtype), 2, "SAME")
        x, scale = relu_and_drop(add_bias(x, first.bias), layer, 1, key)
        for index, convolve in enumerate(self.convolutions, start=2):
            x = images_to_cells(x) if index == 2 else to_cells(x)
            x = convolve(x, layer(f"conv_{index}").kernel * scale)
            x = self._norm(x, index)
            x, scale = relu_and_drop(x, layer, index, key)
        x = tf.reshape(x, (x.shape[0] * x.shape[1], -1, x.shape[-1]))
        return logits(x, layer, scale, classes)

    def _norm(self, x: tf.Tensor, index: int) -> tf.Tensor:
        layer = self.layer(f"norm_{index}")
        if isinstance(layer, keras.layers.BatchNormalization):
            return batch_norm(x, layer)
        return layer_norm(x, layer.gamma, layer.beta, layer.epsilon, images_axis=2)


def _halved(largest: int, smallest: int) -> list[int]:
    """Return the sides of the grids from the largest to the smallest."""
    sides = [largest]
    while sides[-1] > smallest:
        sides.append(sides[-1] // 2)
    return sides
