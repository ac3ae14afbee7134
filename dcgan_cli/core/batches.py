"""The order in which training images arrive: a function of the seed and the epoch alone."""

from typing import Any

import numpy as np
import tensorflow as tf


def epoch_batches(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    batch_size: int,
    buffer_size: int,
    seed: int,
    epoch: int,
    skip: int = 0,
) -> tf.data.Dataset:
    """Shuffle and batch one epoch, the last batch as small as it comes out.

    Positions are shuffled and images are gathered a batch at a time, so the images stay in memory
    once, as uint8.

    Args:
        images: uint8 [N, H, W, C].
        labels: [N], the images' classes, or None if they are not wanted.
        batch_size: images in a batch.
        buffer_size: images that the shuffle draws from; N or more is a full shuffle.
        seed: the run's seed.
        epoch: which epoch, counted from 1.
        skip: batches at the start to leave out, which a resumed epoch has had already.

    Returns:
        A data set of uint8 [B, H, W, C], or of pairs of that and int32 [B].
    """
    shuffle_seed = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
    with tf.device("CPU"):
        pixels = tf.constant(images)
        classes = None if labels is None else tf.constant(labels, tf.int32)

    def at(places: tf.Tensor) -> Any:
        taken = tf.gather(pixels, places)
        return taken if classes is None else (taken, tf.gather(classes, places))

    # Autotuning has nothing to gain here, and its thread is waited for when an epoch's iterator
    # ends: it wakes after 10 ms, 20 ms, 40 ms and so on up to a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    return (
        tf.data.Dataset.range(len(images))
        .shuffle(min(buffer_size, len(images)), seed=shuffle_seed)
        .batch(batch_size)
        .skip(skip)
        .map(tf.autograph.experimental.do_not_convert(at))
        .prefetch(2)
        .with_options(options)
    )


def steps_per_epoch(image_count: int, batch_size: int) -> int:
    """Return the number of batches in an epoch, a smaller last one included."""
    return -(-image_count // batch_size)
