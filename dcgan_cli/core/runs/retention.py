"""Which checkpoints are kept, and what becomes of damaged ones.

One that goes is renamed first, then deleted, so that no half of one is left under its name.
"""

import os
import re
from pathlib import Path

from dcgan_cli.core.runs.checkpoint_cache import CheckpointCache
from dcgan_cli.core.runs.checkpoints import Checkpoint, Damaged, best, with_comparable_score
from dcgan_cli.core.storage import entries, flush_folder, remove, temporary_beside

ASIDE = re.compile(r"step_[0-9]{10,20}\.damaged(-\d+)?")
KEPT_NEWEST = 2
"""Checkpoints kept whatever their epoch, so that there is one to go back to."""


def prune(cache: CheckpointCache, keep_every: int) -> None:
    """Remove what need not be kept.

    The two newest that are whole stay, and so does all that is newer than them; of the others stay
    the one with the best score (of each kind, if there are scores that cannot be compared) and
    those at the end of every `keep_every`-th epoch.
    """
    whole = 0
    there = cache.find()
    scores = [one.score for one in there if isinstance(one, Checkpoint) and one.score]
    kinds = {(score.features, score.samples): score for score in scores}.values()
    kept = [best(with_comparable_score(there, kind), cache.problems) for kind in kinds]
    for found in there:
        if whole < KEPT_NEWEST:
            whole += not cache.problems(found)
        elif found not in kept and not (
            isinstance(found, Checkpoint)
            and found.ends_epoch
            and found.progress.epoch % keep_every == 0
        ):
            doomed = temporary_beside(found.path)
            os.rename(found.path, doomed)
            remove(doomed)


def quarantine(damaged: Damaged) -> Path:
    """Rename a damaged checkpoint, so that it is not used and can be examined.

    Returns:
        Its new path, which ends in `.damaged`.
    """
    path = damaged.path
    aside = path.with_name(f"{path.name}.damaged")
    for number in range(2, 1000):
        if not os.path.lexists(aside):
            break
        aside = path.with_name(f"{path.name}.damaged-{number}")
    os.rename(path, aside)
    flush_folder(path.parent)
    return aside


def quarantined_names(folder: Path) -> list[str]:
    """Return the names of the checkpoints that `quarantine` has renamed."""
    return sorted(path.name for path in entries(folder) if ASIDE.fullmatch(path.name))
