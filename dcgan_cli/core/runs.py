"""Where runs are: new ones, the newest one, and those that a command line names."""

import contextlib
import itertools
import os
from pathlib import Path

from dcgan_cli.core.run_folder import RunFolder, shown_path
from dcgan_cli.core.storage import temporary_beside
from dcgan_cli.errors import CheckpointError

RUNS = Path("runs")
LATEST = RUNS / "latest"


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


def newest_run() -> RunFolder:
    """Return the run that was started last below `runs/` of the current folder.

    Raises:
        CheckpointError: there is none.
    """
    if (LATEST / "run.json").is_file():
        return RunFolder(shown_path(LATEST.resolve()))
    runs = []
    for record in [*RUNS.glob("*/run.json"), *RUNS.glob("*/*/run.json")]:
        run = RunFolder(record.parent)
        with contextlib.suppress(CheckpointError):  # A damaged one hides no other.
            runs.append((str(run.record().get("created")), str(run.path), run))
    if not runs:
        raise CheckpointError("there is no run in ./runs; start one with `dcgan train` or name one")
    return max(runs)[-1]


def open_run(argument: str | None) -> RunFolder:
    """Return the run that a command line names: a folder, "latest", or None for the newest.

    Raises:
        CheckpointError: it is not a run folder, or is not to be used.
    """
    run = newest_run() if argument in (None, "latest") else RunFolder(Path(str(argument)))
    run.config()
    run.check_own()
    return run
