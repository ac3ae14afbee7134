"""Cross-entropy of logits with a label."""

import tensorflow as tf


def cross_entropy(logits: tf.Tensor, label: float) -> tf.Tensor:
    """Return the cross-entropy of each logit with a label.

    Args:
        logits: float32 [N, 1].
        label: the target probability, from 0 to 1.

    Returns:
        float32 [N, 1].
    """
    labels = tf.fill(tf.shape(logits), tf.constant(label, logits.dtype))
    return tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
