from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan_cli.core.data.batches import epoch_batches, steps_per_epoch


def order(count: int, **options) -> list[list[int]]:
    """Return the indices in each batch of an epoch; the images contain their indices."""
    images = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    defaults = {"batch_size": 16, "buffer_size": 1000, "seed": 1, "epoch": 1}
    return [batch.numpy().ravel().tolist() for batch in epoch_batches(images, **defaults | options)]


def flat(batches: list[list[int]]) -> list[int]:
    return [position for batch in batches for position in batch]


def test_epoch_holds_every_image_once_in_another_order():
    positions = flat(order(200))
    assert sorted(positions) == list(range(200))
    assert positions != list(range(200))


def test_last_batch_is_smaller():
    assert [len(batch) for batch in order(200)] == [16] * 12 + [8]
    assert steps_per_epoch(200, 16) == 13
    assert steps_per_epoch(60000, 256) == 235


@pytest.mark.parametrize("in_memory", [True, False])
def test_passes_repeat_every_image(on_disk, in_memory):
    """In another order each; each batch has the labels of its images."""
    images = np.array(on_disk) if in_memory else on_disk
    batches = epoch_batches(
        images, np.arange(200), batch_size=16, buffer_size=1000, seed=1, epoch=1, passes=3
    )
    found = [(image.ravel(), labels) for image, labels in batches.as_numpy_iterator()]
    seen = np.concatenate([image for image, _ in found])
    np.testing.assert_array_equal(seen, np.concatenate([labels for _, labels in found]))
    np.testing.assert_array_equal(np.bincount(seen), [3] * 200)
    assert len(found) == steps_per_epoch(3 * 200, 16)


def test_each_pass_is_flipped_anew():
    images = np.arange(64, dtype=np.uint8).reshape(32, 1, 2, 1)
    batches = epoch_batches(
        images, batch_size=1, buffer_size=1, seed=1, epoch=1, passes=20, flip=True
    )
    mirrored = np.array([image[0, 0, 0, 0] % 2 for image in batches.as_numpy_iterator()])
    by_image = mirrored.reshape(20, 32).sum(axis=0)
    assert (by_image > 0).all()
    assert (by_image < 20).all()


def test_order_depends_on_seed_and_epoch_alone():
    assert order(100) == order(100)
    assert order(100) != order(100, epoch=2)
    assert order(100) != order(100, seed=2)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 120), st.integers(1, 40), st.integers(1, 150), st.integers(0, 12))
def test_skipping_batches_keeps_the_others(count, batch_size, buffer_size, skip):
    options = {"batch_size": batch_size, "buffer_size": buffer_size}
    assert order(count, skip=skip, **options) == order(count, **options)[skip:]


@pytest.mark.parametrize("buffer_size", [1, 10])
def test_small_buffer_moves_images_forward_by_less_than_its_size(buffer_size):
    positions = flat(order(100, buffer_size=buffer_size))
    assert all(position - place < buffer_size for place, position in enumerate(positions))
    assert sorted(positions) == list(range(100))


@pytest.fixture
def on_disk(tmp_path) -> np.ndarray:
    """Return the images of `order` as a memory map."""
    np.save(tmp_path / "x.npy", np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


@pytest.mark.parametrize("options", [{}, {"skip": 3}, {"buffer_size": 10}, {"seed": 2, "epoch": 5}])
def test_memory_map_has_the_same_order(on_disk, options):
    defaults = {"batch_size": 16, "buffer_size": 1000, "seed": 1, "epoch": 1}
    batches = epoch_batches(on_disk, **defaults | options)
    assert batches.element_spec.shape.as_list() == [None, 1, 1, 1]
    assert [b.numpy().ravel().tolist() for b in batches] == order(200, **options)
    part = epoch_batches(on_disk[:50], **defaults | options)
    assert [b.numpy().ravel().tolist() for b in part] == order(50, **options)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_memory_stays_flat_for_a_set_larger_than_memory(tmp_path):
    """The file is 64 GB of zeros, sparse on the disk."""
    shape = (2**36 // (64 * 64 * 4), 64, 64, 4)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with (tmp_path / "x.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.truncate(stream.tell() + 2**36)
    images = np.load(tmp_path / "x.npy", mmap_mode="r")
    batches = epoch_batches(images, batch_size=256, buffer_size=60000, seed=1, epoch=1, flip=True)
    before = own_megabytes()
    for batch in batches.take(20):
        assert batch.shape == (256, 64, 64, 4)
    assert own_megabytes() - before < 500  # Batches of 4 MB, and what TensorFlow takes to begin.


def own_megabytes() -> int:
    """Return the private memory of this process, without pages of files."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0]) // 1000


class TestFlip:
    """The left pixel of each image is its index, the right one 255."""

    def turned(self, images: np.ndarray, **options) -> dict[int, bool]:
        defaults = {"batch_size": 16, "buffer_size": 1000, "seed": 1, "epoch": 1, "flip": True}
        rows = [row for b in epoch_batches(images, **defaults | options) for row in b.numpy()]
        return {min(row.ravel()): row[0, 0, 0] == 255 for row in rows}

    @pytest.fixture
    def images(self) -> np.ndarray:
        images = np.full((200, 1, 2, 1), 255, np.uint8)
        images[:, 0, 0, 0] = range(200)
        return images

    def test_flips_another_half_in_each_epoch(self, images):
        first = self.turned(images)
        assert len(first) == 200
        assert 70 < sum(first.values()) < 130
        assert first == self.turned(images)
        assert first != self.turned(images, epoch=2)
        assert first != self.turned(images, seed=2)

    def test_depends_on_the_index_of_the_image(self, images):
        whole = self.turned(images)
        rest = self.turned(images, skip=5)
        assert len(rest) == 200 - 5 * 16
        assert rest.items() < whole.items()
        assert self.turned(images, batch_size=7, buffer_size=3) == whole

    def test_memory_map_is_flipped_alike(self, images, tmp_path):
        np.save(tmp_path / "x.npy", images)
        assert self.turned(np.load(tmp_path / "x.npy", mmap_mode="r")) == self.turned(images)

    def test_changes_nothing_else(self, images):
        plain = epoch_batches(images, batch_size=16, buffer_size=99, seed=1, epoch=1)
        mirrored = epoch_batches(images, batch_size=16, buffer_size=99, seed=1, epoch=1, flip=True)
        for one, other in zip(plain, mirrored, strict=True):
            assert (np.sort(one, axis=2) == np.sort(other, axis=2)).all()
