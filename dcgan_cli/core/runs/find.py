"""Where runs are: new ones, the newest one, the bundled one, and those that words name."""

import contextlib
import itertools
import os
from pathlib import Path

from dcgan_cli.core.assets import ASSETS
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.sweeps import is_sweep, job_folders
from dcgan_cli.core.storage import temporary_beside
from dcgan_cli.errors import CheckpointError, NoRunError, SweepError, UnreadableRunsError

RUNS = Path("runs")
LATEST = RUNS / "latest"
_BUNDLED_RECORD = ASSETS / "generators" / "mnist-1" / "run.json"
# Some installers link each file to where they keep it.
BUNDLED = RunFolder(_BUNDLED_RECORD.resolve().parent)
"""A finished run without a discriminator: a generator to use before any training.

`scripts/make_generator.py` makes it.
"""


def new_folder(path: Path) -> Path:
    """Make a folder that nobody else has just made: `path` or, if that is taken, `path`-2, -3, ...

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    for candidate in itertools.chain([path], numbered):
        with contextlib.suppress(FileExistsError):
            candidate.mkdir()
            break
    return candidate


def point_latest_to(run: RunFolder) -> None:
    """Make `runs/latest` a link to `run`, where the system has links."""
    link = temporary_beside(LATEST)
    # Windows needs a privilege for links, and this folder may be protected. `newest_run` manages
    # without, so that is no reason not to train.
    with contextlib.suppress(OSError):
        RUNS.mkdir(exist_ok=True)
        link.symlink_to(os.path.relpath(run.path.resolve(), RUNS.resolve()))
        os.replace(link, LATEST)
    with contextlib.suppress(OSError):
        link.unlink(missing_ok=True)


def newest_run() -> RunFolder | None:
    """Return the run that was started last below `runs/` of the current folder, if there is one."""
    if (LATEST / "run.json").is_file():
        return RunFolder(shown_path(LATEST.resolve()))
    runs = []
    for record in [*RUNS.glob("*/run.json"), *RUNS.glob("*/*/run.json")]:
        run = RunFolder(record.parent)
        with contextlib.suppress(CheckpointError):  # A damaged one hides no other.
            created = run.record().get("created")
            runs.append((created if isinstance(created, str) else "", str(run.path), run))
    return max(runs)[-1] if runs else None


def damaged_run() -> RunFolder | None:
    """Return a run below `runs/` for when `newest_run` finds none that can be read."""
    runs = map(RunFolder, sorted([*RUNS.glob("*"), *RUNS.glob("*/*")]))
    return next((run for run in runs if run.has_run_data()), None)


def open_run(argument: str) -> RunFolder:
    """Return the run that a word names: a folder, or "latest".

    Raises:
        SweepError: it is a folder of runs.
        CheckpointError: there is no such run, or it is not to be used.
    """
    run: RunFolder | None = RunFolder(Path(os.path.expanduser(argument)))
    if argument == "latest":
        run = newest_run() or damaged_run()  # Which says what is wrong with it.
    if run is None:
        raise NoRunError("there is no run in ./runs")
    if not run.exists():
        _check_not_inside_run(run.path)
        if is_sweep(run.path):
            raise SweepError(run.path, len(job_folders(run.path)))
    run.config()
    run.check_contents()
    return run


def enclosing_run(path: Path) -> RunFolder | None:
    """Return the run that a file or folder inside a run folder belongs to, if there is one."""
    for parent in (*list(path.parents)[:3], *list(Path(os.path.abspath(path)).parents)[:3]):
        if (run := RunFolder(parent)).exists():
            return run
    return None


def _check_not_inside_run(path: Path) -> None:
    """Check that a path is not a part of a run folder, such as one of its checkpoints.

    Raises:
        CheckpointError: it is.
    """
    if not path.exists() or (run := enclosing_run(path)) is None:
        return
    what = "a checkpoint" if path.parent.name == "checkpoints" else "a part"
    raise CheckpointError(f"{path} is {what} of the run {run.path}; name the run: {run.path}")


def run_to_read(argument: str | None) -> RunFolder:
    """Return the run that a reading command is to use.

    Args:
        argument: a folder, "latest", "bundled", or None for the newest run or, if there is none,
            the bundled one.

    Raises:
        SweepError: it is a folder of runs.
        CheckpointError: there is no such run, or it is not to be used.
    """
    if argument == "bundled":
        if RunFolder(Path(argument)).has_run_data():
            raise CheckpointError(
                "bundled is the generator inside the program; write ./bundled for the run here"
            )
        return BUNDLED
    if argument is None and newest_run() is None:
        if damaged := damaged_run():
            raise UnreadableRunsError("no run in ./runs can be read", damaged.path)
        return BUNDLED
    return open_run(argument or "latest")


def title(run: RunFolder) -> str:
    """Return what to call a run in a line of text."""
    return f"the bundled generator ({run.path.name})" if run == BUNDLED else str(run.path)
