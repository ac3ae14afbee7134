"""Random changes to what the discriminator sees, of real and generated images alike.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", arXiv 2006.10738,
section 3.2 and the policies of section 4: colour, translation, cutout. All of them have gradients,
which the generator's pass through.
"""

import tensorflow as tf

SHIFT = 1 / 8
"""Of height and width, by which an image is shifted at most."""
CUT = 1 / 2
"""Of height and width, which is cut out."""


def diffaugment(images: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Change each image by itself.

    Args:
        images: float32 [N, H, W, C] in [-1, 1].
        key: int32 [2], decides how.

    Returns:
        float32 [N, H, W, C], somewhat outside of [-1, 1] at times.
    """
    keys = [tf.random.experimental.stateless_fold_in(key, index) for index in range(3)]
    return _cut_out(_shift(_recolour(images, keys[0]), keys[1]), keys[2])


def _recolour(x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Change brightness by up to 0.5, saturation by a factor up to 2, contrast by 0.5 to 1.5."""
    random = tf.random.stateless_uniform((3, tf.shape(x)[0], 1, 1, 1), key)
    x += random[0] - 0.5
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    x = grey + (x - grey) * (2 * random[1])
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    return mean + (x - mean) * (random[2] + 0.5)


def _shift(x: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Shift each image by whole pixels; what comes in is zero, a middle grey."""
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
    """Set a square, which may lie half outside, to zero."""
    kept = tf.constant(False)
    for axis in (1, 2):
        size = x.shape[axis]
        cut = int(CUT * size + 0.5)
        axis_key = tf.random.experimental.stateless_fold_in(key, axis)
        # Its middle is anywhere in the image; that of an even number lies between two pixels.
        first = tf.random.stateless_uniform(
            (tf.shape(x)[0], 1), axis_key, 0, size + 1 - cut % 2, tf.int32
        ) - (cut // 2)
        places = tf.range(size)[tf.newaxis]
        outside = (places < first) | (places >= first + cut)
        shape = (-1, size, 1, 1) if axis == 1 else (-1, 1, size, 1)
        kept |= tf.reshape(outside, shape)
    return x * tf.cast(kept, x.dtype)
