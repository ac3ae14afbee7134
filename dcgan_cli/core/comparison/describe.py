"""Describe a comparison of runs as plain dictionaries, for the terminal, scripts and pages."""

import csv
import dataclasses
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_cli.core.comparison.effects import effects
from dcgan_cli.core.comparison.groups import SEED, Group, grouped, why_not_comparable
from dcgan_cli.core.comparison.verdict import standing, verdict
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.lock import current_status
from dcgan_cli.core.runs.sweeps import Job, differing, job_folders, read_jobs

Facts = dict[str, Any]
LAST = (
    "generator_loss",
    "discriminator_loss",
    "diversity",
    "precision",
    "recall",
    "missing_classes",
)
"""Columns of the last row of `metrics.csv` that are given for each run."""


def describe_sweep(folder: Path, jobs: list[Job] | None = None) -> Facts:
    """Return facts about the jobs of a sweep, best first, for `dcgan inspect`.

    Args:
        folder: the sweep folder.
        jobs: the jobs; None for all below `folder`.
    """
    jobs = read_jobs(job_folders(folder)) if jobs is None else jobs
    names = [os.path.relpath(job.run.path, folder) for job in jobs]
    path = str(shown_path(folder))
    return {"kind": "sweep", "path": path, **compare(jobs, names)}


def describe_runs(folders: Sequence[Path]) -> Facts:
    """Return facts about several runs, best first, for `dcgan inspect`."""
    jobs = read_jobs(folders)
    names = [str(shown_path(job.run.path)) for job in jobs]
    return {"kind": "runs", "path": " ".join(map(str, folders)), **compare(jobs, names)}


def compare(jobs: list[Job], names: Sequence[str]) -> Facts:
    """Compare runs.

    Args:
        jobs: the runs, those with the best scores first.
        names: what to call them.

    Returns:
        `settings`, the names of the settings that differ; `jobs`, a dictionary for each run;
        `groups`, one for each combination of settings, seeds together, best mean first; `verdict`;
        and `effects`, one for each setting and for the seed. See `Group`, `verdict`, `Effect`.
    """
    settings, groups = differing(jobs), grouped(jobs)
    why_not = why_not_comparable(jobs)
    of_run = dict(zip((job.run.path for job in jobs), names, strict=True))
    return {
        "settings": settings,
        "jobs": [_of_job(job, name, settings) for job, name in zip(jobs, names, strict=True)],
        "groups": [_of_group(group, groups[0], of_run, why_not) for group in groups],
        "verdict": verdict(groups, why_not),
        "effects": [] if why_not else [dataclasses.asdict(effect) for effect in effects(groups)],
    }


def _of_job(job: Job, name: str, settings: list[str]) -> Facts:
    is_whole = job.state != "damaged"
    rows = job.run.metrics() if is_whole else []
    scored = [row for row in rows if "diversity" in row]
    last = (rows[-1] if rows else {}) | (scored[-1] if scored else {})
    return {
        "name": name,
        "path": str(shown_path(job.run.path)),
        "state": job.state,
        "reason": job.reason,
        "epoch": job.epoch,
        "epochs": job.settings.get("epochs"),
        "frechet_distance": job.score,
        "frechet_distance_epoch": job.score_epoch,
        "settings": {name: job.settings[name] for name in settings if name in job.settings},
        "last": {column: last.get(column) for column in LAST},
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "evaluation": _evaluation(job.run) if is_whole else {},
        "health": _health(job.run) if is_whole else [],
    }


def _evaluation(run: RunFolder) -> dict[str, float | None]:
    """Return the figures of a run's newest checkpoint that was evaluated; {} without one.

    Their names say how they were measured, such as "precision (mnist-1, 2000 images)": figures by
    other features, or of another number of images, do not compare.
    """
    found = run.evaluations()
    figures: dict[str, float | None] = {}
    for one in found:
        if one["step"] == found[-1]["step"]:
            how = f"{one['features']}, {one['samples']} images"
            how += f", from seed {one['first_seed']}" if one["first_seed"] else ""
            figures |= {f"{name} ({how})": own["value"] for name, own in one["figures"].items()}
    return figures


def _health(run: RunFolder) -> list[str]:
    """Return the kinds of the health findings of a run."""
    found = current_status(run).get("health")
    return [
        str(one.get("kind"))
        for one in (found if isinstance(found, list) else [])
        if hasattr(one, "get")
    ]


def _of_group(group: Group, first: Group, names: dict[Path, str], why_not: str) -> Facts:
    scored = bool(group.scores)
    return {
        "settings": group.settings,
        "jobs": [names[job.run.path] for job in group.jobs],
        "seeds": [job.settings.get(SEED) for job in group.jobs],
        "scores": group.scores,
        "mean": group.mean if scored else None,
        "best": group.best if scored else None,
        "worst": group.worst if scored else None,
        "standing": "" if why_not else standing(group, first),
    }


def csv_text(facts: Facts) -> str:
    """Return a comparison as CSV: one line per run, best first.

    Args:
        facts: the result of `describe_sweep` or `describe_runs`.
    """
    jobs = facts["jobs"]
    figures = list(dict.fromkeys(name for job in jobs for name in job["evaluation"]))
    plain = ["name", "path", "state", "epoch", "epochs", "frechet_distance"]
    plain += ["frechet_distance_epoch", "seconds"]
    header = [*plain, *facts["settings"], *LAST, *(f"evaluate_{name}" for name in figures)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for job in jobs:
        writer.writerow(
            [
                *(job[name] for name in plain),
                *(job["settings"].get(name) for name in facts["settings"]),
                *(job["last"][name] for name in LAST),
                *(job["evaluation"].get(name) for name in figures),
            ]
        )
    return text.getvalue()
