"""Every model with every loss, and what goes with them, from words to pictures."""

import itertools
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.settings import registry
from tests.conftest import CONVOLUTIONAL
from tests.same_run import assert_same_run

SMALL = [
    "data.limit=512",
    "batch_size=128",
    "noise_dim=8",
    "num_examples_to_generate=4",
    "model.base_channels=4",
    "model.units=16",
    "evaluate_every=0",
]
SIZES = {"dcgan28": 28, "dcgan": 32, "mlp": 20}


def train_and_train_the_second_epoch_again(dcgan, workplace, words):
    """Train two epochs; go back to the first one's checkpoint in a copy; both must be the same."""
    run, copy = workplace / "run", workplace / "copy" / "run"
    done = dcgan("train", *words, "epochs=2", "checkpoint_every=1", "hydra.run.dir=run")
    assert done.code == 0, done.err
    shutil.copytree(run, copy)
    first, second = sorted((copy / "checkpoints").iterdir())
    shutil.rmtree(second)
    done = dcgan("train", f"resume={copy}")
    assert done.code == 0, done.err
    assert sorted((copy / "checkpoints").iterdir()) == [first, second]
    assert_same_run(run, copy)


OFTEN = [("dcgan", "least_squares"), ("mlp", "wasserstein_gp")]
"""The others are slow tests. The gradients of all are in test_gradients.py."""
PAIRS = [
    pytest.param(*pair, marks=[pytest.mark.slow] * (pair not in OFTEN))
    for pair in itertools.product(registry.names("model"), registry.names("loss"))
]


@pytest.mark.parametrize(("model", "loss"), PAIRS)
def test_trains_goes_on_exactly_and_samples(dcgan, workplace, model, loss):
    size = SIZES[model]
    words = [*SMALL, f"model={model}", f"loss={loss}", f"data.image_size={size}"]
    train_and_train_the_second_epoch_again(dcgan, workplace, words)
    done = dcgan("sample", "--run", "run", "--n", "3", "--out", "images.npz")
    assert done.code == 0, done.err
    images = np.load("images.npz")["images"]
    assert images.shape == (3, size, size, 1)
    assert np.ptp(images) > 0


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            ["loss=hinge", "loss.r1_gamma=1", "model.upsample=resize", "ema=0.9"], id="R1"
        ),
        pytest.param(
            ["model=dcgan", "data.image_size=32", "loss=wasserstein_gp"],
            id="both ways through the discriminator",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["model=dcgan", "data.image_size=32", "loss.label_smoothing=0.1"],
            id="normalised by the batch",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_all_that_can_be_added_goes_on_exactly(dcgan, workplace, words):
    added = ["model.conditional=true", "model.spectral_norm=true", "loss.diffaugment=true"]
    words = [*SMALL, *added, *words]
    train_and_train_the_second_epoch_again(dcgan, workplace, words)


def test_a_sweep_without_m(dcgan, workplace):
    done = dcgan("train", *SMALL, "experiment=losses")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "these settings are a sweep's; add -m" in done.err
    assert not list(workplace.iterdir())


def test_goes_on_when_its_own_values_are_named(dcgan, workplace):
    """They are not those of the defaults, and go together with its other ones only."""
    words = [*SMALL, "model=mlp", "data.image_size=20", "epochs=1", "hydra.run.dir=run"]
    assert dcgan("train", *words).code == 0
    for word in ("data.image_size=20", "model.name=mlp"):
        done = dcgan("train", "resume=run", word)
        assert done.code == 0, done.err
    done = dcgan("train", "resume=run", "data.image_size=32")
    assert done.code == 2
    assert "data.image_size cannot change when resuming" in done.err


class TestClasses:
    def test_grids_have_a_column_for_each(self, dcgan, workplace, conditional_run):
        words = ["sample", "--run", conditional_run, "--n"]
        assert dcgan(*words, "20").code == 0
        assert dcgan(*words, "20", "--cols", "10", "--out", "ten.png").code == 0
        np.testing.assert_array_equal(Image.open("grid.png"), Image.open("ten.png"))

    def test_a_class_is_that_of_its_column(self, dcgan, workplace, conditional_run):
        words = ["sample", "--run", conditional_run]
        assert dcgan(*words, "--seeds", "7,17", "--out", "column.npz").code == 0
        assert dcgan(*words, "--seeds", "7,17", "--class", "7", "--out", "asked.npz").code == 0
        assert dcgan(*words, "--seeds", "7,17", "--class", "3", "--out", "other.npz").code == 0
        column, asked, other = (
            np.load(f"{name}.npz")["images"] for name in ("column", "asked", "other")
        )
        np.testing.assert_array_equal(column, asked)
        assert not np.array_equal(column, other)

    def test_pictures_say_which(self, dcgan, workplace, conditional_run):
        assert dcgan("sample", "--run", conditional_run, "--class", "3").code == 0
        assert json.loads(dcgan("inspect", "grid.png", "--json").out)["made_by"]["class"] == 3

    def test_walks_and_trainings_are_animated(self, dcgan, workplace, conditional_run):
        for words in ([], ["--walk", "--fps", "1"]):
            done = dcgan("animate", "--run", conditional_run, *words, "--out", "x.gif")
            assert done.code == 0, done.err

    def test_each_is_scored(self, dcgan, workplace, conditional_run):
        words = ["--run", conditional_run, "--n", "100", "--features", "mnist"]
        done = dcgan("evaluate", *words, "--json")
        assert done.code == 0, done.err
        by_class = json.loads(done.out)["by_class"]
        assert set(by_class) >= {"frechet_distance", "accuracy"}
        assert all(len(values) == 10 for values in by_class.values())
        real = by_class["real_accuracy"]
        assert min(value for value in real if value is not None) > 0.8
        assert "accuracy" in dcgan("evaluate", *words).out

    def test_one_that_is_not_there(self, dcgan, workplace, conditional_run, finished_run):
        done = dcgan("sample", "--run", conditional_run, "--class", "10")
        assert (done.code, done.err.splitlines()[-1]) == (
            2,
            "dcgan: --class must be from 0 to 9 for this generator, got 10",
        )
        done = dcgan("sample", "--run", finished_run, "--class", "1")
        assert done.code == 2
        assert "train one with model.conditional=true" in done.err

    def test_need_labels(self, dcgan, workplace):
        with np.load(CONVOLUTIONAL[0].partition("=")[2]) as archive:
            np.savez("no_labels.npz", x_train=archive["x_train"])
            np.savez(
                "letters.npz", x_train=archive["x_train"], y_train=archive["y_train"] // 2 + 20
            )
            np.savez("halves.npz", x_train=archive["x_train"], y_train=archive["y_train"] + 0.5)
            words = np.where(archive["y_train"] % 2, "odd", "even")
            np.savez("words.npz", x_train=archive["x_train"], y_train=words)
        for name, fragment in (
            ("no_labels", "has none"),
            ("letters", "has the label 2"),
            ("halves", ".5, which is not an integer; give one integer or word"),
            ("words", "has 2 classes (even, odd); give data.classes=2"),
        ):
            words = [f"data.path={name}.npz", *CONVOLUTIONAL[1:], "model.conditional=true"]
            done = dcgan("train", *words)
            assert (done.code, len(done.err.splitlines())) == (3, 1), done.err
            assert fragment in done.err

    def test_other_labels_are_other_data(self, dcgan, workplace, conditional_run):
        shutil.copytree(conditional_run, "run")
        with np.load(CONVOLUTIONAL[0].partition("=")[2]) as archive:
            images, labels = archive["x_train"], archive["y_train"]
        np.savez("data.npz", x_train=images, y_train=labels.astype(np.int64))
        done = dcgan("train", "resume=run", "data.path=data.npz")
        assert done.code == 0, done.err
        np.savez("data.npz", x_train=images, y_train=labels[::-1])
        done = dcgan("train", "resume=run", "data.path=data.npz")
        assert done.code == 3
        assert "the training images and labels are not those of" in done.err
