"""A real full disk, little memory, and long runs that take no more of either."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.folder import RunFolder
from tests.conftest import QUICK, TINY
from tests.same_run import assert_same_run


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk may be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_full_disk(processes, small_disk, finished_run, injected):
    """It fills up between two epochs; what was saved before can be used, and gone on from."""
    words = ["train", *QUICK, "epochs=3", "checkpoint_every=1", "hydra.run.dir=run"]
    process = processes.start(*words, faults=[("signal_at_step", 6, "SIGSTOP")], cwd=small_disk)
    process.wait_until_stopped()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(1024))
    assert shutil.disk_usage(small_disk).free < 4096
    injected["a full disk"] += 1
    process.kill(18)  # SIGCONT
    ended = process.wait()
    assert ended.code == 5, ended.err
    assert "No space left on device; free space, then resume with: dcgan train resume=" in ended.err
    assert not [path for path in small_disk.rglob("*") if ".tmp" in path.name]
    checkpoint, damaged = checkpoints.newest_intact(small_disk / "run" / "checkpoints")
    assert (checkpoint.progress.step, damaged) == (4, [])
    assert processes.run("sample", "--run", small_disk / "run", "--out", "/dev/null/x").code == 5
    out = small_disk.parent / "grid.png"
    assert processes.run("sample", "--run", small_disk / "run", "--out", out).code == 0
    filler.unlink()
    assert processes.run("train", "resume=run", cwd=small_disk).code == 0
    assert_same_run(small_disk / "run", finished_run)


def test_little_memory(processes, tmp_path, injected):
    words = ["train", *TINY, "batch_size=1000000", "hydra.run.dir=a"]
    ended = processes.run(*words, faults=[("limit_memory", 2_500_000_000)], cwd=tmp_path)
    assert ended.code == 5, ended.err
    last = ended.err.splitlines()[-1]
    assert last == "dcgan: out of memory; try a smaller batch_size than 1000000 in a new run"
    assert RunFolder(tmp_path / "a").status()["state"] == "failed"
    injected["memory that ran out"] += 1


def test_memory_does_not_grow_with_steps(processes, tmp_path):
    """From the 1,000th step to the 6,000th, with grids, rows and checkpoints all the way."""
    words = ["train", *QUICK, "batch_size=8", "epochs=240", "hydra.run.dir=a"]
    log = tmp_path / "memory"
    ended = processes.run(*words, faults=[("log_memory", 500, str(log))], cwd=tmp_path)
    assert ended.code == 0, ended.err
    taken = {int(step): int(size) for step, size in map(str.split, log.read_text().splitlines())}
    assert max(taken) == 6000
    growth = taken[6000] - taken[1000]
    print(f"{taken[1000] / 1e6:.1f} MB after 1,000 steps, {growth / 1e6:+.1f} MB after 5,000 more")
    assert growth < 10e6


def peak_memory(*words: str | Path) -> int:
    """Return the most memory that `dcgan WORDS` takes, in bytes."""
    program = (
        "import sys; from dcgan_cli.cli import run_program as run\n"
        "assert run(sys.argv[1:]) == 0\n"
        "print(*(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))\n"
    )
    command = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1]) * 1024


def test_as_many_open_files_at_the_end_as_at_the_beginning(processes, tmp_path):
    """A run of 100 epochs under a limit of 40 open files."""
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 40
    words = ["train", *QUICK, "epochs=100", "hydra.run.dir=a"]
    ended = processes.run(*words, faults=[("limit_files", 40)], cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert len(os.listdir(tmp_path / "a" / "samples")) == 100
