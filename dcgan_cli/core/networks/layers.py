"""Custom layers: LeakyReLU, dropout with an explicit key, layer and spectral normalization."""

from typing import Any

import keras
import tensorflow as tf


def leaky_relu(x: tf.Tensor, slope: float) -> tf.Tensor:
    """Return max(x, 0) + slope * min(x, 0) (Maas et al. 2013), of the shape and dtype of `x`.

    The gradient is computed from the output, which has the sign of the input. Keras's own layer
    computes it from the input. That keeps a convolution's biased output alive, so TensorFlow's
    graph optimizer cannot fuse convolution, bias and LeakyReLU, and logs "remapper failed:
    Mutation::Apply error: fanout ... exist for missing node".
    """

    @tf.custom_gradient
    def with_gradient(x: tf.Tensor) -> Any:
        y = tf.nn.leaky_relu(x, slope)
        return y, lambda dy: tf.raw_ops.LeakyReluGrad(gradients=dy, features=y, alpha=slope)

    return with_gradient(x)


def dropout(x: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Apply dropout (Srivastava et al. 2014) with a mask that is a function of the key.

    Keras's own layer keeps its random state in a variable that is not part of the checkpoint and is
    the same on every replica. A key from the caller leaves no state to save.

    Args:
        x: activations of any shape.
        rate: probability of dropping, in [0, 1); rounded to a multiple of 1/256, 255/256 at most.
        key: int32 [2].

    Returns:
        `x` with dropped values set to 0 and the others scaled to keep the mean.
    """
    return drop(x, rate, key) * drop_scale(rate)


def drop(x: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Apply dropout without rescaling the values that are kept.

    The caller can multiply a smaller tensor, such as the next kernel, by `drop_scale` instead.
    """
    dropped = _in_256ths(rate)
    if not dropped:
        return x
    # One 32-bit draw serves four activations: drawing takes most of the time of dropout.
    size = tf.size(x)
    draws = tf.random.stateless_uniform(
        ((size + 3) // 4,), key, minval=None, maxval=None, dtype=tf.uint32
    )
    bits = tf.reshape(tf.reshape(tf.bitcast(draws, tf.uint8), (-1,))[:size], tf.shape(x))
    kept, zero = bits >= dropped, tf.zeros((), x.dtype)

    @tf.custom_gradient  # TensorFlow's own gradient would also select and sum for the zero.
    def select(x: tf.Tensor) -> Any:
        return tf.where(kept, x, zero), lambda dy: tf.where(kept, dy, zero)

    return select(x)


def drop_scale(rate: float) -> float:
    """Return the factor that keeps the mean after `drop`."""
    return 256 / (256 - _in_256ths(rate))


def _in_256ths(rate: float) -> int:
    return min(round(rate * 256), 255)


class LeakyReLU(keras.layers.Layer):
    """`leaky_relu` as a layer."""

    def __init__(self, slope: float, **options: Any) -> None:
        super().__init__(**options)
        self.slope = slope

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return leaky_relu(inputs, self.slope)


class KeyedDropout(keras.layers.Layer):
    """`dropout` as a layer. It folds its index into the key that all layers share."""

    def __init__(self, rate: float, index: int, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.index = index

    def call(self, inputs: tf.Tensor, key: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Apply dropout to `inputs` with `key` (int32 [2]) when training."""
        if not training:
            return inputs
        layer_key = tf.random.experimental.stateless_fold_in(key, self.index)
        return dropout(inputs, self.rate, layer_key)


def layer_norm(
    x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float, images_axis: int = 0
) -> tf.Tensor:
    """Normalize each image over pixels and channels, with one scale and one offset per channel.

    Ba et al. 2016, "Layer Normalization", equations 3 and 4, computed in the dtype of `scale`.

    Penalties differentiate twice, so the second derivatives have to be right. Those of
    `tf.nn.moments`, which Keras's layers use, are not: it takes the mean inside the variance as a
    constant.

    Args:
        x: [N, H, W, C], or [H, W, N, C] with `images_axis` 2.
        scale: float32 [C].
        offset: float32 [C].
        epsilon: added to the variance, above 0.
        images_axis: the axis of the images.

    Returns:
        The normalized tensor, of the shape and dtype of `x`.
    """
    values = tf.cast(x, scale.dtype)
    axes = [axis for axis in range(3) if axis != images_axis]
    count = x.shape[axes[0]] * x.shape[axes[1]] * x.shape[3]

    def mean(values: tf.Tensor) -> tf.Tensor:
        # TensorFlow is fast at sums over the last axis, and slow at axes that are not adjacent.
        over_channels = tf.reduce_sum(values, axis=3, keepdims=True)
        return tf.reduce_sum(over_channels, axis=axes, keepdims=True) / count

    values -= mean(values)
    y = values * (tf.math.rsqrt(mean(values * values) + epsilon) * scale) + offset
    return tf.cast(y, x.dtype)


class LayerNorm(keras.layers.Layer):
    """`layer_norm` as a layer."""

    def __init__(self, epsilon: float = 1e-3, **options: Any) -> None:
        # Weights and statistics are float32, whatever the layer's precision.
        super().__init__(autocast=False, **options)
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int, ...]) -> None:
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(shape=channels, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return layer_norm(inputs, self.gamma, self.beta, self.epsilon)


class SpectralNormalization(keras.layers.Layer):
    """A dense layer or convolution whose kernel is divided by its largest singular value.

    Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", algorithm 1:
    one power iteration per training call. The vector `u` is the only state. (Keras's own layer of
    this name overwrites the trained weight with the divided kernel and does not differentiate
    through the division.)
    """

    def __init__(self, layer: keras.layers.Layer, seed: int, **options: Any) -> None:
        # The singular value is computed in float32, whatever the layer's precision.
        super().__init__(name=layer.name, dtype="float32", autocast=False, **options)
        self.divided = layer
        self.seed = seed

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.divided.build(input_shape)
        self.u = self.add_weight(
            shape=(_matrix(self.divided, self.divided.kernel).shape[-1],),
            initializer=keras.initializers.RandomNormal(seed=self.seed),
            trainable=False,
            aggregation="mean",
            name="u",
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.divided.kernel)
        matrix = _matrix(self.divided, kernel)
        u = tf.convert_to_tensor(self.u)
        v = tf.stop_gradient(_unit(tf.linalg.matvec(matrix, u)))
        u = tf.stop_gradient(_unit(tf.linalg.matvec(matrix, v, transpose_a=True)))
        if training:
            self.u.assign(u)
        norm = tf.tensordot(v, tf.linalg.matvec(matrix, u), 1)
        with keras.StatelessScope([(self.divided.kernel, kernel / norm)]):
            return self.divided(inputs)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.divided.compute_output_shape(input_shape)


def _matrix(layer: keras.layers.Layer, kernel: tf.Tensor) -> tf.Tensor:
    """Return a kernel as a matrix [..., output channels], of which the singular value is."""
    if isinstance(layer, keras.layers.Conv2DTranspose):
        kernel = tf.transpose(kernel, (0, 1, 3, 2))  # It is [height, width, outputs, inputs].
    return tf.reshape(kernel, (-1, kernel.shape[-1]))


def _unit(x: tf.Tensor) -> tf.Tensor:
    return x / (tf.norm(x) + 1e-12)
