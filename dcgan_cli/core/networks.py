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


class LeakyReLU(keras.layers.Layer):
    """x above zero, slope * x below (Maas et al. 2013).

    The gradient is taken from the output, which has the sign of the input. With Keras's own layer
    it is taken from the input; that keeps a convolution's biased output alive beside the fused
    convolution + bias + LeakyReLU that TensorFlow's graph optimiser wants to put in its place, and
    it gives up with "remapper failed: Mutation::Apply error: fanout ... exist for missing node".
    """

    def __init__(self, slope: float, **options: Any) -> None:
        super().__init__(**options)
        self.slope = slope

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient
        def leaky_relu(x: tf.Tensor) -> Any:
            y = tf.nn.leaky_relu(x, self.slope)
            return y, lambda dy: tf.raw_ops.LeakyReluGrad(
                gradients=dy, features=y, alpha=self.slope
            )

        return leaky_relu(inputs)


class KeyedDropout(keras.layers.Layer):
    """Dropout (Srivastava et al. 2014) whose mask is a function of a key given with each call.

    Keras's own layer keeps its random state in a variable of its own, which no checkpoint holds and
    which is the same on every replica. Here the caller's key decides, so nothing needs saving.
    The chance of dropping is the rate to the nearest 1/65536.
    """

    def __init__(self, rate: float, index: int, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.index = index

    def call(self, inputs: tf.Tensor, key: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drop from `inputs` (float [B, H, W, C]) by `key` (int32 [2]) when training."""
        if not training or self.rate == 0:
            return inputs
        channels = inputs.shape[-1]
        batch, height, width = tf.unstack(tf.shape(inputs)[:3])
        # One 32-bit draw serves two activations: drawing is what dropout's time goes to.
        draws = tf.random.stateless_uniform(
            (batch, height, width, (channels + 1) // 2),
            tf.random.experimental.stateless_fold_in(key, self.index),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
        )
        halves = tf.reshape(tf.bitcast(draws, tf.uint16), (batch, height, width, -1))
        kept = halves[..., :channels] >= round(self.rate * 65536)
        return inputs * (tf.cast(kept, inputs.dtype) * (1 / (1 - self.rate)))


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
