"""Choose a checkpoint of a run: the last, the best, or that of an epoch."""

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.checkpoints import Checkpoint, Damaged
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import BEST, LAST
from dcgan_cli.errors import CheckpointError, NoScoreError


def kept_epochs(run: RunFolder) -> list[int]:
    """Return the epochs that have a checkpoint, in ascending order.

    Raises:
        CheckpointError: no epoch has one.
    """
    found = checkpoints.find(run.checkpoints)
    epochs = [c.progress.epoch for c in found if isinstance(c, Checkpoint) and c.ends_epoch]
    if not epochs:
        raise CheckpointError(f"{run.path} has no checkpoint of a finished epoch")
    return sorted(epochs)


def choose_checkpoint(run: RunFolder, epoch: int | str) -> tuple[Checkpoint, list[Damaged]]:
    """Return the checkpoint of `epoch`, and the damaged ones that were skipped for it.

    Args:
        run: the run.
        epoch: an epoch, "last", or "best" for the one with the best score.

    Raises:
        CheckpointError: there is no such checkpoint.
    """
    if epoch == LAST:
        newest, damaged = checkpoints.newest_intact(run.checkpoints)
        if newest is None:
            if damaged:
                reasons = "; ".join(map(str, damaged))
                raise CheckpointError(
                    f"every checkpoint of {run.path} is damaged ({reasons}); use another run"
                )
            raise CheckpointError(f"{run.path} has no checkpoint yet; let it finish an epoch first")
        return newest, damaged
    found = checkpoints.find(run.checkpoints)
    if epoch == BEST:
        best = checkpoints.best(found)
        if best is None:
            raise NoScoreError(
                f"{run.path} has no checkpoint with a score (evaluate_every computes them)"
            )
        return best, checkpoints.damaged_with_better_score(found, best)
    readable = [checkpoint for checkpoint in found if isinstance(checkpoint, Checkpoint)]
    at_ends = {c.progress.epoch: c for c in readable if c.ends_epoch}
    if epoch not in at_ends:
        kept = ", ".join(map(str, sorted(at_ends))) or "none yet"
        damaged_ones = "".join(f"; {one}" for one in found if isinstance(one, Damaged))
        raise CheckpointError(
            f"{run.path} has no checkpoint of epoch {epoch}; it has {kept} "
            f"(checkpoint_every sets which are kept){damaged_ones}"
        )
    return at_ends[epoch], []
