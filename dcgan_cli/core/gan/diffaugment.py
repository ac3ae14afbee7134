"""Differentiable augmentation of the discriminator's input, real and generated.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", arXiv 2006.10738,
section 3.2 and the policies of section 4: colour, translation, cutout. The generator's gradient
passes through the augmentation.
"""

import tensorflow as tf

SHIFT = 1 / 8
"""Maximum translation, as a share of height and width."""
CUT = 1 / 2
"""Side of the cutout square, as a share of height and width."""


def diffaugment(images: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Augment each image independently.

    Args:
        images: float32 [N, H, W, C] in [-1, 1].
        key: int32 [2], the key of all random numbers.

    Returns:
        float32 [N, H, W, C]; values may lie slightly outside [-1, 1].
    """
    keys = [tf.random.experimental.stateless_fold_in(key, index) for index in range(3)]
    return _cut_out(_shift(_recolour(images, keys[0]), keys[1]), keys[2])


def _recolour(x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Change brightness by up to 0.5, saturation by 0 to 2 times, contrast by 0.5 to 1.5 times."""
    random = tf.random.stateless_uniform((3, tf.shape(x)[0], 1, 1, 1), key)
    x += random[0] - 0.5
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    x = grey + (x - grey) * (2 * random[1])
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    return mean + (x - mean) * (random[2] + 0.5)


def _shift(x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Translate each image by whole pixels, filling with 0 (mid-grey)."""
    for axis in (1, 2):
        size = x.shape[axis]
        most = int(SHIFT * size + 0.5)
        axis_key = tf.random.experimental.stateless_fold_in(key, axis)
        by = tf.random.stateless_uniform(
            (tf.shape(x)[0], 1), axis_key, minval=-most, maxval=most + 1, dtype=tf.int32
        )
        padded = tf.pad(x, [[0, 0] if other != axis else [most, most] for other in range(4)])
        places = tf.range(size)[tf.newaxis] + most + by
        x = tf.gather(padded, places, axis=axis, batch_dims=1)
    return x


def _cut_out(x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Set a square to 0; up to half of each side may lie outside the image."""
    kept = tf.constant(False)
    for axis in (1, 2):
        size = x.shape[axis]
        cut = int(CUT * size + 0.5)
        axis_key = tf.random.experimental.stateless_fold_in(key, axis)
        # The centre is anywhere in the image; for an even size it lies between two pixels.
        first = tf.random.stateless_uniform(
            (tf.shape(x)[0], 1), axis_key, 0, size + 1 - cut % 2, tf.int32
        ) - (cut // 2)
        places = tf.range(size)[tf.newaxis]
        outside = (places < first) | (places >= first + cut)
        shape = (-1, size, 1, 1) if axis == 1 else (-1, 1, size, 1)
        kept |= tf.reshape(outside, shape)
    return x * tf.cast(kept, x.dtype)
