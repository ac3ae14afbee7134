"""A run that is killed anywhere, and goes on each time, ends as if it had never been killed."""

import random
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from dcgan_cli.core.runs import checkpoints
from tests.conftest import QUICK
from tests.process_server import Ended, ProcessServer
from tests.same_run import assert_same_run

FULL_SIZE = ["train", "epochs=3", "data.limit=2560", "hydra.run.dir=run"]
"""The default networks and batch size, in the default precision."""


def test_twenty_kills_at_random_moments(processes, tmp_path, injected):
    """Half of them with a checkpoint every half second, half with one an epoch."""
    (tmp_path / "unbroken").mkdir()
    assert processes.run(*FULL_SIZE, cwd=tmp_path / "unbroken").code == 0
    moments = random.Random(0)
    kills = runs = 0
    while kills < 20:
        runs += 1
        folder = tmp_path / str(runs)
        folder.mkdir()
        often = runs % 2
        while True:
            begun = (folder / "run" / "run.json").exists()
            words = ["train", "resume=run"] if begun else FULL_SIZE
            if often:
                words = [*words, "checkpoint_seconds=0.5"]
            process = processes.start(*words, cwd=folder)
            timer = threading.Timer(moments.uniform(0, 12 if often else 20), process.kill)
            if kills < 20:
                timer.start()
            ended = process.wait()
            timer.cancel()
            if ended.code == 0:
                break
            assert ended.code == -9, ended.err
            kills += 1
            injected["SIGKILL at a random moment"] += 1
        assert_same_run(folder / "run", tmp_path / "unbroken" / "run")
    print(f"{kills} kills over {runs} runs")


@pytest.fixture(scope="module")
def begun(processes, tmp_path_factory) -> Path:
    return processes.trained(tmp_path_factory.mktemp("begun"), *QUICK, "epochs=2")


@pytest.fixture(scope="module")
def unbroken(processes, tmp_path_factory) -> Path:
    return processes.trained(tmp_path_factory.mktemp("unbroken"), *QUICK, "epochs=3")


WORDS = ["train", "resume=run", "epochs=3"]
CALLS = ("fsync", "rename", "unlink", "unlinkat", "rmdir", "mkdir")


def under_strace(processes: ProcessServer, folder: Path, *options: str) -> Ended:
    """Train the third epoch of the run in a folder, with strace attached from the beginning."""
    process = processes.start(*WORDS, faults=[("stop",)], cwd=folder)
    process.wait_until_stopped()
    command = ["strace", "-f", "-p", str(process.pid), "-o", str(folder / "log"), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        answer = tracer.stderr.readline()
        process.kill(signal.SIGCONT)
        ended = process.wait()
    if "attached" not in answer:
        pytest.skip(f"strace cannot be used here: {answer.strip()}")
    return ended


@pytest.fixture(scope="module")
def calls(processes, begun, tmp_path_factory) -> dict[str, int]:
    """How often each system call that changes what is on the disk is made during the epoch."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    folder = tmp_path_factory.mktemp("counted")
    shutil.copytree(begun, folder / "run")
    assert under_strace(processes, folder, "-e", f"trace={','.join(CALLS)}").code == 0
    lines = (folder / "log").read_text().splitlines()
    counts = {call: sum(f" {call}(" in line for line in lines) for call in CALLS}
    assert counts["fsync"] > 15
    assert counts["rename"] > 5
    return {call: count for call, count in counts.items() if count}


def test_kill_before_every_system_call_that_changes_the_disk(
    processes, calls, begun, unbroken, tmp_path, injected
):
    for call, count in calls.items():
        for number in range(1, count + 1):
            folder = tmp_path / f"{call}_{number}"
            shutil.copytree(begun, folder / "run")
            fault = f"inject={call}:signal=SIGKILL:when={number}"
            ended = under_strace(processes, folder, "-e", f"trace={call}", "-e", fault)
            assert ended.code == -signal.SIGKILL, f"{call} {number}: {ended.err}"
            injected[f"SIGKILL before {call}"] += 1
            done = processes.run(*WORDS, cwd=folder)
            assert done.code == 0, f"{call} {number}: {done.err}"
            assert "warning" not in done.err
            assert_same_run(folder / "run", unbroken)
            shutil.rmtree(folder)


@pytest.mark.parametrize(("call", "error"), [("fsync", "ENOSPC"), ("rename", "EIO")])
def test_error_of_every_call_that_commits(
    processes, calls, begun, unbroken, tmp_path, injected, call, error
):
    """It ends with exit code 5, or with a warning where less than the run's state is at stake."""
    codes = []
    for number in range(1, calls[call] + 1):
        folder = tmp_path / str(number)
        shutil.copytree(begun, folder / "run")
        fault = f"inject={call}:error={error}:when={number}"
        ended = under_strace(processes, folder, "-e", f"trace={call}", "-e", fault)
        assert "(INJECTED)" in (folder / "log").read_text()
        assert ended.code in (0, 5), ended.err
        if ended.code:
            assert ended.err.splitlines()[-1].startswith("dcgan: "), ended.err
        codes.append(ended.code)
        injected[f"{error} from {call}"] += 1
        checkpoint, damaged = checkpoints.newest_intact(folder / "run" / "checkpoints")
        assert checkpoint is not None
        assert not damaged
        done = processes.run(*WORDS, cwd=folder)
        assert done.code == 0, f"{call} {number}: {done.err}"
        assert_same_run(folder / "run", unbroken)
        shutil.rmtree(folder)
    assert codes.count(5) > len(codes) / 2


def test_two_that_go_on_at_once(processes, begun, unbroken, tmp_path, injected):
    """One gets the lock, the other ends with exit code 7, whichever it is."""
    for number in range(10):
        folder = tmp_path / str(number)
        shutil.copytree(begun, folder / "run")
        both = [processes.start("train", "resume=run", "epochs=3", cwd=folder) for _ in range(2)]
        assert sorted(process.wait().code for process in both) == [0, 7]
        injected["second process in a folder"] += 1
        assert_same_run(folder / "run", unbroken)
