"""Odd folder names, no home, no current folder, closed streams, other locales, little memory."""

import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.settings.overrides import override
from tests.conftest import QUICK
from tests.process_server import Ended

ODD_NAMES = [
    "with space",
    "ünï日本",
    "run[12]",
    "*?",
    "-dash",
    "it's,x=y",
    "back\\slash",
    "new\nline",
    "#1 (a) {b}",
    "n" * 200,
]
TRAINED = ("run[12]", "it's,x=y")
"""Where a run is made longer and sampled; in the others it is done already."""
DCGAN = [sys.executable, "-m", "dcgan_cli"]


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_odd_folder_names(dcgan, workplace, finished_run, name):
    """Every command works on such a folder, and a neighbour that its name matches stays whole."""
    shutil.copytree(finished_run, workplace / "run1")
    before = {path: path.stat().st_mtime_ns for path in (workplace / "run1").rglob("*")}
    shutil.copytree(finished_run, workplace / name)
    as_argument = f"./{name}"
    epochs = 4 if name in TRAINED else 3
    more = [f"epochs={epochs}", "checkpoint_every=3"]
    done = dcgan("train", override("resume", as_argument), *more)
    assert done.code == 0, done.err
    assert len(RunFolder(workplace / name).metrics()) == epochs
    commands = [["animate", "--run"], ["inspect"]]
    if name in TRAINED:
        commands.append(["sample", "--run"])
    for words in commands:
        done = dcgan(*words, as_argument)
        assert done.code == 0, done.err
    assert {path: path.stat().st_mtime_ns for path in (workplace / "run1").rglob("*")} == before


def test_an_odd_name_for_a_new_run(dcgan, workplace):
    name = "a[1]* it's -x\\=y"
    done = dcgan("train", *QUICK, "data.limit=64", "epochs=1", override("hydra.run.dir", name))
    assert done.code == 0, done.err
    assert RunFolder(workplace / name).status()["state"] == "finished"


def test_a_name_that_hydra_cannot_take(dcgan, workplace, finished_run):
    """It would see an interpolation in it, wherever the folder is named."""
    shutil.copytree(finished_run, workplace / "a${b}")
    for words in (
        ["train", override("resume", "a${b}")],
        ["train", override("hydra.run.dir", "x${y}")],
    ):
        done = dcgan(*words)
        assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
        assert "has ${ in its full name; rename or choose another folder" in done.err
    assert not (workplace / "x${y}").exists()
    assert dcgan("sample", "--run", "a${b}").code == 0
    done = dcgan("train", "hydra.run.dir=${nothing}")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err


@pytest.mark.parametrize(
    "home", [{}, pytest.param({"HOME": "/nonexistent"}, marks=pytest.mark.slow)], ids=str
)
def test_no_home(workplace, home):
    """Of a user whom the system does not know. Nor does TensorFlow's own log say anything."""
    (workplace / "site").mkdir()
    (workplace / "site" / "sitecustomize.py").write_text(
        "import pwd\ndef unknown(*_): raise KeyError\npwd.getpwuid = unknown\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(workplace / "site")}
    words = ["train", *QUICK, "data.limit=64", "epochs=1", "hydra.run.dir=a"]
    done = subprocess.run([*DCGAN, *words], env=environment | home, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "a\n"), done.stderr
    heads = [line.split()[0] for line in done.stderr.splitlines()]
    assert heads == ["run", "device", "data", "networks", "steps", "epoch"]


def test_current_folder_that_is_deleted(processes, workplace, finished_run):
    def run(*words: str | Path) -> Ended:
        (workplace / "gone").mkdir()
        return processes.run(*words, faults=[("delete_current_folder",)], cwd=workplace / "gone")

    for words in (["train", "epochs=1"], ["sample", "--n", "1"], ["animate"], ["inspect", "x"]):
        done = run(*words)
        assert done.code in (3, 4, 5), done.err
        said = [line for line in done.err.splitlines() if not line.startswith("using ")]
        assert len(said) == 1, done.err
        assert "a bug" not in done.err
    done = run("inspect", finished_run)
    assert done.code == 0, done.err


def shell(line: str, **environment: str) -> subprocess.CompletedProcess:
    command = line.replace("dcgan ", f"{sys.executable} -m dcgan_cli ")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)} | environment,
        capture_output=True,
        text=True,
        errors="replace",
    )


CLOSED = [">&- 2>&- <&-", "2>&-"]


@pytest.mark.parametrize("closed", CLOSED)
def test_closed_streams(workplace, finished_run, closed):
    """The first file that is opened must not take the place of one: it would get all messages."""
    done = shell(f"dcgan inspect {finished_run} {closed}")
    assert done.returncode == 0, done.stderr


def test_training_with_closed_streams(processes, workplace):
    words = [*QUICK, "data.limit=64", "epochs=1", "hydra.run.dir=a"]
    assert processes.run("train", *words, faults=[("close_streams", 0, 1, 2)]).code == 0
    assert RunFolder(workplace / "a").status()["state"] == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("closed", CLOSED)
def test_training_in_a_shell_with_closed_streams(workplace, closed):
    words = " ".join([*QUICK, "data.limit=64", "epochs=1", "hydra.run.dir=a"])
    done = shell(f"dcgan train {words} {closed}")
    assert done.returncode == 0, done.stderr
    assert RunFolder(workplace / "a").status()["state"] == "finished"


def test_nobody_reads(processes, workplace, finished_run):
    done = shell(f"dcgan inspect {finished_run} | head -1")
    assert (done.returncode, done.stderr) == (0, "")
    done = shell(f"dcgan inspect {finished_run} > /dev/full")
    assert (done.returncode, len(done.stderr.splitlines())) == (5, 1), done.stderr
    words = [*QUICK, "data.limit=64", "epochs=1", "hydra.run.dir=a"]
    assert processes.run("train", *words, faults=[("nobody_reads", 1, 2)]).code == 0
    assert RunFolder(workplace / "a").status()["state"] == "finished"


def test_terminal_that_is_closed(processes, workplace):
    """With the hangup ignored, as `nohup` has it, training goes on without its display."""
    ours, theirs = pty.openpty()
    words = ["train", *QUICK, "epochs=2", "hydra.run.dir=a"]
    faults = [("ignore", "SIGHUP"), ("variable", "TERM", "xterm"), ("terminal", os.ttyname(theirs))]
    process = processes.start(*words, faults=faults)
    shown = os.read(ours, 1000)
    os.close(theirs)
    while b"epoch 1" not in shown:
        shown += os.read(ours, 1000)
    os.close(ours)
    assert process.wait().code == 0
    assert RunFolder(workplace / "a").status()["state"] == "finished"


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=str,
)
def test_other_locales(workplace, finished_run, environment):
    shutil.copytree(finished_run, workplace / "é日")
    done = shell("dcgan inspect é日; dcgan animate --run é日", **environment)
    assert done.returncode == 0, done.stderr


def test_bytes_that_are_no_text_in_a_name(workplace, finished_run):
    shutil.copytree(finished_run, os.fsdecode(b"a\xff"))
    done = subprocess.run([*DCGAN, "animate", "--run", b"a\xff"], capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"a\xff/dcgan.gif\n"), done.stderr


def test_clock_that_jumps(dcgan, workplace, finished_run, monkeypatch):
    """Durations and the order of checkpoints do not hang on the time of day."""
    monkeypatch.setattr("time.time", lambda: -1e9)
    monkeypatch.setattr("time.gmtime", lambda *_: (1938, 4, 24, 22, 13, 20, 6, 114, 0))
    shutil.copytree(finished_run, workplace / "run")
    done = dcgan("train", "resume=run", "epochs=4")
    assert done.code == 0, done.err
    assert all(0 < row["seconds"] < 1000 for row in RunFolder(workplace / "run").metrics())


@pytest.mark.slow
def test_a_job_that_is_killed_is_named_and_the_same_sweep_goes_on(dcgan, workplace):
    """Jobs that are done stay as they are."""
    words = ["train", "-m", *QUICK, "epochs=2", "seed=1,2", "hydra.sweep.dir=s"]
    poison = workplace / "poison"
    poison.mkdir()
    (poison / "sitecustomize.py").write_text(
        "import os, sys\nif 'seed=1' in sys.argv: os.kill(os.getpid(), 9)\n"
    )
    os.environ["PYTHONPATH"] = str(poison)
    try:
        done = dcgan(*words)
    finally:
        del os.environ["PYTHONPATH"]
    assert done.code == 1
    assert done.err.splitlines()[-1].endswith(f"seed=1) was killed by signal {signal.SIGKILL:d}")
    assert RunFolder(Path("s/0")).status()["state"] == "failed"
    assert RunFolder(Path("s/1")).status()["state"] == "finished"
    written = {path: path.stat().st_mtime_ns for path in Path("s/1").rglob("*")}

    done = dcgan(*words)
    assert done.code == 0, done.err
    assert "already finished: s/1" in done.err
    assert RunFolder(Path("s/0")).status()["state"] == "finished"
    assert {path: path.stat().st_mtime_ns for path in Path("s/1").rglob("*")} == written

    with pytest.raises(SystemExit) as stopped:  # As tests/hydra_cli/test_sweep.py has it.
        dcgan(*words, "noise_dim=9")
    assert stopped.value.code == 2

    (workplace / "s" / "0" / "run.json").write_text("{")
    (workplace / "s" / "1" / "run.json").write_text("{")
    done = dcgan(*words)
    assert done.code == 1
    assert "2 of 2 jobs failed" in done.err.splitlines()[-1]
