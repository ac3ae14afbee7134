import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan_cli.core.batches import epoch_batches, steps_per_epoch


def order(count: int, **options) -> list[list[int]]:
    """Return the positions in each batch of an epoch, told by images that hold their position."""
    images = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    defaults = {"batch_size": 16, "buffer_size": 1000, "seed": 1, "epoch": 1}
    return [batch.numpy().ravel().tolist() for batch in epoch_batches(images, **defaults | options)]


def flat(batches: list[list[int]]) -> list[int]:
    return [position for batch in batches for position in batch]


def test_epoch_holds_every_image_once_in_another_order():
    positions = flat(order(200))
    assert sorted(positions) == list(range(200))
    assert positions != list(range(200))


def test_last_batch_is_the_rest():
    assert [len(batch) for batch in order(200)] == [16] * 12 + [8]
    assert steps_per_epoch(200, 16) == 13
    assert steps_per_epoch(60000, 256) == 235


def test_order_is_a_function_of_seed_and_epoch():
    assert order(100) == order(100)
    assert order(100) != order(100, epoch=2)
    assert order(100) != order(100, seed=2)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 120), st.integers(1, 40), st.integers(1, 150), st.integers(0, 12))
def test_skipping_batches_leaves_the_others_as_they_were(count, batch_size, buffer_size, skip):
    options = {"batch_size": batch_size, "buffer_size": buffer_size}
    assert order(count, skip=skip, **options) == order(count, **options)[skip:]


@pytest.mark.parametrize("buffer_size", [1, 10])
def test_small_buffer_moves_images_forward_by_less_than_its_size(buffer_size):
    positions = flat(order(100, buffer_size=buffer_size))
    assert all(position - place < buffer_size for place, position in enumerate(positions))
    assert sorted(positions) == list(range(100))
