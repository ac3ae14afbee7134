"""The generator and the discriminator of TensorFlow's DCGAN tutorial, built from the settings.

Both take the mixed precision policy that is in force when they are built; see `device.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli.config import ModelConfig

IMAGE_SHAPE = (28, 28, 1)
"""Height, width and channels of the images that the two networks make and judge."""


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
    dropped = min(round(rate * 256), 255)
    if not dropped:
        return x
    # One 32-bit draw serves four activations: drawing is what dropout's time goes to.
    size = tf.size(x)
    draws = tf.random.stateless_uniform(
        ((size + 3) // 4,), key, minval=None, maxval=None, dtype=tf.uint32
    )
    bits = tf.reshape(tf.reshape(tf.bitcast(draws, tf.uint8), (-1,))[:size], tf.shape(x))
    return x * (tf.cast(bits >= dropped, x.dtype) * (256 / (256 - dropped)))


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


def build_generator(model: ModelConfig, noise_dim: int, seed: int) -> keras.Model:
    """Build the network that turns latent vectors into images.

    Returns:
        A model of float32 [B, noise_dim] -> float32 [B, 28, 28, 1] in [-1, 1].
    """
    c = model.base_channels
    initial = _initializers(seed, stream=0)

    latent = keras.Input((noise_dim,), name="latent")
    x = keras.layers.Dense(
        7 * 7 * 4 * c, use_bias=False, kernel_initializer=next(initial), name="dense"
    )(latent)
    x = keras.layers.BatchNormalization(name="norm_1")(x)
    x = LeakyReLU(model.leaky_relu_slope, name="relu_1")(x)
    x = keras.layers.Reshape((7, 7, 4 * c), name="reshape")(x)
    for index, (channels, strides) in enumerate([(2 * c, 1), (c, 2)], start=1):
        x = keras.layers.Conv2DTranspose(
            channels,
            kernel_size=5,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer=next(initial),
            name=f"conv_{index}",
        )(x)
        x = keras.layers.BatchNormalization(name=f"norm_{index + 1}")(x)
        x = LeakyReLU(model.leaky_relu_slope, name=f"relu_{index + 1}")(x)
    x = keras.layers.Conv2DTranspose(
        IMAGE_SHAPE[-1],
        kernel_size=5,
        strides=2,
        padding="same",
        use_bias=False,
        kernel_initializer=next(initial),
        name="conv_3",
    )(x)
    image = keras.layers.Activation("tanh", dtype="float32", name="tanh")(x)
    return keras.Model(latent, image, name="generator")


def build_discriminator(model: ModelConfig, seed: int) -> keras.Model:
    """Build the network that judges images.

    Returns:
        A model of (float32 [B, 28, 28, 1] in [-1, 1], dropout key int32 [2]) -> float32 [B, 1], the
        logit of the image being real. The key matters when `training=True` only.
    """
    initial = _initializers(seed, stream=1)

    image = keras.Input(IMAGE_SHAPE, name="image")
    dropout_key = keras.Input(batch_shape=(2,), dtype="int32", name="dropout_key")
    x = image
    for index, channels in enumerate((model.base_channels, 2 * model.base_channels), start=1):
        x = keras.layers.Conv2D(
            channels,
            kernel_size=5,
            strides=2,
            padding="same",
            kernel_initializer=next(initial),
            name=f"conv_{index}",
        )(x)
        x = LeakyReLU(model.leaky_relu_slope, name=f"relu_{index}")(x)
        x = KeyedDropout(model.dropout, index, name=f"dropout_{index}")(x, dropout_key)
    x = keras.layers.Flatten(name="flatten")(x)
    logit = keras.layers.Dense(1, kernel_initializer=next(initial), dtype="float32", name="dense")(
        x
    )
    return keras.Model([image, dropout_key], logit, name="discriminator")


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return the variables of a network, trained or not, by names that never change."""
    return {variable.path: variable for variable in model.variables}


def variable_shapes(build: Callable[[], keras.Model]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's variables by name, without making any of them.

    Forgets Keras's global state, the precision in force included: call it before `use_precision`.

    Args:
        build: builds the network.
    """
    with keras.StatelessScope(initialize_variables=False):
        shapes = {name: tuple(v.shape) for name, v in named_variables(build()).items()}
    # Else a later scope would make the variables after all.
    keras.backend.clear_session(free_memory=False)
    return shapes


def layer_table(model: keras.Model) -> list[dict[str, Any]]:
    """Describe a network layer by layer, in order.

    Returns:
        One dictionary a layer: name, type, output shape without the batch, number of parameters,
        and multiply-adds for one image (for dense and convolution layers: every weight's products,
        those with padding included).
    """
    return [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "output_shape": list(layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "multiply_adds": _multiply_adds(layer),
        }
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]


def _multiply_adds(layer: keras.layers.Layer) -> int:
    if isinstance(layer, keras.layers.Dense):
        return int(np.prod(layer.kernel.shape))
    # A kernel visits each position of a convolution's output, or of a transposed one's input.
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return int(np.prod(layer.kernel.shape) * np.prod(layer.input.shape[1:3]))
    if isinstance(layer, keras.layers.Conv2D):
        return int(np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:3]))
    return 0


def _initializers(seed: int, stream: int) -> Iterator[keras.initializers.Initializer]:
    """Yield Glorot uniform initialisers (Glorot & Bengio 2010), each with a seed of its own."""
    for layer_seed in np.random.SeedSequence([seed, stream]).generate_state(16):
        yield keras.initializers.GlorotUniform(seed=int(layer_seed))
