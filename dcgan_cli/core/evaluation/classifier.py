"""The small classifiers whose features the scores use, trained or untrained.

The distances of `distances.py` compare these features instead of pixels.
"""

import keras
import numpy as np

from dcgan_cli.core.arrays import Arrays

FEATURES = 64
"""Length of a feature vector."""


def build_classifier(image_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Build the classifier, always in float32, so that scores do not depend on the precision.

    Args:
        image_shape: height, width and channels.
        classes: number of classes.

    Returns:
        A model of float32 [B, *image_shape] in [-1, 1] -> (features float32 [B, 64], at least 0;
        logits float32 [B, classes]).
    """
    image = keras.Input(image_shape, name="image", dtype="float32")
    x = image
    for index, channels in enumerate((32, 64), start=1):
        x = keras.layers.Conv2D(
            channels,
            kernel_size=5,
            strides=2,
            padding="same",
            activation="relu",
            dtype="float32",
            name=f"conv_{index}",
        )(x)
    x = keras.layers.Flatten(dtype="float32", name="flatten")(x)
    x = keras.layers.Dropout(0.5, dtype="float32", name="dropout")(x)
    features = keras.layers.Dense(FEATURES, activation="relu", dtype="float32", name="features")(x)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(features)
    return keras.Model(image, [features, logits], name="classifier")


COLOUR_SIZE = 32
"""Height and width of the images that the colour classifier looks at."""
COLOUR_FEATURES = 128
"""Length of a feature vector of the colour classifier."""
COLOUR_SCALE = 10.0
"""Factor of its features. With it, the Fréchet distance of real images is about that of MNIST's
classifier, and messages can show both with as many digits."""


def build_colour_classifier(classes: int, *, normalized: bool = False) -> keras.Model:
    """Build the classifier of colour images, a small ResNet (He et al. 2016), in float32.

    Args:
        classes: number of classes.
        normalized: add batch normalization after each convolution, for training. It is folded
            into the kernels and biases of the network without it: `fold_normalization`.

    Returns:
        A model of float32 [B, 32, 32, 3] in [-1, 1] -> (features float32 [B, 128], at least 0;
        logits float32 [B, classes]).
    """

    def conv(
        x: keras.KerasTensor, channels: int, kernel_size: int, strides: int, name: str
    ) -> keras.KerasTensor:
        x = keras.layers.Conv2D(
            channels, kernel_size, strides=strides, padding="same", dtype="float32", name=name
        )(x)
        if not normalized:
            return x
        return keras.layers.BatchNormalization(dtype="float32", name=f"{name}_norm")(x)

    def relu(x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.layers.ReLU(dtype="float32")(x)

    image = keras.Input((COLOUR_SIZE, COLOUR_SIZE, 3), name="image", dtype="float32")
    x = relu(conv(image, 64, 5, 2, "conv_1"))
    index = 2
    for channels in (80, COLOUR_FEATURES):  # On 8x8 and on 4x4 pixels.
        x = relu(conv(x, channels, 3, 2, f"conv_{index}"))
        residual = relu(conv(x, channels, 3, 1, f"conv_{index + 1}"))
        residual = conv(residual, channels, 3, 1, f"conv_{index + 2}")
        x = relu(keras.layers.Add(dtype="float32")([x, residual]))
        index += 3
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pooled")(x)
    features = keras.layers.Rescaling(COLOUR_SCALE, dtype="float32", name="features")(x)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(image, [features, logits], name="colour_classifier")


def fold_normalization(trained: keras.Model) -> Arrays:
    """Return the weights of a `build_colour_classifier` network without batch normalization.

    A convolution followed by batch normalization in inference mode is one convolution with the
    kernel k * s and the bias (b - mean) * s + beta, where s = gamma / sqrt(variance + epsilon)
    (Ioffe & Szegedy 2015, section 3.1).

    Args:
        trained: a network with batch normalization.
    """
    arrays = {v.path: v.numpy() for v in trained.get_layer("logits").weights}
    for layer in trained.layers:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        norm = trained.get_layer(f"{layer.name}_norm")
        gamma, beta, mean, variance = (w.numpy().astype(np.float64) for w in norm.weights)
        scale = gamma / np.sqrt(variance + norm.epsilon)
        kernel, bias = (w.numpy().astype(np.float64) for w in layer.weights)
        arrays[f"{layer.name}/kernel"] = (kernel * scale).astype(np.float32)
        arrays[f"{layer.name}/bias"] = ((bias - mean) * scale + beta).astype(np.float32)
    return arrays


def named_weights(classifier: keras.Model) -> dict[str, keras.Variable]:
    """Return the trainable weights by name, without the random state of dropout."""
    return {variable.path: variable for variable in classifier.trainable_variables}


def untrained_weights(classifier: keras.Model, seed: int) -> Arrays:
    """Return random weights for `classifier` that depend on the seed and the shapes alone.

    He et al. 2015, "Delving Deep into Rectifiers", equation 10: kernels are normal with variance
    2 / fan-in, biases are zero. NumPy draws them, so they do not depend on TensorFlow's version.
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    weights = {}
    for name, variable in named_weights(classifier).items():
        shape = tuple(variable.shape)
        deviation = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0
        weights[name] = (deviation * draw.standard_normal(shape)).astype(np.float32)
    return weights
