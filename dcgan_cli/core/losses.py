"""The adversarial losses, from logits.

Each function returns one term for each image; the step averages them, so that the mean is over the
whole batch however many devices share it.
"""

import tensorflow as tf


def generator_terms(fake_logits: tf.Tensor) -> tf.Tensor:
    """Non-saturating loss of the generator: -log sigmoid(D(G(z))).

    Goodfellow et al. 2014, "Generative Adversarial Nets", section 3.

    Args:
        fake_logits: float32 [B, 1], the discriminator's logits of generated images.

    Returns:
        float32 [B, 1].
    """
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(fake_logits), fake_logits)


def discriminator_terms(
    real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cross-entropy of the discriminator: -log sigmoid(D(x)) and -log(1 - sigmoid(D(G(z)))).

    Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1. Its loss is the mean of the
    first plus the mean of the second.

    Args:
        real_logits: float32 [R, 1], logits of real images.
        fake_logits: float32 [B, 1], logits of generated images.

    Returns:
        float32 [R, 1] for the real images and float32 [B, 1] for the generated ones.
    """
    return (
        tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(real_logits), real_logits),
        tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(fake_logits), fake_logits),
    )


def r1_terms(slopes: tf.Tensor) -> tf.Tensor:
    """R1 penalty of the discriminator at real images, before its weight: |grad D(x)|^2 / 2.

    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9.

    Args:
        slopes: float32 [R, H, W, C], the gradients of the logits by the images.

    Returns:
        float32 [R].
    """
    return tf.reduce_sum(slopes**2, axis=[1, 2, 3]) / 2
