"""Penalties on the discriminator's gradients with respect to its input images."""

import tensorflow as tf


def r1_terms(input_gradients: tf.Tensor) -> tf.Tensor:
    """Return the R1 penalty at each real image, without its weight: |grad D(x)|^2 / 2.

    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9.

    Args:
        input_gradients: float32 [R, H, W, C], the gradients of the logits with respect to the
            images.

    Returns:
        float32 [R].
    """
    return tf.reduce_sum(input_gradients**2, axis=[1, 2, 3]) / 2


def gradient_penalty_terms(input_gradients: tf.Tensor) -> tf.Tensor:
    """Return the gradient penalty at each image, without its weight: (|grad D(x)| - 1)^2.

    Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3.

    Args:
        input_gradients: float32 [R, H, W, C], the gradients of the logits with respect to
            interpolated images.

    Returns:
        float32 [R].
    """
    # The derivative of the root is infinite at zero.
    lengths = tf.sqrt(tf.reduce_sum(input_gradients**2, axis=[1, 2, 3]) + 1e-12)
    return (lengths - 1) ** 2
