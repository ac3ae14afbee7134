"""What a tracker is given: the facts about a run, and the names of its metrics."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.settings.tree import VIEW_SETTINGS, flatten

TAGS = {
    "generator_loss": "loss/generator",
    "discriminator_loss": "loss/discriminator",
    "seconds": "time/seconds",
    "images_per_second": "time/images_per_second",
    # First in the alphabet, because TensorBoard's table has room for a few.
    "best_frechet_distance": "best/frechet_distance",
}
"""What trackers call metrics; the others begin with score/."""
SWEEP_RECORD = "multirun.yaml"
"""File that Hydra writes into the folder of a sweep."""


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker sees it."""

    path: Path
    """The run folder."""
    name: str
    """Name of the run folder."""
    id: str
    """The same whenever the run is resumed, different for every run."""
    sweep: str | None
    """Name of the sweep's folder; None for a single run."""
    settings: dict[str, Any]
    """Every setting by its dotted name."""

    @classmethod
    def of(cls, run: RunFolder) -> "TrackedRun":
        """Return the facts about a run whose `run.json` exists.

        Raises:
            CheckpointError: `run.json` cannot be read.
        """
        record, path = run.record(), run.path.absolute()
        identity = f"{path.parent.name}/{path.name} {record.get('created')}"
        settings = flatten(record["config"])
        return cls(
            path=path,
            name=path.name,
            id=hashlib.sha256(identity.encode()).hexdigest()[:16],
            sweep=path.parent.name if (path.parent / SWEEP_RECORD).is_file() else None,
            settings={name: v for name, v in settings.items() if name not in VIEW_SETTINGS},
        )


class Tracker(Protocol):
    """What `dcgan.tracker` registers a function or class to return, given a `TrackedRun`.

    It is made anew when a run is resumed, and is then given every epoch from the first. So it
    replaces what it has stored of an earlier part of the run.
    """

    def epoch(self, row: dict[str, Any], grid: Path | None) -> None:
        """Store an epoch.

        Args:
            row: its row of `metrics.csv`, and `best_frechet_distance`, the lowest so far.
            grid: its grid, a PNG; None if there is none.
        """

    def close(self, state: str) -> None:
        """Write what is left.

        Args:
            state: finished, interrupted or failed.
        """


def scalars(row: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics in a row by the names that trackers show, grouped by what they measure."""
    return {
        TAGS.get(name, f"score/{name}"): value
        for name, value in row.items()
        if name not in ("epoch", "step")
    }
