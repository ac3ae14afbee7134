"""A run's state, from memory to a checkpoint."""

import shutil
import time

import numpy as np

from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.gan.step import Gan
from dcgan_cli.core.runs import checkpoints, retention
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import Progress, Score
from dcgan_cli.core.runs.shelf import Shelf
from dcgan_cli.core.storage import entries
from dcgan_cli.errors import NumericalError, StorageError

ROOM = 3
"""How many checkpoints' room there must be at the start: the one before, the newest, the next."""


class Saver:
    """Commits the state of a run and knows how long ago that was.

    Args:
        run: its folder.
        gan: the state.
        identity: what tells the run from others (see `runs/identity.py`).
        keep_every: epochs between checkpoints that are kept.
        saved_step: the step of the newest checkpoint, if there is one.
    """

    def __init__(
        self, run: RunFolder, gan: Gan, identity: str, keep_every: int, saved_step: int | None
    ) -> None:
        self.run = run
        self.gan = gan
        self.identity = identity
        self.keep_every = keep_every
        self.saved_step = saved_step
        self.saved_at = time.monotonic()
        self.shelf = Shelf(run.checkpoints)

    def check_room(self, *, keeps_best: bool) -> None:
        """Check that the disk has room for as many checkpoints as there will be at a time.

        Args:
            keeps_best: whether the best one is kept besides.

        Raises:
            StorageError: it has not.
        """
        wanted = max(ROOM + keeps_best - len(entries(self.run.checkpoints)), 1)
        parts = self.gan.variables().values()
        size = sum(int(np.prod(v.shape)) * 4 for variables in parts for v in variables.values())
        free = shutil.disk_usage(self.run.path).free
        if free < wanted * size:
            raise StorageError(
                f"{self.run.path} is on a disk with {free / 1e6:.1f} MB free, and its checkpoints "
                f"need {wanted * size / 1e6:.1f} MB to begin with; free some or use another disk"
            )

    def seconds_since(self) -> float:
        """Return how long ago the state was last committed, or this run begun."""
        return time.monotonic() - self.saved_at

    def save(self, progress: Progress, score: Score | None = None) -> None:
        """Commit the state, unless that of this step is committed already.

        Args:
            progress: how far the run has come.
            score: that of its generator, at the end of an epoch that is scored.

        Raises:
            NumericalError: a weight is not finite; nothing is committed.
            OSError: the disk is full or may not be written.
        """
        if progress.step != self.saved_step:
            parts = self._arrays(progress.step)
            folder = self.run.checkpoints
            self.shelf.add(checkpoints.save(folder, parts, progress, self.identity, score))
            retention.prune(self.shelf, self.keep_every)
            self.saved_step = progress.step
        self.saved_at = time.monotonic()

    def _arrays(self, step: int) -> dict[str, Arrays]:
        parts = {
            part: {name: variable.numpy() for name, variable in variables.items()}
            for part, variables in self.gan.variables().items()
        }
        for part, arrays in parts.items():
            for name, array in arrays.items():
                # The step's own check is of losses and gradients; the update can overflow too.
                if not np.isfinite(array).all():
                    raise NumericalError(f"step {step}: {part} {name} is not finite")
        return parts
