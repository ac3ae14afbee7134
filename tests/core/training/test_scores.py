"""Scores in training: the best checkpoint, an early end, the generator's moving average, health."""

import itertools
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.core.evaluation.figures import evaluation_of
from dcgan_cli.core.evaluation.scoring import ENOUGH_IMAGES, MISSING_SHARE, Scorer
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.training import health as health_module
from dcgan_cli.core.training.health import (
    COLLAPSE_SHARE,
    MIN_LOST_CLASSES,
    SATURATION_CONTRAST,
    Health,
)
from dcgan_cli.settings.schema import DataConfig, EvaluationConfig, LossConfig, TrainConfig
from tests.conftest import QUICK
from tests.same_run import assert_same_run

SCORED = [*QUICK, "evaluate_every=1"]


def kept(run) -> list[int]:
    return sorted(c.progress.epoch for c in checkpoints.find(run / "checkpoints"))


def test_best_is_kept_and_patience_ends_the_run(dcgan, workplace):
    """With a learning rate that ruins it: of 60 scores, three in a row will be no better."""
    words = [*SCORED, "epochs=60", "checkpoint_every=60", "patience=3", "hydra.run.dir=run"]
    done = dcgan("train", *words, "optimizer.learning_rate=0.3")
    assert done.code == 0, done.err
    run = RunFolder(workplace / "run")
    distances = [row["frechet_distance"] for row in run.metrics()]
    best = distances.index(min(distances)) + 1
    assert len(distances) == best + 3 < 60
    assert kept(run.path) == sorted({best, len(distances) - 1, len(distances)})
    assert run.status()["state"] == "finished"
    assert f"for 3 epochs (best: {min(distances):.1f}, epoch {best})" in run.status()["reason"]
    again = dcgan("train", "resume=run")
    assert again.code == 0
    assert again.err.count("no improvement for") == 1
    assert "nothing left to do; no improvement for" in again.err
    assert len(run.metrics()) == best + 3
    assert "train longer  dcgan train resume=run patience=null" in dcgan("inspect", "run").out


@pytest.mark.slow
def test_patience_waits_for_a_worse_score(dcgan, workplace):
    """With fewer scores than epochs, it is scores that tell."""
    words = [*SCORED, "epochs=60", "evaluate_every=2", "patience=1", "optimizer.learning_rate=0.3"]
    assert dcgan("train", *words, "hydra.run.dir=run").code == 0
    rows = RunFolder(workplace / "run").metrics()
    distances = {row["epoch"]: row["frechet_distance"] for row in rows if "diversity" in row}
    best = min(distances, key=lambda epoch: distances[epoch])
    assert max(distances) == len(rows) == best + 2 < 60


def test_other_scores_leave_a_finished_run_alone(dcgan, workplace, scored_run):
    run = RunFolder(Path(shutil.copytree(scored_run, "run")))
    rows, scored_by = run.metrics(), run.record()["scored_by"]
    done = dcgan("train", "resume=run", "evaluation.features=mnist")
    assert done.code == 0, done.err
    assert (run.metrics(), run.record()["scored_by"]) == (rows, scored_by)


def test_scores_made_differently_are_dropped_and_the_best_by_them_kept(dcgan, workplace):
    """An early epoch is the best by the first features; the second run's scores cannot tell."""
    words = [*SCORED, "optimizer.learning_rate=0.3", "hydra.run.dir=run"]
    assert dcgan("train", *words, "epochs=3").code == 0
    rows = RunFolder(workplace / "run").metrics()
    best = min(rows, key=lambda row: row["frechet_distance"])["epoch"]
    done = dcgan("train", "resume=run", "epochs=6", "evaluation.features=mnist")
    assert done.code == 0, done.err
    assert "scores are computed differently now; the earlier ones are dropped" in done.err
    rows = RunFolder(workplace / "run").metrics()
    assert ["frechet_distance" in row for row in rows] == [False] * 3 + [True] * 3
    assert best < 5
    assert {best, 5, 6} <= set(kept(workplace / "run"))


def test_features_that_are_not_there_leave_nothing_behind(dcgan, workplace):
    done = dcgan("train", *SCORED, "evaluation.features=mnst")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "mnst is not there; give auto, mnist" in done.err
    assert not list(workplace.iterdir())


def test_the_average_is_what_is_sampled_and_goes_on_exactly(dcgan, workplace):
    words = ["train", *SCORED, "ema=0.9", "checkpoint_every=1", "epochs=3", "hydra.run.dir=run"]
    assert dcgan(*words).code == 0
    halves = Path(shutil.copytree("run", "halves/run"))
    for step in (8, 12):
        shutil.rmtree(halves / "checkpoints" / f"step_{step:010d}")
    assert dcgan("train", "resume=halves/run").code == 0
    assert_same_run(workplace / "run", halves)

    checkpoint, _ = checkpoints.newest_intact(workplace / "run" / "checkpoints")
    average, generator = (checkpoint.load(part) for part in ("generator_average", "generator"))
    assert average.keys() == generator.keys()
    assert not any(np.array_equal(average[name], generator[name]) for name in generator)
    assert dcgan("sample", "--run", "run", "--n", "4", "--out", "grid.png").code == 0
    frame = workplace / "run" / "samples" / "epoch_0003.png"
    from PIL import Image

    np.testing.assert_array_equal(Image.open("grid.png"), Image.open(frame))


def test_too_few_images_to_score(dcgan, workplace):
    done = dcgan("train", *SCORED, "data.limit=8", "hydra.run.dir=run")
    assert done.code == 3
    assert "too few images for scores" in done.err
    assert "or give evaluate_every=0" in done.err


@pytest.fixture(scope="module")
def mnist() -> ImageSet:
    return load_training_images(DataConfig())


class OnlyZerosAndOnes:
    """Real images in a sampler's place."""

    def __init__(self, data: ImageSet) -> None:
        self.images = data.images[data.labels < 2]

    def stream(self, seeds) -> Iterator[tuple[list[int], np.ndarray]]:
        yield seeds, self.images[: len(seeds)]


def test_a_class_is_missing_only_where_ten_of_it_are_due(mnist):
    """Eight digits are never made: one by one they are said to be missing, with more samples."""
    missing = []
    for count in (20, 130, 400):  # With 130, two classes have exactly ten, one has nine.
        setting = EvaluationConfig(samples=count, features="mnist")
        scorer = Scorer(TrainConfig(evaluation=setting), mnist)
        missing.append(scorer.score(OnlyZerosAndOnes(mnist))["missing_classes"])
        real = evaluation_of(DataConfig(), mnist, "mnist", count).real
        due = np.bincount(real.probabilities.argmax(axis=1), minlength=10)[2:]
        assert missing[-1] == np.sum(due >= 10)
    assert missing[0] == 0 < missing[1] < missing[2] == 8


def test_ten_is_the_least_number_by_which_chance_is_no_reason():
    """Both numbers of images are Poisson's, of any mean; see `ENOUGH_IMAGES`."""

    def chance(enough: int, mean: float) -> float:
        counts = np.arange(100)
        logarithms = counts * math.log(mean) - mean - [math.lgamma(k + 1) for k in counts]
        chances = np.exp(logarithms)
        found = range(enough, 100)
        return sum(chances[r] * chances[counts < MISSING_SHARE * r].sum() for r in found)

    means = np.linspace(0.1, 40, 400)
    worst = [max(chance(enough, mean) for mean in means) for enough in (9, 10)]
    assert worst[1] < 1e-3 < worst[0]
    assert ENOUGH_IMAGES == 10


def test_a_finding_is_said_kept_and_shown(dcgan, workplace, scored_run, monkeypatch):
    """What is found in which rows: below."""
    monkeypatch.setattr(health_module, "MIN_SCORED_EPOCHS", 4)
    monkeypatch.setattr(health_module, "MIN_LEARNING_STEPS", 16)
    run = RunFolder(Path(shutil.copytree(scored_run, "run")))
    words = ["train", "resume=run", "epochs=5", "optimizer.learning_rate=1e-9"]
    said = dcgan(*words).err
    assert said.count("warning: nothing learned: after 16 steps the best score is ") == 1
    found = run.status()["health"]
    assert [(finding["kind"], finding["epoch"]) for finding in found] == [("nothing learned", 4)]
    assert found[0]["settings"]["optimizer.learning_rate"] == 2e-4
    # The command that began the run, with what helps instead.
    again = next(line for line in said.splitlines() if line.startswith("try "))
    assert re.search(
        r"dcgan train .*model=mlp.* batch_size=16 .*optimizer.learning_rate=0.0002", again
    )
    assert "hydra.run.dir" not in again
    assert again.removeprefix("try ").strip() in " ".join(dcgan("inspect", "run").out.split())
    assert "nothing learned since epoch 4" in " ".join(dcgan("inspect", "run").out.split())
    assert dcgan("train", "resume=run").code == 0  # Nothing is left to do.
    assert run.status()["health"] == found


@pytest.mark.slow
class TestProvokedHealth:
    """Each finding is provoked by settings that really cause it."""

    ROUGH = ("data.limit=500", "batch_size=64", "precision=float32", "hydra.run.dir=run")

    @pytest.fixture
    def train(self, dcgan, workplace):
        def train(*words: str) -> tuple[RunFolder, str]:
            channels = "model.base_channels=4"
            done = dcgan("train", *self.ROUGH, channels, *words)
            return RunFolder(workplace / "run"), done.err

        return train

    @staticmethod
    def kinds(run: RunFolder) -> set[str]:
        return {finding["kind"] for finding in run.status()["health"]}

    def test_collapse_is_said_in_the_epoch_in_which_it_happens(self, train, dcgan):
        run, said = train("epochs=6", "optimizer.learning_rate=0.1")
        diversities = [row["diversity"] for row in run.metrics()]
        most = np.maximum.accumulate(diversities)
        collapsed = next(i for i, d in enumerate(diversities) if d < COLLAPSE_SHARE * most[i])
        health = Health(TrainConfig(), None)
        said_in = [
            "collapse" in [finding.kind for finding in health.add(row)] for row in run.metrics()
        ]
        assert said_in.index(True) == collapsed
        assert said.count("warning: collapse: the samples have become similar") == 1
        assert sum(said_in) == 1
        assert "batch_size=16" in said

    def test_nothing_learned(self, train, dcgan):
        """Said after a thousand steps: eight epochs of 125."""
        words = ["model=mlp", "model.units=16", "batch_size=4", "epochs=9"]
        run, said = train(*words, "optimizer.learning_rate=1e-9")
        assert said.count("warning: nothing learned: after 1,000 steps") == 1
        assert self.kinds(run) == {"nothing learned"}
        finding = run.status()["health"][0]
        assert finding["epoch"] == 8
        assert finding["settings"]["optimizer.learning_rate"] == 2e-4
        shown = dcgan("inspect", "run").out
        assert "nothing learned since epoch 8" in " ".join(shown.split())

    def test_saturation(self, dcgan, workplace):
        """At a far too large rate a generator may end with all pixels at one end of the scale.

        Whether it does is chance, which falls otherwise with other kernels; so several are tried.
        """
        good = ["model.base_channels=8", "batch_size=16", "optimizer.beta_1=0.5"]
        good += ["optimizer.learning_rate=0.01", "epochs=5", "data.limit=500", "precision=float32"]
        for seed, rate in itertools.product(range(4), (1, 0.3, 3)):
            name = f"run_{seed}_{rate}"
            assert dcgan("train", *good, f"seed={seed}", f"hydra.run.dir={name}").code == 0
            words = [f"resume={name}", "epochs=7", f"optimizer.learning_rate={rate}"]
            said = dcgan("train", *words).err
            if any(
                row["contrast"] < SATURATION_CONTRAST
                for row in RunFolder(workplace / name).metrics()
            ):
                break
        else:
            pytest.skip("no generator ends so with the kernels of this processor")
        assert said.count("warning: saturation: the samples have") == 1

    def test_missing_classes(self, train, dcgan, workplace):
        """A run that has most digits goes on at a rate at which it loses them."""
        good = ["model.base_channels=8", "batch_size=16", "optimizer.beta_1=0.5"]
        _, said = train(*good, "optimizer.learning_rate=0.01", "epochs=5")
        assert "missing classes" not in said
        done = dcgan("train", "resume=run", "epochs=8", "optimizer.learning_rate=30")
        assert done.err.count("warning: missing classes: ") == 1
        run = RunFolder(workplace / "run")
        counts = [row["missing_classes"] for row in run.metrics()]
        assert counts[-1] - min(counts[:5]) >= MIN_LOST_CLASSES
        found = run.status()["health"]
        assert dcgan("train", "resume=run").code == 0  # Nothing is left to do.
        assert run.status()["health"] == found

    def test_the_discriminator_wins(self, train):
        _, said = train(
            "epochs=10", "data.limit=200", "model.dropout=0", "optimizer.learning_rate=5e-3"
        )
        assert said.count("warning: discriminator wins: its loss is") >= 1


class TestHealth:
    """What is found in rows of metrics."""

    SCORED: ClassVar = {"discriminator_loss": 1.2, "frechet_distance": 50.0, "contrast": 1.0}

    def test_collapse_is_found_once_they_were_diverse(self):
        health = Health(TrainConfig(), None)
        diversities = [0.2, 0.01, 0.3, 0.13, 0.11, 0.05]
        found = [
            [finding.kind for finding in health.add(self.SCORED | {"epoch": i, "diversity": value})]
            for i, value in enumerate(diversities, start=1)
        ]
        assert found == [[], [], [], [], ["collapse"], []]
        assert health.findings["collapse"].settings["batch_size"] == 16

    @pytest.mark.parametrize(
        ("diversities", "steps", "epoch"),
        [
            ([0.008] * 6, 125, 4),  # After 500 steps,
            ([0.008] * 3, 2000, 3),  # and three scores.
            ([0.009, 0.02, 0.09, 0.3], 235, None),  # As the tutorial begins.
            ([0.003, 0.009, 0.02, 0.03, 0.06, 0.1], 150, None),
            ([0.003, *[0.008] * 9], 150, 7),  # It has risen once: after a thousand steps.
            ([0.06, *[0.008] * 5], 250, None),
        ],
    )
    def test_a_run_that_was_never_diverse(self, diversities, steps, epoch):
        health = Health(TrainConfig(), None)
        found = {}
        for i, diversity in enumerate(diversities, start=1):
            row = {"epoch": i, "step": steps * i, "diversity": diversity, "missing_classes": 9}
            for finding in health.add(self.SCORED | row):
                found[finding.kind] = finding
        assert ((found and found["collapse"].epoch) or None) == epoch
        if epoch:
            assert "alike from the start" in found["collapse"].text
            assert "diversity is 0.8% of the data's, and 9 classes" in found["collapse"].text

    @pytest.mark.parametrize(
        ("distances", "steps", "epoch"),
        [
            ([95] * 6, 250, 5),  # After five scores,
            ([95] * 12, 100, 10),  # and a thousand steps.
            ([95, 89, 95, 95, 95, 95], 250, None),
        ],
    )
    def test_nothing_learned(self, distances, steps, epoch):
        health = Health(TrainConfig(), 100.0)
        for i, distance in enumerate(distances, start=1):
            row = {"epoch": i, "step": steps * i, "frechet_distance": distance, "diversity": 0.2}
            health.add(self.SCORED | row)
        found = health.findings.get("nothing learned")
        assert (found and found.epoch) == epoch

    def test_a_generator_that_has_only_begun_is_not_saturated(self):
        health = Health(TrainConfig(), None)
        row = {"discriminator_loss": 1.2, "frechet_distance": 500.0, "diversity": 0.1}
        for epoch, contrast in enumerate([0.01, 0.04, 0.3, 0.06], start=1):
            assert not health.add(row | {"epoch": epoch, "contrast": contrast})
        (finding,) = health.add(row | {"epoch": 5, "contrast": 0.04})
        assert finding.kind == "saturation"

    @pytest.mark.parametrize(
        ("settings", "lost", "not_yet"),
        [
            ({}, 0.19, 0.21),
            ({"name": "minimax"}, 0.19, 0.21),
            # The entropy of a label of 0.9 is 0.325.
            ({"label_smoothing": 0.1}, 0.52, 0.53),
            ({"name": "least_squares"}, 0.009, 0.011),
            ({"name": "hinge"}, 0.09, 0.11),
            ({"name": "wasserstein_gp"}, None, -1e9),
        ],
    )
    def test_the_discriminator_wins_by_the_scale_of_its_loss(self, settings, lost, not_yet):
        health = Health(TrainConfig(loss=LossConfig(**settings), evaluate_every=0), None)
        assert not health.add({"epoch": 1, "discriminator_loss": not_yet})
        if lost is not None:
            (finding,) = health.add({"epoch": 2, "discriminator_loss": lost})
            assert finding.kind == "discriminator wins"

    def test_a_low_loss_is_no_matter_before_the_first_score(self):
        """A report reads the metrics before `real.json` says what nothing learned scores."""
        health = Health(TrainConfig(evaluate_every=5), None)
        assert not health.add({"epoch": 1, "discriminator_loss": 0.05})

    @pytest.mark.parametrize(
        ("nothing_learned", "epochs"),
        [
            (150, [25, 25, 25]),  # From the third score in a row that is no improvement.
            (1000, []),  # All scores are good.
        ],
    )
    def test_a_low_loss_is_no_matter_while_the_score_is_good_or_improves(
        self, nothing_learned, epochs
    ):
        """Each score is followed by two epochs without one."""
        health = Health(TrainConfig(), nothing_learned)
        row = {"discriminator_loss": 0.05, "diversity": 0.8, "contrast": 1, "step": 1}
        distances = [None, None, 50, 60, 55, 40, 41, 42, 40, 39]
        scored = [distance for score in distances for distance in (score, None, None)]
        told = []
        for epoch, distance in enumerate(scored, start=1):
            score = {} if distance is None else {"frechet_distance": float(distance)}
            health.add(row | score | {"epoch": epoch})
            told += [finding.epoch for finding in health.findings.values()]
        assert told == epochs

    def test_missing_classes_need_two_scores_in_a_row(self):
        base = {
            "discriminator_loss": 1.2,
            "frechet_distance": 50.0,
            "diversity": 0.8,
            "contrast": 1,
        }
        health = Health(TrainConfig(), None)
        said = [
            [finding.kind for finding in health.add(base | {"epoch": i, "missing_classes": count})]
            for i, count in enumerate([0, 4, 0, 3, 3, 3, 0], start=1)
        ]
        assert said == [[], [], [], [], ["missing classes"], [], []]
        assert not health.findings

    def test_an_epoch_without_a_score_is_no_news(self):
        row = {"epoch": 1, "discriminator_loss": 1.2}
        health = Health(TrainConfig(), None)
        scored = row | {"frechet_distance": 50.0, "diversity": 0.8, "contrast": 0.01}
        assert not health.add(scored | {"contrast": 1})
        assert [finding.kind for finding in health.add(scored)] == ["saturation"]
        assert not health.add(row | {"epoch": 2})
        assert set(health.findings) == {"saturation"}
        assert not health.add(scored | {"epoch": 3, "contrast": 1})
        assert not health.findings


def test_what_comes_and_goes_is_told_once():
    """And is held for as long as it lasts."""
    health = Health(TrainConfig(evaluate_every=0), None)
    told, held = [], []
    for epoch, loss in enumerate((0.3, 0.19, 0.21, 0.19, 0.19), 1):
        told.append(len(health.add({"epoch": epoch, "discriminator_loss": loss})))
        held.append([finding.epoch for finding in health.findings.values()])
    assert told == [0, 1, 0, 0, 0]
    assert held == [[], [2], [], [4], [4]]
