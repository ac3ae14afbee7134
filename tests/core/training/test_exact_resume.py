"""A run that was stopped and went on is, bit for bit, the run that was never stopped."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from dcgan_cli.core.runs import checkpoints
from tests.conftest import CONVOLUTIONAL
from tests.process_server import Ended, ProcessServer
from tests.same_run import assert_same_run

EPOCHS = 3  # of 4 steps
EVERY_STEP = "checkpoint_seconds=1e-9"


def stop_at(step: int, name: str = "SIGTERM") -> tuple:
    return ("signal_at_step", step, name)


# The other tests that compare runs do so in float32.
@pytest.fixture(
    scope="session", params=[pytest.param("float32", marks=pytest.mark.slow), "bfloat16"]
)
def precision(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def unbroken(processes, tmp_path_factory, precision) -> Path:
    folder = tmp_path_factory.mktemp(f"unbroken_{precision}")
    assert begin(processes, folder, precision).code == 0
    return folder / "run"


def begin(processes: ProcessServer, folder: Path, precision: str, *words, faults=()) -> Ended:
    words = [
        *CONVOLUTIONAL,
        f"precision={precision}",
        f"epochs={EPOCHS}",
        "hydra.run.dir=run",
        *words,
    ]
    return processes.run("train", *words, faults=faults, cwd=folder)


def resume(processes: ProcessServer, folder: Path, *words, faults=()) -> Ended:
    return processes.run("train", "resume=run", *words, faults=faults, cwd=folder)


def saved_steps(folder: Path) -> list[int]:
    return [c.progress.step for c in checkpoints.find(folder / "run" / "checkpoints")]


# The loop reads a step's result while the next one runs, so a signal at a step that is not the last
# of its epoch is heard one step later; with a checkpoint after every step, at once.
CUTS = {
    "first step": ([EVERY_STEP], 1, 1),
    "mid-epoch": ([], 5, 6),
    "before the last batch": ([EVERY_STEP], 7, 7),
    "epoch boundary": ([], 8, 8),
}


@pytest.mark.parametrize(
    "cut", [pytest.param(cut, marks=[pytest.mark.slow] * (cut != "mid-epoch")) for cut in CUTS]
)
def test_stopped_by_sigterm(processes, unbroken, workplace, precision, cut):
    words, heard, saved = CUTS[cut]
    stopped = begin(processes, workplace, precision, *words, faults=[stop_at(heard)])
    assert stopped.code == 128 + signal.SIGTERM, stopped.err
    assert saved_steps(workplace)[0] == saved
    assert f"saved at step {saved}; resume with: dcgan train resume=run" in stopped.err
    done = resume(processes, workplace)
    assert done.code == 0, done.err
    assert_same_run(workplace / "run", unbroken)


def test_stopped_with_an_average_and_in_the_cooldown(processes, workplace):
    words = ["ema=0.9", "optimizer.cooldown=1"]
    folders = [workplace / name for name in ("unbroken", "stopped")]
    for folder in folders:
        folder.mkdir()
    assert begin(processes, folders[0], "float32", *words).code == 0
    assert begin(processes, folders[1], "float32", *words, faults=[stop_at(5)]).code == 143
    assert resume(processes, folders[1]).code == 0
    assert_same_run(*(folder / "run" for folder in folders))


@pytest.mark.slow
def test_stopped_again_straight_after(processes, unbroken, workplace, precision):
    for step in (2, 3, 9):
        start = begin if step == 2 else resume
        words = [precision] if step == 2 else []
        ended = start(processes, workplace, *words, EVERY_STEP, faults=[stop_at(step)])
        assert ended.code == 143, ended.err
        assert saved_steps(workplace)[0] == step
    assert resume(processes, workplace).code == 0
    assert_same_run(workplace / "run", unbroken)


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 6])
def test_killed(processes, unbroken, workplace, precision, step):
    """The step that was read last is not committed yet, the one before it is."""
    faults = [stop_at(step, "SIGKILL")]
    killed = begin(processes, workplace, precision, EVERY_STEP, faults=faults)
    assert killed.code == -signal.SIGKILL
    done = resume(processes, workplace)
    assert done.code == 0, done.err
    assert ("starting at the first step" in done.err) == (step == 1)
    assert_same_run(workplace / "run", unbroken)


def test_fallen_back_to_the_checkpoint_before(processes, unbroken, workplace, precision):
    words = [EVERY_STEP] if precision == "bfloat16" else []
    stopped = begin(processes, workplace, precision, *words, faults=[stop_at(9)])
    assert stopped.code == 143
    newest, before = saved_steps(workplace)[:2]
    path = workplace / "run" / "checkpoints" / f"step_{newest:010d}"
    os.truncate(path / "discriminator_optimizer.npz", 100)
    done = resume(processes, workplace)
    assert done.code == 0, done.err
    assert f"resumed from step_{before:010d}" in done.err
    assert path.with_name(f"{path.name}.damaged").is_dir()
    shutil.rmtree(path.with_name(f"{path.name}.damaged"))
    assert_same_run(workplace / "run", unbroken)


@pytest.mark.slow  # Others go on after an epoch with more of them: test_commit.py.
def test_extended(processes, unbroken, workplace, precision):
    assert begin(processes, workplace, precision, "epochs=1").code == 0
    done = resume(processes, workplace, f"epochs={EPOCHS}")
    assert done.code == 0, done.err
    assert "4 of them done" in done.err
    assert_same_run(workplace / "run", unbroken)
