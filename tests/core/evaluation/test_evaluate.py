"""`dcgan evaluate` and --epoch best: the figures of a run's checkpoints."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.mnist import BUNDLED_MNIST
from dcgan_cli.core.evaluation import figures as evaluation_module
from dcgan_cli.core.evaluation.features import feature_extractor
from dcgan_cli.core.evaluation.figures import Evaluation
from dcgan_cli.core.evaluation.scoring import SEEDS_FROM
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import Score

FIGURES = {
    "frechet_distance",
    "kernel_distance",
    "precision",
    "recall",
    "density",
    "coverage",
    "class_distance",
    "confidence",
    "nearest_training_image",
}


def test_every_figure_with_its_floor_and_count(dcgan, workplace, scored_run):
    done = dcgan("evaluate", "--run", scored_run, "--features", "mnist", "--json")
    assert done.code == 0, done.err
    assert f"using {scored_run}, epoch 3, step 12" in done.err
    assert "note: comparing 100 images of each kind" in done.err
    facts = json.loads(done.out)
    assert (facts["features"], facts["samples"], facts["epoch"]) == ("mnist-1", 100, 3)
    assert set(facts["figures"]) == FIGURES
    for figure in facts["figures"].values():
        assert set(figure) == {"value", "floor", "samples", "better"}
        assert figure["samples"] == 100
    figures = facts["figures"]
    assert figures["frechet_distance"]["value"] > 5 * figures["frechet_distance"]["floor"]
    assert figures["confidence"]["floor"] > 0.9
    for shares in facts["class_shares"].values():
        assert sum(shares) == pytest.approx(1)


def test_same_seed_same_numbers(dcgan, workplace, scored_run):
    words = ["evaluate", "--run", scored_run, "--n", "50", "--json"]
    one, same, other = (dcgan(*words, "--seed", seed).out for seed in ("5", "5", "6"))
    assert one == same
    assert one != other
    figures = json.loads(one)["figures"]
    assert set(figures) == FIGURES - {"class_distance", "confidence"}  # Untrained: no classes.


def test_a_table_for_people(dcgan, workplace, scored_run):
    done = dcgan("evaluate", "--run", scored_run, "--n", "50", "--features", "mnist")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "features  mnist-1, 50 images of each kind"
    assert any(line.split()[:2] == ["Fréchet", "distance"] for line in lines)
    assert any(line.split()[0] == "generated" for line in lines if line)


def test_all_epochs(dcgan, workplace, scored_run):
    words = ["evaluate", "--run", scored_run, "--epoch", "all", "--n", "50"]
    assert [facts["epoch"] for facts in json.loads(dcgan(*words, "--json").out)] == [1, 2, 3]
    lines = dcgan(*words).out.splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["1", "2", "3", "real"]


def test_best_is_the_checkpoint_with_the_lowest_score(dcgan, workplace, scored_run):
    scores = {
        found.progress.epoch: found.score.frechet_distance
        for found in checkpoints.find(scored_run / "checkpoints")
    }
    rows = {row["epoch"]: row["frechet_distance"] for row in RunFolder(scored_run).metrics()}
    assert scores == rows
    best = min(scores, key=scores.get)
    for words in (["sample", "--n", "1"], ["evaluate", "--n", "20"]):
        done = dcgan(*words, "--run", scored_run, "--epoch", "best")
        assert f"using {scored_run}, epoch {best}," in done.err


def test_what_is_scored_in_training_is_neither_drawn_nor_evaluated(dcgan, workplace, scored_run):
    """Else the best checkpoint would be judged by what it was chosen by."""
    last = RunFolder(scored_run).metrics()[-1]

    def distance(*words) -> float:
        done = dcgan("evaluate", "--run", scored_run, "--n", "100", "--json", *words)
        assert done.code == 0, done.err
        return json.loads(done.out)["figures"]["frechet_distance"]["value"]

    assert distance("--seed", SEEDS_FROM) == pytest.approx(last["frechet_distance"], rel=1e-6)
    assert distance() != pytest.approx(last["frechet_distance"], rel=1e-6)
    assert SEEDS_FROM >= 10_000_000  # The most that `dcgan sample --n` draws.


def test_a_damaged_best_is_said_and_the_next_best_taken(dcgan, workplace, scored_run):
    run = Path(shutil.copytree(scored_run, workplace / "run"))
    found = checkpoints.find(run / "checkpoints")
    best, second = sorted(found, key=lambda one: one.score.frechet_distance)[:2]
    (best.path / "generator.npz").write_bytes(b"spoiled")
    done = dcgan("sample", "--run", "run", "--epoch", "best")
    assert done.code == 0
    said = done.err.splitlines()
    assert said[0].startswith(f"warning: {best.path.name}: generator.npz is damaged")
    assert said[1].startswith(f"using run, epoch {second.progress.epoch},")


def test_without_scores_there_is_no_best(dcgan, workplace, scored_run):
    copy = workplace / "run"
    shutil.copytree(scored_run, copy)
    for found in checkpoints.find(copy / "checkpoints"):
        parts = {name.removesuffix(".npz"): None for name in found.files}
        arrays = {part: found.load(part) for part in parts}
        shutil.rmtree(found.path)
        checkpoints.save(copy / "checkpoints", arrays, found.progress, found.run)
    done = dcgan("sample", "--run", "run", "--epoch", "best")
    assert done.code == 4
    assert "has no checkpoint with a score (evaluate_every computes them)" in done.err


@pytest.mark.parametrize("epoch", ["worst", "0", "-1", "1.5", "²"])
def test_no_epoch(dcgan, workplace, scored_run, epoch):
    done = dcgan("evaluate", "--run", scored_run, f"--epoch={epoch}")
    assert done.code == 2
    assert "--epoch must be an epoch from 1 on, best or last or all" in done.err


def test_other_images_than_the_run_was_trained_on(dcgan, workplace, scored_run):
    copy = RunFolder(workplace / "run")
    shutil.copytree(scored_run, copy.path)
    copy.update({"data_sha256": "0" * 64})
    done = dcgan("evaluate", "--run", "run", "--n", "20")
    assert done.code == 3
    assert "are not those that run was trained on" in done.err


def test_scores_made_differently_are_not_compared():
    assert Score(1, "mnist-1", 2000).comparable(Score(2, "mnist-1", 2000))
    assert not Score(1, "mnist-1", 2000).comparable(Score(1, "mnist-2", 2000))
    assert not Score(1, "mnist-1", 2000).comparable(Score(1, "mnist-1", 1000))


def test_a_damaged_epoch_among_all_is_said_and_left_out(dcgan, workplace, scored_run):
    run = Path(shutil.copytree(scored_run, workplace / "run"))
    words = ["evaluate", "--run", run, "--epoch", "all", "--n", "20"]
    whole = dcgan(*words)
    assert (whole.code, "…" in whole.out) == (0, False)
    epochs = [f["epoch"] for f in json.loads(dcgan(*words, "--json").out)]
    newest, *older = checkpoints.find(run / "checkpoints")
    (newest.path / "generator.npz").write_bytes(b"spoiled")
    done = dcgan(*words, "--json")
    assert done.code == 0, done.err
    assert "warning: " in done.err
    assert "generator.npz is damaged" in done.err
    assert [f["epoch"] for f in json.loads(done.out)] == epochs[:-1]
    for one in older:
        (one.path / "generator.npz").unlink()
    done = dcgan(*words)
    assert (done.code, done.err.splitlines()[-1]) == (
        4,
        f"dcgan: no checkpoint of {run} is whole; use another run",
    )


def test_copies_are_found_where_there_is_no_test_split():
    images = read_images(BUNDLED_MNIST).images[:200]
    evaluation = Evaluation(feature_extractor("untrained", None, (28, 28, 1)), images, None, 100)
    copies = images[-100:]
    figure = evaluation.figures(copies, evaluation.network.extract(copies))[
        "nearest_training_image"
    ]
    assert figure.value < 1e-3
    assert figure.baseline > 3


@pytest.mark.parametrize("with_test_split", [True, False])
def test_images_in_order_of_their_classes_are_mixed(with_test_split):
    data = read_images(BUNDLED_MNIST)
    order = np.argsort(data.labels[:600], kind="stable")
    images, labels = data.images[order], data.labels[order]
    network = feature_extractor("untrained", None, (28, 28, 1))
    held_out = (images[1::2], labels[1::2]) if with_test_split else (None, None)
    train, train_labels = (x[::2] if with_test_split else x for x in (images, labels))
    found = Evaluation(network, train, held_out[0], 150, train_labels, held_out[1])
    assert set(found.labels) == set(found.held_out_labels) == set(range(10))
    both = np.stack([*found.reference, *found.held_out]).reshape(300, -1)
    assert len(np.unique(both, axis=0)) == 300


@pytest.mark.parametrize("with_test_split", [True, False])
def test_a_memory_map_gets_the_same_figures_a_part_at_a_time(
    tmp_path, monkeypatch, with_test_split
):
    images = read_images(BUNDLED_MNIST).images[:300]
    held_out = images[200:] if with_test_split else None
    np.save(tmp_path / "x.npy", images[:200])
    network = feature_extractor("untrained", None, (28, 28, 1))
    whole = Evaluation(network, images[:200], held_out, 50)
    expected = whole.figures(images[250:], network.extract(images[250:]))
    monkeypatch.setattr(evaluation_module, "PART_VALUES", 28 * 28 * 30)
    mapped = Evaluation(network, np.load(tmp_path / "x.npy", mmap_mode="r"), held_out, 50)
    found = mapped.figures(images[250:], network.extract(images[250:]))
    for name, figure in expected.items():
        assert found[name].value == pytest.approx(figure.value, rel=1e-5), name
        assert found[name].baseline == pytest.approx(figure.baseline, rel=1e-5), name
    compared = images[:200][whole.compared]
    assert (mapped.mean == np.rint(compared.mean(axis=0)).astype(np.uint8)).all()
