"""DiffAugment's changes, image by image."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_cli.core.gan import diffaugment as module
from dcgan_cli.core.gan.diffaugment import diffaugment

KEY = tf.constant([1, 2])


def test_it_is_a_function_of_the_key_and_changes_each_image_by_itself():
    images = tf.random.stateless_uniform((40, 16, 16, 3), [0, 0], -1, 1)
    changed = diffaugment(images, KEY).numpy()
    np.testing.assert_array_equal(changed, diffaugment(images, KEY))
    assert not np.array_equal(changed, diffaugment(images, tf.constant([1, 3])))
    others = tf.concat([images[:1], images[1:] * 0], axis=0)
    np.testing.assert_allclose(changed[0], diffaugment(others, KEY)[0], atol=1e-6)


def test_shifts_are_whole_pixels_up_to_an_eighth():
    images = np.zeros((200, 16, 16, 1), np.float32)
    images[:, 8, 8] = 1
    shifted = module._shift(tf.constant(images), KEY).numpy()
    assert set(np.unique(shifted)) == {0, 1}
    places = np.argwhere(shifted[..., 0])
    assert len(places) == 200
    assert set(places[:, 1]) == set(places[:, 2]) == set(range(6, 11))


@pytest.mark.parametrize(("size", "cut"), [(16, 8), (10, 5)])
def test_what_is_cut_out_is_half_as_high_and_wide(size, cut):
    cut_out = 1 - module._cut_out(tf.ones((2000, size, size, 1)), KEY).numpy()
    heights = cut_out.any(axis=2).sum(axis=1)
    widths = cut_out.any(axis=1).sum(axis=1)
    assert heights.max() == widths.max() == cut
    assert cut_out.sum() == (heights * widths).sum()
    rows = cut_out.any(axis=(2, 3)).mean(axis=0)
    assert rows[size // 2] > 1.3 * rows[0] > 0
    np.testing.assert_allclose(rows, rows[::-1], atol=0.05)


def test_colours_move_within_their_bounds():
    grey = tf.fill((500, 4, 4, 3), 0.25)
    moved = module._recolour(grey, KEY).numpy()
    assert -0.25 <= moved.min() < -0.2
    assert 0.7 < moved.max() < 0.75
    # A picture of one colour keeps it; only brightness can move it.
    np.testing.assert_allclose(np.ptp(moved, axis=(1, 2, 3)), 0, atol=1e-6)
    checks = tf.constant(np.indices((4, 4)).sum(axis=0) % 2, tf.float32)[None, ..., None]
    contrasts = np.ptp(module._recolour(tf.repeat(checks, 500, axis=0), KEY), axis=(1, 2, 3))
    assert 0.5 <= contrasts.min() < 0.52
    assert 1.48 < contrasts.max() <= 1.5


def test_gradients_pass_through():
    images = tf.random.stateless_uniform((5, 16, 16, 3), [0, 0], -1, 1)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(diffaugment(images, KEY) ** 2)
    slopes = tape.gradient(total, images).numpy()
    assert np.isfinite(slopes).all()
    assert (np.abs(slopes).sum(axis=(1, 2, 3)) > 0).all()
