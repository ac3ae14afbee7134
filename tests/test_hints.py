"""Commands that the program suggests work as they are."""

import os
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.training.health import GOOD_FOR_PICTURES
from dcgan_cli.hints import new_run_command
from tests.conftest import QUICK


def test_settings_that_help_are_those_of_the_recipe(dcgan):
    done = dcgan("train", "--cfg", "job", "data=image_folder", "data.path=photos")
    composed = OmegaConf.create(done.out)
    found = {name: OmegaConf.select(composed, name) for name in GOOD_FOR_PICTURES}
    assert found == GOOD_FOR_PICTURES


def test_new_run_from_another_folder(dcgan, workplace, monkeypatch):
    """Paths that were relative to the folder where the run began are not any more."""
    data = Path(os.environ["DCGAN_TEST_IMAGES"])
    weights = Path(__file__).parent.parent / "dcgan_cli" / "assets" / "classifiers" / "mnist-1.npz"
    shutil.copy(data, "images.npz")
    shutil.copy(weights, "mine.npz")
    words = ["data.path=images.npz", "evaluation.features=mine.npz", "evaluate_every=1"]
    done = dcgan("train", *QUICK, *words, "epochs=1", "hydra.run.dir=run")
    assert done.code == 0, done.err
    other = workplace / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    again = new_run_command(RunFolder(workplace / "run"), {"seed": 3})
    done = dcgan(*again.split()[1:])
    assert done.code == 0, done.err
    assert RunFolder(other / "runs" / "latest").config().seed == 3


@pytest.mark.parametrize("kind", ["folder", "name"])
def test_no_command_for_configs_of_ones_own(dcgan, workplace, kind):
    """It would need the folder, of which the run knows nothing."""
    own = workplace / "mine"
    if kind == "folder":
        (own / "experiment").mkdir(parents=True)
        (own / "experiment" / "tiny.yaml").write_text("# @package _global_\nepochs: 1\n")
        words = ["experiment=tiny"]
    else:
        own.mkdir()
        (own / "tiny.yaml").write_text("defaults: [train, _self_]\nepochs: 1\n")
        words = ["--config-name", "tiny"]
    done = dcgan("train", "--config-dir", "mine", *words, *QUICK, "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert new_run_command(RunFolder(workplace / "run"), {"seed": 3}) is None
