"""Weights & Biases."""

import os
from pathlib import Path
from typing import Any

from dcgan_cli.core.storage import entries, remove
from dcgan_cli.core.tracking.tracked_run import TrackedRun, scalars
from dcgan_cli.settings.registry import tracker

FOLDER = "wandb"
"""Folder in the run folder with the files of wandb."""
FINISH_SECONDS = 60.0
"""How long the end of a run waits for an upload."""


@tracker("wandb", package="wandb")
class WeightsAndBiases:
    """Weights & Biases: metrics, grids and settings; offline if nobody is logged in.

    wandb's own environment variables apply: WANDB_PROJECT (default dcgan), WANDB_ENTITY,
    WANDB_MODE and the others. A resumed run overwrites its earlier part, which has the same id.
    """

    def __init__(self, run: TrackedRun) -> None:
        import wandb

        for path in entries(run.path):
            if path.name == FOLDER:  # All epochs are logged anew.
                remove(path)
        mode: Any = os.environ.get("WANDB_MODE")
        if not mode and not wandb.login(prompt=False):
            mode = "offline"
        self.image = wandb.Image
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "dcgan",
            id=run.id,
            name=f"{run.sweep}/{run.name}" if run.sweep else run.name,
            group=run.sweep,
            dir=str(run.path),
            config=_nested(run.settings),
            mode=mode,
            reinit="create_new",  # The caller may have a run of wandb's own.
            settings=wandb.Settings(
                console="off",
                silent=True,
                disable_git=True,
                save_code=False,
                finish_timeout=FINISH_SECONDS,
            ),
        )
        offline = self.run.settings._offline
        self.where = f"wandb sync {self.run.settings.sync_dir}" if offline else str(self.run.url)

    def epoch(self, row: dict[str, Any], grid: Path | None) -> None:
        """Log the metrics of an epoch, with its grid."""
        picture = {} if grid is None else {"grid": self.image(str(grid))}
        self.run.log(scalars(row) | picture, step=row["epoch"])

    def close(self, state: str) -> None:
        """Finish wandb's run; one that did not finish counts as failed there."""
        self.run.finish(exit_code=0 if state == "finished" else 1)


def _nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings by dotted name as dictionaries in dictionaries; keys may have no dots."""
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        *groups, key = name.split(".")
        at = nested
        for group in groups:
            at = at.setdefault(group, {})
        at[key] = value
    return nested
