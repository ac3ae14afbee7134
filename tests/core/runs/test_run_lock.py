"""One process at a time trains in a run folder; a lock never outlives its holder."""

import errno
import os
import signal
import time
from pathlib import Path

from dcgan_cli.core.runs import lock as run_lock
from dcgan_cli.core.runs.folder import RunFolder
from tests.conftest import QUICK
from tests.same_run import assert_same_run

WORDS = ["train", *QUICK, "epochs=3", "checkpoint_every=1", "hydra.run.dir=run"]


def test_second_training_of_a_folder_ends_at_once_and_harms_nothing(
    processes, dcgan, workplace, finished_run
):
    first = processes.start(*WORDS, faults=[("signal_at_step", 6, "SIGSTOP")])
    first.wait_until_stopped()
    before = {path: path.read_bytes() for path in workplace.rglob("*") if path.is_file()}
    for words in (["train", "resume=run"], ["train", "resume=run", "epochs=7"], WORDS):
        second = dcgan(*words)
        assert (second.code, len(second.err.splitlines())) == (7, 1), second.err
        assert f"is being trained by process {first.pid} on {os.uname().nodename}" in second.err
        assert "wait for it or stop it" in second.err
    assert {path: path.read_bytes() for path in workplace.rglob("*") if path.is_file()} == before
    assert "running, epoch 1 of 3" in dcgan("inspect", "run").out
    first.kill(signal.SIGCONT)
    assert first.wait().code == 0
    assert_same_run(Path("run"), finished_run)


def test_a_disk_that_knows_no_locks(dcgan, workplace, finished_run, monkeypatch):
    """A lock that is a mere file would outlive a kill."""

    def fail(*arguments):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", fail)
    done = dcgan("train", f"resume={finished_run}")
    assert (done.code, len(done.err.splitlines())) == (5, 1), done.err
    assert (
        "run.lock cannot be locked (Function not implemented); change its permissions" in done.err
    )


def test_a_kill_leaves_no_lock_behind(processes, dcgan, workplace, finished_run):
    assert processes.run(*WORDS, faults=[("signal_at_step", 6, "SIGKILL")]).code == -9
    assert run_lock.is_held(RunFolder(Path("run"))) is False
    described = dcgan("inspect", "run").out
    assert "killed, epoch 1 of 3 (its process was killed)" in described
    assert "resume   dcgan train resume=run" in described
    assert dcgan("train", "resume=run").code == 0
    assert_same_run(Path("run"), finished_run)


def test_runs_that_start_in_the_same_instant_get_folders_of_their_own(processes, workplace):
    """A name that is the same for a year stands for one that is the same for an instant."""
    words = ["train", *QUICK, "epochs=1", "hydra.run.dir=runs/${now:%Y}"]
    both = [processes.start(*words) for _ in range(2)]
    folders = {process.wait().out.strip() for process in both}
    year = time.strftime("%Y")
    assert folders == {f"runs/{year}", f"runs/{year}-2"}
    assert all(RunFolder(Path(folder)).status()["state"] == "finished" for folder in folders)


def test_reading_commands_need_no_lock(processes, dcgan, workplace, finished_run):
    with run_lock.hold(RunFolder(finished_run)):
        assert dcgan("sample", "--run", finished_run).code == 0
        assert dcgan("animate", "--run", finished_run, "--out", "a.gif").code == 0
        assert dcgan("inspect", finished_run).code == 0
