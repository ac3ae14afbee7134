"""Layers on tensors whose images are not the first axis: [cells..., N, channels]."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from dcgan_cli.core.networks.layers import drop, drop_scale, leaky_relu

GetLayer = Callable[[str], Any]
"""`keras.Model.get_layer`."""


def dense(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Multiply [cells, N, channels] by the kernel [cells * channels, units] of a dense layer.

    Returns:
        [N, units].
    """
    w = tf.reshape(kernel, (x.shape[0], -1, kernel.shape[-1]))
    return tf.reduce_sum(x @ w, axis=0)


def logits(
    x: tf.Tensor, layer: GetLayer, scale: float, classes: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the logits of a discriminator's features; see `build_discriminator`.

    They are computed in float32, like the Keras layers': it costs no time, and the losses depend on
    them.

    Args:
        x: [cells, N, channels], after dropout.
        layer: returns the Keras layer of a name.
        scale: the factor of dropout, which is applied to the kernels.
        classes: int32 [N], for conditional networks.

    Returns:
        float32 [N, 1].
    """
    x = tf.cast(x, tf.float32)
    found = dense(x, layer("dense").kernel * scale) + layer("dense").bias
    if classes is None:
        return found
    of_classes = dense(x, layer("classes_dense").kernel * scale)
    return found + tf.gather(of_classes, classes[:, tf.newaxis], batch_dims=1)


def relu_and_drop(
    x: tf.Tensor, layer: GetLayer, index: int, key: tf.Tensor
) -> tuple[tf.Tensor, float]:
    """Apply the `index`-th LeakyReLU and dropout.

    Returns:
        The activations, and the scale to apply to the next kernel.
    """
    x = leaky_relu(x, layer(f"relu_{index}").slope)
    rate = layer(f"dropout_{index}").rate
    layer_key = tf.random.experimental.stateless_fold_in(key, index)
    return drop(x, rate, layer_key), drop_scale(rate)


def batch_norm(x: tf.Tensor, layer: keras.layers.BatchNormalization) -> tf.Tensor:
    """Apply batch normalization and update the running statistics, as Keras's layer does.

    Ioffe & Szegedy 2015, algorithm 1.

    Args:
        x: [..., channels or a multiple of channels], normalized over all other axes.
        layer: the Keras layer with the weights and the running statistics.

    Returns:
        The normalized tensor, of the shape of `x`.
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
    # The operation returns the unbiased variance; Keras tracks the biased one.
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
    """Add a bias (float32 [C]) to x ([..., C]), with a gradient that is exact in bfloat16.

    The gradient is summed by a matrix product, which accumulates in float32 even if `x` is
    bfloat16. TensorFlow's own sum accumulates in bfloat16, whose 8 bits of precision are too few
    for tens of thousands of terms.
    """
    return _add_bias(x, tf.convert_to_tensor(bias))
