"""Real signals to a real process: state is saved, and the printed command goes on from it."""

import errno
import os
import shlex
import signal
import subprocess
import sys

import pytest

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.folder import RunFolder
from tests.conftest import BRIEF, QUICK, SMALL_NETWORKS

WORDS = [*BRIEF, *SMALL_NETWORKS, "data.limit=3000", "batch_size=16"]  # 188 steps an epoch


def start(*words: str) -> "subprocess.Popen[str]":
    """Start a training that takes signals as at a terminal."""

    def dispose() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Ignored below nohup.

    command = [sys.executable, "-m", "dcgan_cli", "train", *WORDS, *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=dispose)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        # test_exact_resume.py goes on after it, too.
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_signal_saves_and_says_how_to_go_on(processes, dcgan, workplace, number, code):
    words = [*QUICK, "epochs=2", "hydra.run.dir=stopped"]
    ended = processes.run("train", *words, faults=[("signal_at_step", 2, number.name)])
    assert ended.code == code
    last = ended.err.splitlines()[-1]
    assert last.startswith(f"dcgan: {number.name}: saved at step 3; resume with: ")
    run = RunFolder(workplace / "stopped")
    assert run.status()["state"] == "interrupted"
    assert run.status()["step"] == 3
    assert f"{number.name}: saved at step 3" in (run.path / "train.log").read_text()
    assert checkpoints.find(run.checkpoints)[0].progress.step == 3
    command = shlex.split(last.partition("resume with: ")[2])
    done = dcgan(*command[1:])
    assert done.code == 0, done.err


def test_ctrl_c_before_anything_has_begun(processes, workplace):
    fault = ("signal_before", "open", r"/run\.lock$", "SIGINT", 1)
    ended = processes.run("train", *QUICK, "hydra.run.dir=a", faults=[fault])
    assert ended.code == 130
    assert ended.err == "dcgan: SIGINT: stopped; nothing is left half-written\n"


def test_second_ctrl_c_in_the_first_epoch(processes, dcgan, workplace):
    """Before there is a checkpoint, the command that it prints begins again."""
    faults = [("signal_before", "fsync", r"checkpoints/\.step_\d+4\.", "SIGINT", 2)]
    ended = processes.run("train", *QUICK, "epochs=2", "hydra.run.dir=a", faults=faults)
    last = ended.err.splitlines()[-1]
    assert last == "dcgan: stopped at once; resume from the first step with: dcgan train resume=a"
    assert dcgan("train", "resume=a").code == 0
    assert len(RunFolder(workplace / "a").metrics()) == 2


def test_status_that_cannot_be_written_hides_no_signal(processes, workplace):
    """The state is saved, and that is what counts."""
    fault = ("fail_before", "replace", r"\.status\.", errno.ENOSPC, 2)
    faults = [fault, ("signal_at_step", 2, "SIGTERM")]
    ended = processes.run("train", *QUICK, "epochs=2", "hydra.run.dir=a", faults=faults)
    assert ended.code == 143, ended.err
    assert ended.err.splitlines()[-1].endswith("resume with: dcgan train resume=a")


def test_second_ctrl_c_leaves_at_once(processes, workplace):
    """Without waiting for a checkpoint: the signals come while the first one is being written."""
    faults = [("signal_before", "fsync", r"checkpoints/\.step_\d+8\.", "SIGINT", 2)]
    words = [*QUICK, "epochs=3", "hydra.run.dir=a"]
    ended = processes.run("train", *words, faults=faults)
    assert ended.code == 130
    last = ended.err.splitlines()[-1]
    assert last == "dcgan: stopped at once; resume from step 4 with: dcgan train resume=a"
    run = RunFolder(workplace / "a")
    assert run.status()["state"] == "interrupted"
    assert [c.progress.step for c in checkpoints.find(run.checkpoints)] == [4]
    assert checkpoints.newest_intact(run.checkpoints)[1] == []


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)],
    ids=lambda number: number.name,
)
def test_signal_to_a_sweep_stops_its_job_and_begins_no_other(workplace, number):
    process = start("-m", "epochs=200", "seed=1,2")
    for line in process.stderr:
        if line.startswith("forecast"):
            os.kill(process.pid, number)
    assert process.wait() == 128 + number
    sweep = next((workplace / "runs").glob("sweep_*"))
    assert [path.name for path in sweep.iterdir() if path.is_dir()] == ["0"]
    assert RunFolder(sweep / "0").status()["state"] == "interrupted"


def test_signal_that_is_ignored_stays_ignored(processes, workplace):
    """As nohup has it."""
    faults = [("ignore", "SIGHUP"), ("signal_at_step", 2, "SIGHUP")]
    ended = processes.run("train", *QUICK, "epochs=1", "hydra.run.dir=a", faults=faults)
    assert ended.code == 0
    assert RunFolder(workplace / "a").status()["state"] == "finished"
