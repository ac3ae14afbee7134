"""A run's state, from its newest whole checkpoint back to memory."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.gan.step import Gan
from dcgan_cli.core.networks.weights import BUILDERS, assign, check_fits, part_names
from dcgan_cli.core.runs.checkpoints import Damaged, newest_whole
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.identity import identity
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.runs.retention import set_aside
from dcgan_cli.errors import CheckpointError, ConfigError
from dcgan_cli.settings.schema import TrainConfig


@dataclass(frozen=True)
class State:
    """The state that a run starts or resumes from."""

    progress: Progress = field(default_factory=Progress)
    parts: dict[str, Arrays] = field(default_factory=dict)
    """Empty for a run that is still where its seed puts it."""
    checkpoint: Path | None = None
    """Where it was read from."""
    damaged: list[Damaged] = field(default_factory=list)
    """Checkpoints that would have been newer."""

    def put_into(self, gan: Gan) -> None:
        """Set the networks and optimisers to this state."""
        if self.parts:
            for part, variables in gan.variables().items():
                assign(variables, self.parts[part], f"{self.checkpoint}: {part}")

    def set_damaged_aside(self) -> list[str]:
        """Quarantine damaged checkpoints, and return a note for each.

        Raises:
            OSError: one cannot be renamed.
        """
        if self.checkpoint is None:
            return ["no checkpoint was committed yet: beginning at the first step"]
        return [
            f"warning: {', '.join(one.reasons)}; set {one.path.name} aside as "
            f"{set_aside(one).name} and went back to {self.checkpoint.name}"
            for one in self.damaged
        ]


def newest_state(run: RunFolder, config: TrainConfig, data_sha256: str) -> State:
    """Read the newest whole checkpoint; nothing is changed.

    Raises:
        CheckpointError: all are damaged, or there is none though there was, or it does not fit.
        ConfigError: it is past the last epoch asked for.
        OSError: one cannot be read for another reason than damage.
    """
    if run.never_saved():
        return State()
    checkpoint, damaged = newest_whole(run.checkpoints)
    if checkpoint is None:
        raise CheckpointError(_no_checkpoint(run, damaged))
    progress = checkpoint.progress
    begun = progress.epoch + (progress.epoch_step > 0)
    if begun > config.epochs:
        where = f"is in epoch {begun}" if progress.epoch_step else f"has finished epoch {begun}"
        raise ConfigError(
            f"{run.path} {where}; epochs={config.epochs} is less: leave it out or give a larger one"
        )
    parts = {part: checkpoint.load(part) for part in part_names(config)}
    for part in filter(BUILDERS.__contains__, parts):
        check_fits(parts[part], part, config, checkpoint.path)
    if checkpoint.run not in ("", identity(config, data_sha256)):
        raise CheckpointError(
            f"{checkpoint.path} was saved under other settings than run.json has now; "
            "put the run.json back that belongs to it"
        )
    return State(dataclasses.replace(progress), parts, checkpoint.path, damaged)


def _no_checkpoint(run: RunFolder, damaged: list[Damaged]) -> str:
    if not damaged:
        return f"{run.checkpoints} has lost its checkpoints; restore one or start a new run"
    reasons = "; ".join(map(str, damaged))
    return f"every checkpoint of {run.path} is damaged ({reasons}); start a new run"
