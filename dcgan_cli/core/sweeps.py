"""Folders of several runs, such as a sweep makes: which runs are in one, and how they compare."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_cli.config_tree import flatten
from dcgan_cli.core.run_folder import RunFolder, shown_path
from dcgan_cli.core.run_lock import status_now
from dcgan_cli.core.storage import entries
from dcgan_cli.errors import CheckpointError

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
    """Its best Frechet distance; None without scores."""
    score_epoch: int | None
    """The epoch of that score."""


def job_folders(folder: Path) -> list[Path]:
    """Return the run folders below a folder, one or two levels down, in natural order of name.

    A job that failed before it began has a `status.json` alone.
    """
    below = [path for path in entries(folder) if path.is_dir() and not path.is_symlink()]
    found = [path for path in below if _is_job(path)]
    for path in below:
        if not _is_job(path):
            found += [inner for inner in entries(path) if _is_job(inner)]
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def is_sweep(folder: Path) -> bool:
    """Whether a folder is none of a run's but holds run folders."""
    with contextlib.suppress(OSError):
        if folder.is_dir() and not RunFolder(folder).looks_like_one():
            return bool(job_folders(folder))
    return False


def read_job(folder: Path) -> Job:
    """Read what is known of one job. A damaged record is a state, not an error."""
    run = RunFolder(folder)
    status = status_now(run)
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


def read_jobs(folder: Path) -> list[Job]:
    """Read every job below a folder: those with a score first, the best at the top."""
    jobs = [read_job(path) for path in job_folders(folder)]
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


def describe_sweep(folder: Path) -> dict[str, Any]:
    """Describe the jobs below a folder, the best first, for `dcgan inspect`."""
    jobs = read_jobs(folder)
    names = differing(jobs)
    return {
        "kind": "sweep",
        "path": str(shown_path(folder)),
        "settings": names,
        "jobs": [
            {
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
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
