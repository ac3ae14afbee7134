"""A process killed while it writes leaves a run that goes on as if nothing had happened."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from dcgan_cli.core.runs.folder import RunFolder
from tests.conftest import QUICK
from tests.same_run import assert_same_run

# Two epochs of four steps are resumed after the first; step 8 ends the second. What is written
# aside is named after what it will be: .step_0000000008.1a2b3c4d.tmp, .epoch_0002.1a2b3c4d.tmp.png.
NEW = r"/checkpoints/\.step_0000000008\.[0-9a-f]{8}\.tmp"
OLD = r"/checkpoints/\.step_0000000004\.[0-9a-f]{8}\.tmp"
FAILPOINTS = {
    "the lock is held, a resume is to be noted": ("replace", r"\.run\.[0-9a-f]{8}\.tmp\.json$", 1),
    "the grid is flushed, not in place": ("replace", r"\.epoch_0002\.[0-9a-f]{8}\.tmp\.png$", 1),
    "the checkpoint is to be begun": ("mkdir", rf"{NEW}$", 1),
    "arrays are written, not flushed": ("fsync", rf"{NEW}/generator\.npz$", 1),
    "the manifest is written, not flushed": ("fsync", rf"{NEW}/manifest\.json$", 1),
    "the manifest is flushed, not its folder": ("fsync", rf"{NEW}$", 1),
    "all is flushed, not in place": ("rename", rf"{NEW}$", 1),
    "it is in place, not flushed": ("fsync", r"/checkpoints$", 1),
    "an old one is to go": ("rename", r"/checkpoints/step_0000000004$", 1),
    "an old one is going": ("unlink", rf"{OLD}/", 2),
    "an old one is gone, but for its folder": ("rmdir", rf"{OLD}$", 1),
    "the status is written, not in place": ("replace", r"\.status\.[0-9a-f]{8}\.tmp\.json$", 2),
    "the animation is flushed, not in place": ("replace", r"\.dcgan\.[0-9a-f]{8}\.tmp\.gif$", 1),
}
OFTEN = (
    "the manifest is written, not flushed",
    "all is flushed, not in place",
    "an old one is going",
)
"""The others are slow tests."""
EPOCHS = 3


@pytest.fixture(scope="module")
def begun(processes, tmp_path_factory) -> Path:
    """A run with its first epoch done."""
    return processes.trained(tmp_path_factory.mktemp("begun"), *QUICK, "epochs=1")


@pytest.fixture(scope="module")
def unbroken(processes, tmp_path_factory) -> Path:
    return processes.trained(tmp_path_factory.mktemp("unbroken"), *QUICK, f"epochs={EPOCHS}")


@pytest.mark.parametrize(
    "point", [pytest.param(p, marks=[pytest.mark.slow] * (p not in OFTEN)) for p in FAILPOINTS]
)
def test_killed_when(processes, begun, unbroken, workplace, point):
    call, where, count = FAILPOINTS[point]
    shutil.copytree(begun, "run", symlinks=True)
    words = ["train", "resume=run", f"epochs={EPOCHS}"]
    killed = processes.run(*words, faults=[("kill_before", call, where, count)])
    assert killed.code == -9, killed.err
    done = processes.run(*words)
    assert done.code == 0, done.err
    assert "warning" not in done.err
    assert_same_run(workplace / "run", unbroken)


@pytest.mark.parametrize(
    "point",
    [pytest.param("the grid is in place", marks=pytest.mark.slow), "the row is in place"],
)
def test_killed_in_the_first_epoch_when(processes, unbroken, workplace, point):
    """There is no checkpoint yet to go on from, but all that there is can be made again."""
    where = {
        "the grid is in place": r"\.metrics\.[0-9a-f]{8}\.tmp\.csv$",
        "the row is in place": r"/checkpoints/\.step_0000000004\.[0-9a-f]{8}\.tmp$",
    }[point]
    call = "replace" if "metrics" in where else "rename"
    words = ["train", *QUICK, f"epochs={EPOCHS}", "hydra.run.dir=run"]
    assert processes.run(*words, faults=[("kill_before", call, where)]).code == -9
    done = processes.run("train", "resume=run")
    assert done.code == 0, done.err
    assert "no checkpoint yet; starting at the first step" in done.err
    assert_same_run(workplace / "run", unbroken)


def test_killed_before_it_has_begun(processes, unbroken, workplace):
    """Until run.json is in place there is no run, and the same command begins one."""
    words = ["train", *QUICK, f"epochs={EPOCHS}", "hydra.run.dir=run"]
    fault = ("kill_before", "replace", r"\.run\.[0-9a-f]{8}\.tmp\.json$")
    assert processes.run(*words, faults=[fault]).code == -9
    refused = processes.run("train", "resume=run")
    assert refused.code == 4
    assert "not a run folder" in refused.err
    done = processes.run(*words)
    assert done.code == 0, done.err
    assert_same_run(workplace / "run", unbroken)


@pytest.mark.parametrize(
    "ending", ["png", pytest.param("json", marks=pytest.mark.slow)], ids=["grid", "figures"]
)
def test_killed_before_the_real_images_are_in_place(processes, workplace, ending):
    """They are made again, whatever was written of them."""
    words = ["train", *QUICK, "evaluate_every=1", "epochs=2", "hydra.run.dir=run"]
    fault = ("kill_before", "replace", rf"/\.real\.[0-9a-f]{{8}}\.tmp\.{ending}$")
    assert processes.run(*words, faults=[fault]).code == -9
    run = RunFolder(workplace / "run")
    assert not (run.real_png if ending == "png" else run.real_json).exists()
    done = processes.run("train", "resume=run")
    assert done.code == 0, done.err
    assert "warning" not in done.err
    with Image.open(run.real_png) as grid:
        grid.load()
    assert run.real_figures()["figures"]["diversity"] > 0
    assert not [path for path in run.path.rglob("*") if ".tmp" in path.name]


def test_killed_before_an_evaluation_is_in_place(processes, begun, workplace):
    """What was measured before stays, and the same command measures the rest."""
    run = RunFolder(Path(shutil.copytree(begun, "run", symlinks=True)))
    assert processes.run("evaluate", "run", "--n", "40").code == 0
    (first,) = run.evaluations()
    fault = ("kill_before", "replace", r"/\.evaluation\.[0-9a-f]{8}\.tmp\.json$")
    words = ["evaluate", "run", "--n", "50"]
    assert processes.run(*words, faults=[fault]).code == -9
    assert run.evaluations() == [first]
    assert processes.run(*words).code == 0
    assert [one["samples"] for one in run.evaluations()] == [40, 50]
    assert processes.run("train", "resume=run", "epochs=2").code == 0
    assert not [path for path in run.path.rglob("*") if ".tmp" in path.name]
