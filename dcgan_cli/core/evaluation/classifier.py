"""The small classifier whose features the scores use, trained or untrained.

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
