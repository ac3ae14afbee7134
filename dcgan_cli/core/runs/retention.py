"""Delete checkpoints that need not be kept; quarantine damaged ones.

A checkpoint is renamed before it is deleted, so no partly deleted one keeps its name.
"""

import os
import re
from pathlib import Path

from dcgan_cli.core.runs.checkpoint_cache import CheckpointCache
from dcgan_cli.core.runs.checkpoints import Checkpoint, Damaged, best, with_comparable_score
from dcgan_cli.core.storage import entries, flush_folder, remove, temporary_beside

QUARANTINED = re.compile(r"step_[0-9]{10,20}\.damaged(-\d+)?")
KEPT_NEWEST = 2
"""Number of newest intact checkpoints that are always kept, in case one is damaged later."""


def prune(cache: CheckpointCache, keep_every: int) -> None:
    """Delete the checkpoints that need not be kept.

    Keeps the two newest intact checkpoints and everything newer than them. Of the older ones, keeps
    the checkpoint with the best score (one per kind, if scores are not comparable) and those at the
    end of every `keep_every`-th epoch.
    """
    intact = 0
    found = cache.find()
    scores = [one.score for one in found if isinstance(one, Checkpoint) and one.score]
    kinds = {(score.features, score.samples): score for score in scores}.values()
    kept = [best(with_comparable_score(found, kind), cache.problems) for kind in kinds]
    for checkpoint in found:
        if intact < KEPT_NEWEST:
            intact += not cache.problems(checkpoint)
        elif checkpoint not in kept and not (
            isinstance(checkpoint, Checkpoint)
            and checkpoint.ends_epoch
            and checkpoint.progress.epoch % keep_every == 0
        ):
            temporary = temporary_beside(checkpoint.path)
            os.rename(checkpoint.path, temporary)
            remove(temporary)


def quarantine(damaged: Damaged) -> Path:
    """Rename a damaged checkpoint, so that it is not used but can be examined.

    Returns:
        Its new path, which ends in `.damaged`.
    """
    path = damaged.path
    new_path = path.with_name(f"{path.name}.damaged")
    for number in range(2, 1000):
        if not os.path.lexists(new_path):
            break
        new_path = path.with_name(f"{path.name}.damaged-{number}")
    os.rename(path, new_path)
    flush_folder(path.parent)
    return new_path


def quarantined_names(folder: Path) -> list[str]:
    """Return the names of the quarantined checkpoints in a folder, sorted."""
    return sorted(path.name for path in entries(folder) if QUARANTINED.fullmatch(path.name))
