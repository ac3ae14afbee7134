"""The generator inside the package: good digits before any training."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.core.evaluation.features import feature_extractor
from dcgan_cli.core.runs.find import BUNDLED
from dcgan_cli.core.sampling.sampler import load_generator

CELL = 28


@pytest.fixture
def untouched():
    """Fails a test that leaves something in the package."""

    def listing() -> list[tuple[Path, int]]:
        return [(path, path.stat().st_mtime_ns) for path in sorted(BUNDLED.path.rglob("*"))]

    before = listing()
    yield
    assert listing() == before


def test_sample_without_a_run(dcgan, workplace, untouched):
    done = dcgan("sample", "--n", "64")
    assert done.code == 0, done.err
    assert "using the bundled generator" in done.err
    assert dcgan("sample", "--n", "64", "--run", "bundled", "--out", "same.png").code == 0
    first, same = (Image.open(name) for name in ("grid.png", "same.png"))
    np.testing.assert_array_equal(first, same)
    facts = json.loads(dcgan("inspect", "grid.png", "--json").out)["made_by"]
    assert facts["run"].startswith("the bundled generator")


def test_its_digits_are_those_that_were_asked_for():
    images = load_generator(BUNDLED).sampler.sample(range(64))
    network = feature_extractor("mnist", None, images.shape[1:])
    probabilities = network.extract(images).probabilities
    asked_for = np.arange(64) % 10
    assert (probabilities[np.arange(64), asked_for] > 0.9).sum() >= 62


def test_a_digit_can_be_asked_for(dcgan, workplace):
    done = dcgan("sample", "--class", "7", "--n", "20", "--out", "sevens.npz")
    assert done.code == 0, done.err
    images = np.load("sevens.npz")["images"]
    extracted = feature_extractor("mnist", None, images.shape[1:]).extract(images)
    assert (extracted.probabilities.argmax(axis=1) == 7).sum() >= 19


@pytest.mark.slow
def test_it_scores_as_its_record_says(dcgan, workplace, untouched):
    """With a fifth of the images, by which a distance comes out some 2.5 larger."""
    done = dcgan("evaluate", "--n", "2000", "--json")
    assert done.code == 0, done.err
    assert "using the bundled generator" in done.err
    facts = json.loads(done.out)
    recorded = BUNDLED.record()["bundled"]["score"]
    assert facts["features"] == recorded["features"]
    distance = facts["figures"]["frechet_distance"]
    assert distance["value"] < recorded["frechet_distance"] + 5
    assert distance["floor"] < distance["value"]


@pytest.mark.parametrize(
    ("words", "name"), [([], "dcgan.gif"), (["--walk", "--fps", "1"], "walk.gif")]
)
def test_animate_without_a_run_writes_here(dcgan, workplace, untouched, words, name):
    done = dcgan("animate", *words)
    assert done.code == 0, done.err
    assert done.out.strip() == name
    assert [path.name for path in workplace.iterdir()] == [name]
    assert Image.open(name).n_frames > 2


def test_inspect_tells_of_it(dcgan, workplace):
    assert "dcgan sample --n 16" in dcgan("inspect").out
    done = dcgan("inspect", "bundled", "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert set(facts["bundled"]) == {"command", "commit", "score", "licence"}
    assert [checkpoint["verified"] for checkpoint in facts["checkpoints"]] == [True]
    shown = dcgan("inspect", "bundled").out
    assert facts["bundled"]["commit"] in shown
    assert "dcgan sample --run bundled" in shown


def test_it_cannot_go_on(dcgan, workplace, untouched):
    done = dcgan("train", f"resume={BUNDLED.path}")
    assert done.code == 4
    assert "the bundled generator cannot be resumed" in done.err


def test_it_is_small():
    assert sum(path.stat().st_size for path in BUNDLED.path.rglob("*") if path.is_file()) < 6e6
