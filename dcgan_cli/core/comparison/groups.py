"""Group runs by the settings that differ between them; runs that differ by seed are one group."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dcgan_cli.core.runs.sweeps import Job, differing
from dcgan_cli.errors import CheckpointError
from dcgan_cli.text import typed

SEED = "seed"
BOOKKEEPING = {"checkpoint_every", "checkpoint_seconds"}
"""Settings that do not change what is learned, besides those that `differing` leaves out."""


@dataclass(frozen=True)
class Group:
    """Runs with the same settings, but for the seed."""

    settings: dict[str, Any]
    """The settings that differ between groups, by name."""
    jobs: list[Job]
    """The runs, those with the best scores first."""

    @cached_property
    def scores(self) -> list[float]:
        """The best score of each run that has one, lowest first."""
        return sorted(job.score for job in self.jobs if job.score is not None)

    @property
    def mean(self) -> float:
        """Mean of the scores, of which there must be one."""
        return sum(self.scores) / len(self.scores)

    @property
    def best(self) -> float:
        """The lowest score: that of the best seed."""
        return self.scores[0]

    @property
    def worst(self) -> float:
        """The highest score: that of the worst seed."""
        return self.scores[-1]

    @property
    def name(self) -> str:
        """The settings as they are typed, such as "loss.name=hinge batch_size=32"."""
        words = [f"{name}={typed(value)}" for name, value in self.settings.items()]
        return " ".join(words) or "these settings"


def compared_settings(jobs: Sequence[Job]) -> list[str]:
    """Return the names of the settings that differ between runs and matter, without the seed."""
    return [name for name in differing(list(jobs)) if name not in {SEED, *BOOKKEEPING}]


def grouped(jobs: Sequence[Job]) -> list[Group]:
    """Return the groups, those with the best mean score first. Damaged runs are in none.

    Args:
        jobs: runs, those with the best scores first.
    """
    names = compared_settings(jobs)
    found: dict[tuple[str, ...], list[Job]] = {}
    for job in (job for job in jobs if job.state != "damaged"):
        found.setdefault(tuple(str(job.settings.get(name)) for name in names), []).append(job)
    groups = [
        Group({name: own[0].settings.get(name) for name in names}, own) for own in found.values()
    ]
    return sorted(groups, key=lambda group: group.mean if group.scores else float("inf"))


def why_not_comparable(jobs: Sequence[Job]) -> str:
    """Return why the scores of runs must not be compared; "" if they may be."""
    scored = [record for job in jobs if job.score is not None and (record := _record(job))]
    kinds = [kind for record in scored if (kind := record.get("scored_by"))]
    for name, what in (
        ("features", "by other features"),
        ("samples", "on other numbers of images"),
    ):
        if len({kind[name] for kind in kinds}) > 1:
            return f"the runs are scored {what}"
    if len({record["data_sha256"] for record in scored}) > 1:
        return "the runs are trained on different images"
    return ""


def _record(job: Job) -> dict[str, Any]:
    with contextlib.suppress(CheckpointError):
        return job.run.record()
    return {}
