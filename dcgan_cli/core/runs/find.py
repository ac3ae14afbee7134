"""Find runs: a folder for a new one, the newest one, the bundled one, or one by name."""

import contextlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from dcgan_cli.core.assets import ASSETS
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.sweeps import is_sweep, job_folders
from dcgan_cli.core.storage import temporary_beside
from dcgan_cli.errors import CheckpointError, NoRunError, SweepError, UnreadableRunsError

RUNS = Path("runs")
LATEST = RUNS / "latest"
_BUNDLED_RECORD = ASSETS / "generators" / "mnist-1" / "run.json"
# Some installers make each file a link into their cache.
BUNDLED = RunFolder(_BUNDLED_RECORD.resolve().parent)
"""A finished run without a discriminator, to generate images before any training.

`scripts/make_generator.py` creates it.
"""


def new_folder(path: Path) -> Path:
    """Create a new folder and return it: `path` or, if that exists, `path`-2, `path`-3, ...

    Two processes never get the same folder.

    Raises:
        OSError: the folder cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    for candidate in itertools.chain([path], numbered):
        with contextlib.suppress(FileExistsError):
            candidate.mkdir()
            break
    return candidate


def point_latest_to(run: RunFolder) -> None:
    """Make `runs/latest` a link to `run`, if the system supports links."""
    link = temporary_beside(LATEST)
    # Windows requires a privilege for links, and this folder may be read-only. Training goes on
    # without the link: `newest_run` does not need it.
    with contextlib.suppress(OSError):
        RUNS.mkdir(exist_ok=True)
        link.symlink_to(os.path.relpath(run.path.resolve(), RUNS.resolve()))
        os.replace(link, LATEST)
    with contextlib.suppress(OSError):
        link.unlink(missing_ok=True)


def newest_run() -> RunFolder | None:
    """Return the run below `./runs` that was started last; None if no run there is readable."""
    if (LATEST / "run.json").is_file():
        return RunFolder(shown_path(LATEST.resolve()))
    runs = []
    for record in [*RUNS.glob("*/run.json"), *RUNS.glob("*/*/run.json")]:
        run = RunFolder(record.parent)
        with contextlib.suppress(CheckpointError):  # Skip damaged runs.
            created = run.record().get("created")
            runs.append((created if isinstance(created, str) else "", str(run.path), run))
    return max(runs)[-1] if runs else None


def damaged_run() -> RunFolder | None:
    """Return a run below `./runs` even if it is damaged; None if there is none."""
    runs = map(RunFolder, sorted([*RUNS.glob("*"), *RUNS.glob("*/*")]))
    return next((run for run in runs if run.has_run_data()), None)


def open_run(argument: str) -> RunFolder:
    """Return the run in a folder, or the newest run for "latest".

    Raises:
        SweepError: the folder contains several runs.
        CheckpointError: there is no such run, or it is damaged or unsafe to use.
    """
    run: RunFolder | None = RunFolder(Path(os.path.expanduser(argument)))
    if argument == "latest":
        run = newest_run() or damaged_run()  # A damaged run fails below, with its error.
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
    """Return the run whose folder contains `path`; None if there is none."""
    for parent in (*list(path.parents)[:3], *list(Path(os.path.abspath(path)).parents)[:3]):
        if (run := RunFolder(parent)).exists():
            return run
    return None


def _check_not_inside_run(path: Path) -> None:
    """Check that a path is not inside a run folder, such as one of its checkpoints.

    Raises:
        CheckpointError: it is inside one.
    """
    if not path.exists() or (run := enclosing_run(path)) is None:
        return
    what = "a checkpoint" if path.parent.name == "checkpoints" else "a part"
    raise CheckpointError(f"{path} is {what} of the run {run.path}; give the run: {run.path}")


def run_to_read(argument: str | None) -> RunFolder:
    """Return the run for a command that only reads.

    Args:
        argument: a folder, "latest", "bundled", or None for the newest run or, if there is none,
            the bundled one.

    Raises:
        SweepError: the folder contains several runs.
        CheckpointError: there is no such run, or it is damaged or unsafe to use.
    """
    if argument == "bundled":
        if RunFolder(Path(argument)).has_run_data():
            raise CheckpointError(
                "bundled is the generator in the package; give ./bundled for the run in this folder"
            )
        return BUNDLED
    if argument is None and newest_run() is None:
        if damaged := damaged_run():
            raise UnreadableRunsError("no run in ./runs can be read", damaged.path)
        return BUNDLED
    return open_run(argument or "latest")


def run_folders(arguments: Sequence[str]) -> list[Path]:
    """Return the folders of the runs that arguments name, each once.

    Args:
        arguments: run folders, sweep folders (for all of their runs), "latest" or "bundled".

    Raises:
        CheckpointError: an argument is none of these.
    """
    found: list[Path] = []
    for argument in arguments:
        path = Path(os.path.expanduser(argument))
        if argument in ("latest", "bundled"):
            found.append(run_to_read(argument).path)
        elif RunFolder(path).has_run_data():
            found.append(path)
        elif is_sweep(path):
            found += job_folders(path)
        else:
            raise CheckpointError(f"{path} is neither a run nor a sweep")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def title(run: RunFolder) -> str:
    """Return the name of a run for messages."""
    return f"the bundled generator ({run.path.name})" if run == BUNDLED else str(run.path)
