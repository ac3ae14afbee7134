"""The layers that the networks are made of, beside Keras's own."""

from typing import Any

import keras
import tensorflow as tf


def leaky_relu(x: tf.Tensor, slope: float) -> tf.Tensor:
    """Return x above zero, slope * x below (Maas et al. 2013), of the shape and type of `x`.

    The gradient is taken from the output, which has the sign of the input. Taken from the input, as
    Keras's own layer does, it keeps a convolution's biased output alive beside the fused
    convolution + bias + LeakyReLU that TensorFlow's graph optimiser wants to put in its place, and
    it gives up with "remapper failed: Mutation::Apply error: fanout ... exist for missing node".
    """

    @tf.custom_gradient
    def with_gradient(x: tf.Tensor) -> Any:
        y = tf.nn.leaky_relu(x, slope)
        return y, lambda dy: tf.raw_ops.LeakyReluGrad(gradients=dy, features=y, alpha=slope)

    return with_gradient(x)


def dropout(x: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Drop activations (Srivastava et al. 2014) by a mask that is a function of the key.

    Keras's own layer keeps its random state in a variable of its own, which no checkpoint holds and
    which is the same on every replica. Here the caller's key decides, so nothing needs saving.

    Args:
        x: what to drop from, of any shape.
        rate: the chance of dropping, 0 or more and below 1, which is rounded to one of the
            255 multiples of 1/256 below 1.
        key: int32 [2].

    Returns:
        `x` with zeros, the rest scaled so that the mean stays.
    """
    return drop(x, rate, key) * drop_scale(rate)


def drop(x: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Drop activations as `dropout` does, but leave the rest as it is.

    What comes next may be small and scale it for nothing: a kernel, say.
    """
    dropped = _of_256(rate)
    if not dropped:
        return x
    # One 32-bit draw serves four activations: drawing is what dropout's time goes to.
    size = tf.size(x)
    draws = tf.random.stateless_uniform(
        ((size + 3) // 4,), key, minval=None, maxval=None, dtype=tf.uint32
    )
    bits = tf.reshape(tf.reshape(tf.bitcast(draws, tf.uint8), (-1,))[:size], tf.shape(x))
    kept, zero = bits >= dropped, tf.zeros((), x.dtype)

    @tf.custom_gradient  # TensorFlow's own would select and sum for the zero too.
    def select(x: tf.Tensor) -> Any:
        return tf.where(kept, x, zero), lambda dy: tf.where(kept, dy, zero)

    return select(x)


def drop_scale(rate: float) -> float:
    """Return the factor that makes up for what `drop` drops."""
    return 256 / (256 - _of_256(rate))


def _of_256(rate: float) -> int:
    return min(round(rate * 256), 255)


class LeakyReLU(keras.layers.Layer):
    """`leaky_relu` as a layer."""

    def __init__(self, slope: float, **options: Any) -> None:
        super().__init__(**options)
        self.slope = slope

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return leaky_relu(inputs, self.slope)


class KeyedDropout(keras.layers.Layer):
    """`dropout` as a layer, which mixes its own number into the key that all layers get."""

    def __init__(self, rate: float, index: int, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.index = index

    def call(self, inputs: tf.Tensor, key: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drop from `inputs` by `key` (int32 [2]) when training."""
        if not training:
            return inputs
        layer_key = tf.random.experimental.stateless_fold_in(key, self.index)
        return dropout(inputs, self.rate, layer_key)


class SpectralNormalization(keras.layers.Layer):
    """A dense layer or convolution whose kernel is divided by its largest singular value.

    Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", algorithm 1:
    one step of the power iteration at each call in training. The vector it goes on from, `u`, is
    the only state. (Keras's own layer of this name writes the divided kernel into the weight that
    is trained, and takes no gradient through the division.)
    """

    def __init__(self, layer: keras.layers.Layer, seed: int, **options: Any) -> None:
        # What it divides by is found in float32, whatever the layer computes in.
        super().__init__(name=layer.name, dtype="float32", autocast=False, **options)
        self.divided = layer
        self.seed = seed

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.divided.build(input_shape)
        self.u = self.add_weight(
            shape=(self.divided.kernel.shape[-1],),
            initializer=keras.initializers.RandomNormal(seed=self.seed),
            trainable=False,
            aggregation="mean",
            name="u",
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.divided.kernel)
        matrix = tf.reshape(kernel, (-1, kernel.shape[-1]))
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


def _unit(x: tf.Tensor) -> tf.Tensor:
    return x / (tf.norm(x) + 1e-12)
