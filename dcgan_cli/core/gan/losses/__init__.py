"""The adversarial losses, a module each, from logits.

Each module registers a function of the logits of real and of generated images. It imports
TensorFlow inside: the names must be known before TensorFlow is loaded.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import tensorflow as tf


class LossTerms(NamedTuple):
    """What both networks minimise: the means of these terms, over the whole batch.

    The step takes the means, so that they are right however many devices share the batch.
    """

    real: "tf.Tensor"
    """The discriminator's, one for each real image: float32 [R, 1]."""
    fake: "tf.Tensor"
    """The discriminator's, one for each generated image, added to the others: float32 [B, 1]."""
    generator: "tf.Tensor"
    """The generator's, one for each generated image: float32 [B, 1]."""
    generator_real: "tf.Tensor | None" = None
    """The generator's, one for each real image, where it has any: float32 [R, 1]."""


DRAW = 2 * math.log(2)
"""The discriminator's cross-entropy when it gives every image a half (Goodfellow et al. 2014,
section 4)."""


def smoothed_minimum(smoothing: float) -> float:
    """Return the smallest cross-entropy with smoothed labels: the entropy of the labels."""
    if not smoothing:
        return 0.0
    return -smoothing * math.log(smoothing) - (1 - smoothing) * math.log(1 - smoothing)
