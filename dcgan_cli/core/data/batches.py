"""Shuffled batches of an epoch, in an order that depends on the seed and the epoch alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_cli.core.data.image_set import Images

Gather = Callable[[tf.Tensor], tf.Tensor]
"""int64 [B], indices in an epoch -> uint8 [B, H, W, C]. Index I is that of image I modulo N."""


def epoch_batches(
    images: Images,
    labels: np.ndarray | None = None,
    *,
    batch_size: int,
    buffer_size: int,
    seed: int,
    epoch: int,
    passes: int = 1,
    skip: int = 0,
    flip: bool = False,
) -> tf.data.Dataset:
    """Return the shuffled batches of one epoch; the last batch may be smaller.

    Indices are shuffled, and images are gathered batch by batch. So images in memory exist once, as
    uint8, and memory-mapped or lazy images stay on disk.

    Args:
        images: uint8 [N, H, W, C].
        labels: [N], the images' classes, or None for unconditional training.
        batch_size: images per batch.
        buffer_size: size of the shuffle buffer in images; N times `passes` or more is a full
            shuffle.
        seed: the run's seed.
        epoch: number of the epoch, counted from 1.
        passes: how many times the epoch has each image.
        skip: number of batches to skip at the start, for a resumed epoch.
        flip: whether to mirror half of the images left to right. The choice depends on the seed,
            the epoch, the pass and the index in `images`.

    Returns:
        A data set of uint8 [B, H, W, C], or of pairs of that and int32 [B] with labels.
    """
    shuffle_seed = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
    count = len(images) * passes
    in_memory = isinstance(images, np.ndarray) and not isinstance(images, np.memmap)
    gather = _from_memory(images) if in_memory else _from_disk(images)
    if flip:
        gather = _flipping(gather, np.random.SeedSequence([seed, epoch, 1]), count)
    take: Callable[[tf.Tensor], Any] = gather
    if labels is not None:
        with tf.device("CPU"):
            classes = tf.constant(labels, tf.int32)

        def take(at: tf.Tensor) -> Any:
            return gather(at), tf.gather(classes, at % len(images))

    # Autotuning gains nothing here, and closing the iterator waits for its thread, which sleeps
    # for 10 ms, 20 ms, 40 ms and so on up to a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    return (
        tf.data.Dataset.range(count)
        .shuffle(min(buffer_size, count), seed=shuffle_seed)
        .batch(batch_size)
        .skip(skip)
        .map(tf.autograph.experimental.do_not_convert(take))
        .prefetch(2)
        .with_options(options)
    )


def _from_memory(images: Images) -> Gather:
    with tf.device("CPU"):
        pixels = tf.constant(np.asarray(images))
    return lambda at: tf.gather(pixels, at % len(images))


def _from_disk(images: Images) -> Gather:
    """Return a function that reads one batch at a time; a constant would copy all into memory."""

    def gather(at: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(
            lambda at: images[at % len(images)], [at], tf.uint8, stateful=False
        )
        return tf.ensure_shape(pixels, (None, *images.shape[1:]))

    return gather


def _flipping(gather: Gather, seed: np.random.SeedSequence, count: int) -> Gather:
    """Return a function that mirrors half of the images of `gather`."""
    draw = np.random.Generator(np.random.Philox(seed))
    with tf.device("CPU"):
        mirrored = tf.constant(draw.integers(0, 2, count, dtype=np.bool_))

    def flipped(at: tf.Tensor) -> tf.Tensor:
        pixels = gather(at)
        chosen = tf.gather(mirrored, at)[:, tf.newaxis, tf.newaxis, tf.newaxis]
        return tf.where(chosen, tf.reverse(pixels, axis=[2]), pixels)

    return flipped


def steps_per_epoch(image_count: int, batch_size: int) -> int:
    """Return the number of batches in an epoch, including a smaller last one.

    Args:
        image_count: images in an epoch, each counted as often as the epoch has it.
        batch_size: images per batch.
    """
    return -(-image_count // batch_size)
