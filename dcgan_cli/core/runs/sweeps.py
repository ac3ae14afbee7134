"""Sweep folders: find the runs in one and read what they reached."""

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.lock import current_status
from dcgan_cli.errors import CheckpointError, PluginError
from dcgan_cli.settings.tree import VIEW_SETTINGS, flatten

SCORE = "frechet_distance"


@dataclass(frozen=True)
class Job:
    """One run of a sweep."""

    run: RunFolder
    settings: dict[str, Any]
    """All settings by name. If the run never started: only those on its command line, as text.
    Empty if it is damaged."""
    state: str
    """As in `status.json`, or "killed", or "damaged" if `run.json` is damaged or the folder has
    links. Nothing else of a damaged run is read."""
    reason: str
    """Why it ended without finishing; "" otherwise."""
    epoch: int
    """Number of finished epochs."""
    score: float | None
    """Best Fréchet distance; None without scores."""
    score_epoch: int | None
    """The epoch of that score."""

    @property
    def has_all_settings(self) -> bool:
        """Whether it has started and is not damaged, so that all its settings are known."""
        return self.state != "damaged" and self.run.exists()


def job_folders(folder: Path) -> list[Path]:
    """Return the run folders one or two levels below a folder, in natural order of their names.

    A job that failed before it started has only a `status.json`.
    """
    found: list[Path] = []
    for path in _folders(folder):
        found += [path] if _is_job(path) else filter(_is_job, _folders(path))
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, without links such as `latest`."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        return [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]
    return []


def is_sweep(folder: Path) -> bool:
    """Return whether a folder contains run folders and is not one itself."""
    with contextlib.suppress(OSError):
        if folder.is_dir() and not RunFolder(folder).has_run_data():
            return bool(job_folders(folder))
    return False


def read_job(folder: Path) -> Job:
    """Return the facts about one job. Damage is a state here, not an error."""
    run = RunFolder(folder)
    try:
        run.check_contents()
        settings = flatten(run.config()) if run.exists() else None
    except PluginError:  # The settings are shown unchecked.
        settings = flatten(run.record()["config"])
    except CheckpointError as error:
        return Job(run, {}, "damaged", str(error), 0, None, None)
    status = current_status(run)
    state = status["state"]
    reason = str(status.get("reason", "")) if state != "finished" else ""
    epoch = status.get("epoch")
    scored = [row for row in run.metrics() if SCORE in row]
    best = min(scored, key=lambda row: row[SCORE], default={})
    return Job(
        run,
        _settings_in(status.get("words")) if settings is None else settings,
        state,
        reason,
        epoch if isinstance(epoch, int) else 0,
        best.get(SCORE),
        int(best["epoch"]) if best else None,
    )


def read_jobs(folders: Iterable[Path]) -> list[Job]:
    """Return the jobs in folders, those with the best scores first."""
    jobs = [read_job(path) for path in folders]
    return sorted(jobs, key=lambda job: (job.score is None, job.score or 0.0))


def differing(jobs: list[Job]) -> list[str]:
    """Return the names of the settings that differ between jobs."""
    first: dict[str, Any] = next((job.settings for job in jobs if job.has_all_settings), {})
    return [
        name
        for name, value in first.items()
        if name not in VIEW_SETTINGS
        and any(str(job.settings.get(name, value)) != str(value) for job in jobs)
    ]


def _settings_in(words: Any) -> dict[str, Any]:
    """Return the settings on a job's command line, as text."""
    pairs = [str(word).partition("=") for word in (words if isinstance(words, list) else [])]
    return {key: value for key, _, value in pairs if not key.startswith(("hydra", "+"))}


def _is_job(path: Path) -> bool:
    return any((path / name).is_file() for name in ("run.json", "status.json"))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key by which "10" comes after "9"."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
