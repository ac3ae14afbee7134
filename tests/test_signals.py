"""Real signals to a real process: state is saved, and the printed command goes on from it."""

import os
import shlex
import signal
import subprocess
import sys

import pytest

from dcgan_cli.core import checkpoints
from dcgan_cli.core.run_folder import RunFolder
from tests.conftest import TINY
from tests.test_train import assert_same_run

WORDS = [*TINY, "data.limit=3000", "batch_size=16"]  # 188 steps an epoch


def start(*words: str, ignoring: signal.Signals | None = None) -> "subprocess.Popen[str]":
    """Start a training that takes signals as at a terminal, but for one that is ignored."""

    def dispose() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if ignoring:
            signal.signal(ignoring, signal.SIG_IGN)

    command = [sys.executable, "-m", "dcgan_cli", "train", *WORDS, *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=dispose)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda value: getattr(value, "name", None),
)
def test_signal_saves_and_says_how_to_go_on(dcgan, workplace, number, code):
    process = start("epochs=200", "hydra.run.dir=stopped")
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("forecast"):
            os.kill(process.pid, number)
    assert process.wait() == code
    assert lines[-1].startswith(f"dcgan: {number.name}: saved at step ")
    run = RunFolder(workplace / "stopped")
    assert run.status()["state"] == "interrupted"
    saved = checkpoints.find(run.checkpoints)[0]
    assert 6 <= saved.progress.step == run.status()["step"] < 188

    command = shlex.split(lines[-1].partition("go on with: ")[2])
    epochs = saved.progress.epoch + 1
    done = dcgan(*command[1:], f"epochs={epochs}")
    assert done.code == 0, done.err
    if number == signal.SIGTERM:  # Once is enough: bit for bit what an unbroken run makes.
        assert dcgan("train", *WORDS, f"epochs={epochs}", "hydra.run.dir=unbroken").code == 0
        assert_same_run(workplace / "stopped", workplace / "unbroken")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_to_a_sweep_stops_its_job_and_begins_no_other(workplace, number):
    process = start("-m", "epochs=200", "seed=1,2")
    for line in process.stderr:
        if line.startswith("forecast"):
            os.kill(process.pid, number)
    assert process.wait() == 128 + number
    sweep = next((workplace / "runs").glob("sweep_*"))
    assert [path.name for path in sweep.iterdir() if path.is_dir()] == ["0"]
    assert RunFolder(sweep / "0").status()["state"] == "interrupted"


def test_signal_that_is_ignored_stays_ignored(workplace):
    """As nohup has it."""
    process = start("epochs=2", "hydra.run.dir=a", ignoring=signal.SIGHUP)
    for line in process.stderr:
        if line.startswith("forecast"):
            os.kill(process.pid, signal.SIGHUP)
    assert process.wait() == 0
    assert RunFolder(workplace / "a").status()["state"] == "finished"
