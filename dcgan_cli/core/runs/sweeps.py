"""Folders of several runs, such as a sweep makes: which runs are in one, and how they compare."""

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.lock import current_status
from dcgan_cli.errors import CheckpointError
from dcgan_cli.settings.tree import flatten

SCORE = "frechet_distance"


@dataclass(frozen=True)
class Job:
    """One run of a sweep."""

    run: RunFolder
    settings: dict[str, Any]
    """All of its settings by name; those of its command line alone, as text, if it never began;
    empty if its record cannot be read."""
    state: str
    """As in `status.json`; "killed" if its process is gone, "damaged" if its record is."""
    reason: str
    """Why it ended, where that is not by finishing; empty otherwise."""
    epoch: int
    """Epochs that are done."""
    score: float | None
    """Its best Fréchet distance; None without scores."""
    score_epoch: int | None
    """The epoch of that score."""


def job_folders(folder: Path) -> list[Path]:
    """Return the run folders below a folder, one or two levels down, in natural order of name.

    A job that failed before it began has a `status.json` alone.
    """
    found: list[Path] = []
    for path in _folders(folder):
        found += [path] if _is_job(path) else filter(_is_job, _folders(path))
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder; links are left out, `latest` among them."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        return [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]
    return []


def is_sweep(folder: Path) -> bool:
    """Return whether a folder is not a run folder but contains run folders."""
    with contextlib.suppress(OSError):
        if folder.is_dir() and not RunFolder(folder).has_run_data():
            return bool(job_folders(folder))
    return False


def read_job(folder: Path) -> Job:
    """Read what is known of one job. A damaged record is a state, not an error."""
    run = RunFolder(folder)
    status = current_status(run)
    state, settings = status["state"], _settings_in(status.get("words"))
    reason = str(status.get("reason", "")) if state != "finished" else ""
    try:
        if run.exists():
            settings = flatten(run.config())
    except CheckpointError as error:
        state, reason = "damaged", str(error)
    epoch = status.get("epoch")
    scored = [row for row in run.metrics() if SCORE in row]
    best = min(scored, key=lambda row: row[SCORE], default={})
    return Job(
        run,
        settings,
        state,
        reason,
        epoch if isinstance(epoch, int) else 0,
        best.get(SCORE),
        int(best["epoch"]) if best else None,
    )


def read_jobs(folders: Iterable[Path]) -> list[Job]:
    """Read jobs: those with a score first, the best at the top."""
    jobs = [read_job(path) for path in folders]
    return sorted(jobs, key=lambda job: (job.score is None, job.score or 0.0))


def differing(jobs: list[Job]) -> list[str]:
    """Return the names of the settings that are not the same in all jobs."""
    first: dict[str, Any] = next((job.settings for job in jobs if job.run.exists()), {})
    return [
        name
        for name, value in first.items()
        if name != "resume"
        and any(str(job.settings.get(name, value)) != str(value) for job in jobs)
    ]


def _settings_in(words: Any) -> dict[str, Any]:
    """Return the settings that a job's words name, as text."""
    pairs = [str(word).partition("=") for word in (words if isinstance(words, list) else [])]
    return {key: value for key, _, value in pairs if not key.startswith(("hydra", "+"))}


def describe_sweep(folder: Path, jobs: list[Job] | None = None) -> dict[str, Any]:
    """Describe the jobs of a sweep, the best first, for `dcgan inspect`.

    Args:
        folder: the sweep.
        jobs: its jobs; None for all that are below it.
    """
    jobs = read_jobs(job_folders(folder)) if jobs is None else jobs
    names = differing(jobs)
    return {
        "kind": "sweep",
        "path": str(shown_path(folder)),
        "settings": names,
        "jobs": [
            {
                "name": os.path.relpath(job.run.path, folder),
                "path": str(shown_path(job.run.path)),
                "state": job.state,
                "reason": job.reason,
                "epoch": job.epoch,
                "epochs": job.settings.get("epochs"),
                "frechet_distance": job.score,
                "frechet_distance_epoch": job.score_epoch,
                "settings": {name: job.settings[name] for name in names if name in job.settings},
            }
            for job in jobs
        ],
    }


def _is_job(path: Path) -> bool:
    return any((path / name).is_file() for name in ("run.json", "status.json"))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which 10 sorts after 9."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
