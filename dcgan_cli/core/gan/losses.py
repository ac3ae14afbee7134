"""The adversarial losses, from logits.

Each function returns one term for each image; the step averages them, so that the mean is over the
whole batch however many devices share it. Logits and terms are float32 [N, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from dcgan_cli.settings.schema import LossConfig

Terms = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class AdversarialLoss:
    """What both networks minimise: means of these terms."""

    real_terms: Terms
    """The discriminator's, of the logits of real images."""
    fake_terms: Terms
    """The discriminator's, of the logits of generated images; they are added to the others."""
    generator_terms: Terms
    """The generator's, of the logits of generated images."""


def adversarial_loss(config: LossConfig) -> AdversarialLoss:
    """Return the loss that the settings name."""
    return LOSSES[config.name](1 - config.label_smoothing)


def non_saturating(real_label: float) -> AdversarialLoss:
    """Cross-entropy; the generator minimises -log sigmoid(D(G(z))).

    Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1 and section 3.

    Args:
        real_label: the probability that the discriminator should give real images, 1 or somewhat
            less (one-sided label smoothing: Salimans et al. 2016, "Improved Techniques for Training
            GANs", section 3.4).
    """
    return AdversarialLoss(
        lambda logits: _cross_entropy(logits, real_label),
        lambda logits: _cross_entropy(logits, 0),
        lambda logits: _cross_entropy(logits, 1),
    )


def minimax(real_label: float) -> AdversarialLoss:
    """Cross-entropy; the generator minimises log(1 - sigmoid(D(G(z)))).

    Goodfellow et al. 2014, equation 1. Its slope is flat where the discriminator is sure.

    Args:
        real_label: see `non_saturating`.
    """
    return AdversarialLoss(
        lambda logits: _cross_entropy(logits, real_label),
        lambda logits: _cross_entropy(logits, 0),
        lambda logits: -_cross_entropy(logits, 0),
    )


def least_squares(real_label: float) -> AdversarialLoss:
    """Half the squared distance of the logits from 1 for real images, from 0 for generated ones.

    Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 9.

    Args:
        real_label: what takes the place of 1 for the discriminator, see `non_saturating`.
    """
    return AdversarialLoss(
        lambda logits: (logits - real_label) ** 2 / 2,
        lambda logits: logits**2 / 2,
        lambda logits: (logits - 1) ** 2 / 2,
    )


def hinge(_: float) -> AdversarialLoss:
    """max(0, 1 - D(x)) and max(0, 1 + D(G(z))); the generator minimises -D(G(z)).

    Lim & Ye 2017, "Geometric GAN"; Miyato et al. 2018, "Spectral Normalization for Generative
    Adversarial Networks", equations 16 and 17.
    """
    return AdversarialLoss(
        lambda logits: tf.nn.relu(1 - logits),
        lambda logits: tf.nn.relu(1 + logits),
        lambda logits: -logits,
    )


def wasserstein(_: float) -> AdversarialLoss:
    """The mean of D(G(z)) less that of D(x); needs a penalty, see `gradient_penalty_terms`.

    Arjovsky et al. 2017, "Wasserstein GAN", equations 2 and 3.
    """
    return AdversarialLoss(lambda logits: -logits, lambda logits: logits, lambda logits: -logits)


LOSSES: dict[str, Callable[[float], AdversarialLoss]] = {
    "non_saturating": non_saturating,
    "minimax": minimax,
    "least_squares": least_squares,
    "hinge": hinge,
    "wasserstein_gp": wasserstein,
}
"""By name: what makes the loss from the label of real images."""


def r1_terms(slopes: tf.Tensor) -> tf.Tensor:
    """R1 penalty of the discriminator at real images, before its weight: |grad D(x)|^2 / 2.

    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9.

    Args:
        slopes: float32 [R, H, W, C], the gradients of the logits by the images.

    Returns:
        float32 [R].
    """
    return tf.reduce_sum(slopes**2, axis=[1, 2, 3]) / 2


def gradient_penalty_terms(slopes: tf.Tensor) -> tf.Tensor:
    """Penalty of slopes that are not 1, before its weight: (|grad D(x)| - 1)^2.

    Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3.

    Args:
        slopes: float32 [R, H, W, C], the gradients of the logits by images between real and
            generated ones.

    Returns:
        float32 [R].
    """
    # The root of zero has no slope.
    lengths = tf.sqrt(tf.reduce_sum(slopes**2, axis=[1, 2, 3]) + 1e-12)
    return (lengths - 1) ** 2


def _cross_entropy(logits: tf.Tensor, label: float) -> tf.Tensor:
    labels = tf.fill(tf.shape(logits), tf.constant(label, logits.dtype))
    return tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
