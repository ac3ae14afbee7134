"""The networks in training, computed as in `networks/fourier.py`: same weights, other sums.

They stand in for a call of the Keras models with `training=True`, on CPUs, where they take less
than half of the time (docs/performance.md). Rounding apart they give the same images, logits and
gradients, but for dropout, whose mask is drawn in another order.
"""

from typing import Any

import keras
import tensorflow as tf

from dcgan_cli.core.networks import fourier as grid
from dcgan_cli.core.networks.layers import drop, drop_scale, leaky_relu


class GridGenerator:
    """`build_generator`'s network, in training."""

    def __init__(self, model: keras.Model) -> None:
        self.layer = model.get_layer
        self.dtype = tf.as_dtype(model.get_layer("conv_1").compute_dtype)

    def __call__(self, latents: tf.Tensor) -> tf.Tensor:
        """Turn latents (float32 [N, noise_dim]) into images (float32 [N, 28, 28, 1]).

        Moves the running batch statistics.
        """
        layer = self.layer
        x = tf.cast(latents, self.dtype) @ tf.cast(layer("dense").kernel, self.dtype)
        x = self._norm_and_relu(x, 1)
        x = tf.transpose(tf.reshape(x, (-1, grid.CELLS, x.shape[-1] // grid.CELLS)), (1, 0, 2))
        x = self._norm_and_relu(grid.LEVEL(x, layer("conv_1").kernel), 2)
        x = self._norm_and_relu(grid.UP(x, layer("conv_2").kernel), 3)
        return tf.tanh(grid.cells_to_image(x, layer("conv_3").kernel))

    def _norm_and_relu(self, x: tf.Tensor, index: int) -> tf.Tensor:
        y = batch_norm(x, self.layer(f"norm_{index}"))
        return leaky_relu(y, self.layer(f"relu_{index}").slope)


class GridDiscriminator:
    """`build_discriminator`'s network, in training."""

    def __init__(self, model: keras.Model) -> None:
        self.layer = model.get_layer
        self.dtype = tf.as_dtype(model.get_layer("conv_1").compute_dtype)

    def __call__(
        self, images: tf.Tensor, key: tf.Tensor, classes: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Judge images.

        Args:
            images: float32 [N, 28, 28, 1].
            key: int32 [2], decides what dropout drops.
            classes: int32 [N], for a network that is told them.

        Returns:
            float32 [N, 1], the logits.
        """
        layer = self.layer
        x = tf.cast(images, self.dtype)
        x = grid.image_to_cells(x, layer("conv_1").kernel, layer("conv_1").bias)
        x, scale = self._relu_and_drop(x, 1, key)
        x = add_bias(grid.DOWN(x, layer("conv_2").kernel * scale), layer("conv_2").bias)
        x, scale = self._relu_and_drop(x, 2, key)
        # In float32, as the Keras layer is: it takes no time, and losses hang on the logits.
        x = tf.cast(x, tf.float32)
        logits = _dense(x, layer("dense").kernel * scale) + layer("dense").bias
        if classes is None:
            return logits
        of_classes = _dense(x, layer("classes_dense").kernel * scale)
        return logits + tf.gather(of_classes, classes[:, tf.newaxis], batch_dims=1)

    def _relu_and_drop(self, x: tf.Tensor, index: int, key: tf.Tensor) -> tuple[tf.Tensor, float]:
        """Return what is left, and what the next kernel is to be scaled by for what is not."""
        x = leaky_relu(x, self.layer(f"relu_{index}").slope)
        layer_key = tf.random.experimental.stateless_fold_in(key, index)
        rate = self.layer(f"dropout_{index}").rate
        return drop(x, rate, layer_key), drop_scale(rate)


def _dense(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Multiply [cells, N, channels] by the kernel [cells * channels, units] of a flat image."""
    w = tf.reshape(kernel, (grid.CELLS, -1, kernel.shape[-1]))
    return tf.reduce_sum(x @ w, axis=0)


def batch_norm(x: tf.Tensor, layer: keras.layers.BatchNormalization) -> tf.Tensor:
    """Normalise by the batch, and move the layer's running statistics, as Keras's layer does.

    (Ioffe & Szegedy 2015, algorithm 1.)

    Args:
        x: [..., channels or a multiple of them], normalised over all but the channels.
        layer: holds the weights and the running statistics.

    Returns:
        What `x` is, normalised.
    """
    channels = layer.gamma.shape[0]
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=tf.reshape(x, (-1, 1, 1, channels)),
        scale=tf.convert_to_tensor(layer.gamma),
        offset=tf.convert_to_tensor(layer.beta),
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=layer.epsilon,
    )
    # It tells an unbiased estimate of the variance; Keras keeps the batch's own.
    count = tf.cast(tf.size(x) // channels, tf.float32)
    variance *= (count - 1) / count
    kept = layer.momentum
    layer.moving_mean.assign(layer.moving_mean * kept + mean * (1 - kept))
    layer.moving_variance.assign(layer.moving_variance * kept + variance * (1 - kept))
    return tf.reshape(y, tf.shape(x))


@tf.custom_gradient
def _add_bias(x: tf.Tensor, bias: tf.Tensor) -> Any:
    def gradients(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        flat = tf.reshape(dy, (-1, dy.shape[-1]))
        ones = tf.ones((1, tf.shape(flat)[0]), dy.dtype)
        return dy, tf.cast(ones @ flat, bias.dtype)[0]

    return x + tf.cast(bias, x.dtype), gradients


def add_bias(x: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Add a bias (float32 [C]) to x ([..., C]); its gradient is summed in a matrix product.

    That sums in float32 also where `x` is in bfloat16. TensorFlow's own sum does not, and tens of
    thousands of terms are too many for eight bits.
    """
    return _add_bias(x, tf.convert_to_tensor(bias))
