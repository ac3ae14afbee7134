"""The adversarial losses, one module each.

Each module registers a function of the logits of real and generated images. It imports TensorFlow
inside the function, because the names must be known before TensorFlow is loaded.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import tensorflow as tf


class LossTerms(NamedTuple):
    """The terms whose means over the batch are the two networks' losses.

    The training step computes the means, over all devices that share the batch.
    """

    real: "tf.Tensor"
    """Discriminator, one term per real image: float32 [R, 1]."""
    fake: "tf.Tensor"
    """Discriminator, one term per generated image: float32 [B, 1]. Both means are added."""
    generator: "tf.Tensor"
    """Generator, one term per generated image: float32 [B, 1]."""
    generator_real: "tf.Tensor | None" = None
    """Generator, one term per real image: float32 [R, 1]; None if there are none."""


DRAW = 2 * math.log(2)
"""The discriminator's loss if it outputs probability 0.5 for every image (Goodfellow et al. 2014,
section 4)."""


def smoothed_minimum(smoothing: float) -> float:
    """Return the smallest cross-entropy with smoothed labels: the entropy of the labels."""
    if not smoothing:
        return 0.0
    return -smoothing * math.log(smoothing) - (1 - smoothing) * math.log(1 - smoothing)
