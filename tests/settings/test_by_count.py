"""Settings that follow from the number of images."""

from hypothesis import given
from hypothesis import strategies as st

from dcgan_cli.settings.by_count import (
    AUGMENT_BELOW,
    EPOCH_IMAGES,
    RUN_AT_LEAST,
    RUN_AT_MOST,
    settle,
)
from dcgan_cli.settings.schema import LossConfig, TrainConfig

ASKING = TrainConfig(epochs=0, passes_per_epoch=0, loss=LossConfig(diffaugment=None))
COUNTS = st.integers(1, 10**7)


@given(COUNTS)
def test_every_number_of_images_gets_a_run(count):
    settled, _ = settle(ASKING, count)
    epoch = count * settled.passes_per_epoch
    shown = epoch * settled.epochs
    assert epoch >= EPOCH_IMAGES / 2
    assert settled.passes_per_epoch == 1 or epoch < 2 * EPOCH_IMAGES
    assert shown >= RUN_AT_LEAST
    assert settled.epochs == 1 or shown < RUN_AT_MOST + epoch
    if count <= RUN_AT_MOST / 10:
        assert shown >= 10 * count


@given(COUNTS)
def test_small_sets_are_augmented_and_it_is_said(count):
    settled, notes = settle(ASKING, count)
    assert settled.loss.diffaugment == (count < AUGMENT_BELOW)
    assert any("loss.diffaugment=false" in note for note in notes) == (count < AUGMENT_BELOW)


@given(COUNTS, st.integers(1, 1000), st.integers(1, 1000), st.booleans())
def test_what_was_given_stays(count, epochs, passes, augments):
    config = TrainConfig(
        epochs=epochs, passes_per_epoch=passes, loss=LossConfig(diffaugment=augments)
    )
    settled, notes = settle(config, count)
    assert settled == config
    assert not any("augments" in note for note in notes)
