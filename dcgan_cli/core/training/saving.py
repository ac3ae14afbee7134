"""Save the state of a run as a checkpoint."""

import shutil
import time

import numpy as np

from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.gan.step import Gan
from dcgan_cli.core.runs import checkpoints, retention
from dcgan_cli.core.runs.checkpoint_cache import CheckpointCache
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import Progress, Score
from dcgan_cli.core.storage import entries
from dcgan_cli.errors import NumericalError, StorageError

MAX_CHECKPOINTS_AT_ONCE = 3
"""Checkpoints on disk while one is written: the two newest and the new one."""


class Saver:
    """Saves the state of one run.

    Args:
        run: the run folder.
        gan: networks and optimizers.
        identity: the identity of the run (see `runs/identity.py`).
        keep_every: number of epochs from one checkpoint that is kept to the next.
        saved_step: the step of the newest checkpoint; None if there is none.
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
        self.checkpoint_cache = CheckpointCache(run.checkpoints)

    def check_disk_space(self, *, keeps_best: bool) -> None:
        """Check that the disk has room for the checkpoints that exist at the same time.

        Args:
            keeps_best: whether the checkpoint with the best score is kept too.

        Raises:
            StorageError: there is not enough free space.
        """
        needed = max(MAX_CHECKPOINTS_AT_ONCE + keeps_best - len(entries(self.run.checkpoints)), 1)
        parts = self.gan.variables().values()
        size = sum(int(np.prod(v.shape)) * 4 for variables in parts for v in variables.values())
        free = shutil.disk_usage(self.run.path).free
        if free < needed * size:
            raise StorageError(
                f"the disk of {self.run.path} has {free / 1e6:.1f} MB free, and its checkpoints "
                f"need {needed * size / 1e6:.1f} MB; free space or use another disk"
            )

    def seconds_since(self) -> float:
        """Return the seconds since the last save, or since training started."""
        return time.monotonic() - self.saved_at

    def save(self, progress: Progress, score: Score | None = None) -> None:
        """Save a checkpoint, unless one of this step exists already.

        Args:
            progress: the current progress.
            score: the score of the epoch, if it was scored.

        Raises:
            NumericalError: a weight is not finite; nothing is saved.
            OSError: the disk is full or not writable.
        """
        if progress.step != self.saved_step:
            parts = self._arrays(progress.step)
            folder = self.run.checkpoints
            self.checkpoint_cache.add(
                checkpoints.save(folder, parts, progress, self.identity, score)
            )
            retention.prune(self.checkpoint_cache, self.keep_every)
            self.saved_step = progress.step
        self.saved_at = time.monotonic()

    def _arrays(self, step: int) -> dict[str, Arrays]:
        parts = {
            part: {name: variable.numpy() for name, variable in variables.items()}
            for part, variables in self.gan.variables().items()
        }
        for part, arrays in parts.items():
            for name, array in arrays.items():
                # The step checks losses and gradients, but the weight update can overflow too.
                if not np.isfinite(array).all():
                    raise NumericalError(f"step {step}: {part} {name} is not finite")
        return parts
