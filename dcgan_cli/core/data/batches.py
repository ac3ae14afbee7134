"""The order in which training images arrive: a function of the seed and the epoch alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_cli.core.data.image_set import Images

Gather = Callable[[tf.Tensor], tf.Tensor]
"""int64 [B], places in the data set -> uint8 [B, H, W, C], the images there."""


def epoch_batches(
    images: Images,
    labels: np.ndarray | None = None,
    *,
    batch_size: int,
    buffer_size: int,
    seed: int,
    epoch: int,
    skip: int = 0,
    flip: bool = False,
) -> tf.data.Dataset:
    """Shuffle and batch one epoch, the last batch as small as it comes out.

    Positions are shuffled and images are gathered a batch at a time, so the images stay in memory
    once, as uint8, and those of a memory map or of pictures stay on the disk.

    Args:
        images: uint8 [N, H, W, C].
        labels: [N], the images' classes, or None if they are not wanted.
        batch_size: images in a batch.
        buffer_size: images that the shuffle draws from; N or more is a full shuffle.
        seed: the run's seed.
        epoch: which epoch, counted from 1.
        skip: batches at the start to leave out, which a resumed epoch has had already.
        flip: whether to mirror images, left to right. Which ones is a function of the seed, the
            epoch and the image's place in `images`: half of them, other ones in each epoch.

    Returns:
        A data set of uint8 [B, H, W, C], or of pairs of that and int32 [B].
    """
    shuffle_seed = int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
    in_memory = isinstance(images, np.ndarray) and not isinstance(images, np.memmap)
    gather = _from_memory(images) if in_memory else _from_disk(images)
    if flip:
        gather = _flipping(gather, np.random.SeedSequence([seed, epoch, 1]), len(images))
    take: Callable[[tf.Tensor], Any] = gather
    if labels is not None:
        with tf.device("CPU"):
            classes = tf.constant(labels, tf.int32)

        def take(at: tf.Tensor) -> Any:
            return gather(at), tf.gather(classes, at)

    # Autotuning has nothing to gain here, and its thread is waited for when an epoch's iterator
    # ends: it wakes after 10 ms, 20 ms, 40 ms and so on up to a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    return (
        tf.data.Dataset.range(len(images))
        .shuffle(min(buffer_size, len(images)), seed=shuffle_seed)
        .batch(batch_size)
        .skip(skip)
        .map(tf.autograph.experimental.do_not_convert(take))
        .prefetch(2)
        .with_options(options)
    )


def _from_memory(images: Images) -> Gather:
    with tf.device("CPU"):
        pixels = tf.constant(np.asarray(images))
    return lambda at: tf.gather(pixels, at)


def _from_disk(images: Images) -> Gather:
    """A constant would be a copy of all images in memory; this takes those of one batch."""

    def gather(at: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(lambda at: images[at], [at], tf.uint8, stateful=False)
        return tf.ensure_shape(pixels, (None, *images.shape[1:]))

    return gather


def _flipping(gather: Gather, seed: np.random.SeedSequence, count: int) -> Gather:
    """Mirror half of the images that `gather` yields."""
    draw = np.random.Generator(np.random.Philox(seed))
    with tf.device("CPU"):
        mirrored = tf.constant(draw.integers(0, 2, count, dtype=np.bool_))

    def flipped(at: tf.Tensor) -> tf.Tensor:
        pixels = gather(at)
        chosen = tf.gather(mirrored, at)[:, tf.newaxis, tf.newaxis, tf.newaxis]
        return tf.where(chosen, tf.reverse(pixels, axis=[2]), pixels)

    return flipped


def steps_per_epoch(image_count: int, batch_size: int) -> int:
    """Return the number of batches in an epoch, a smaller last one included."""
    return -(-image_count // batch_size)
