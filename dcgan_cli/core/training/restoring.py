"""Restore the state of a run from its newest intact checkpoint."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.gan.step import Gan
from dcgan_cli.core.networks.weights import BUILDERS, assign, check_fits, part_names
from dcgan_cli.core.runs.checkpoints import Damaged, newest_intact
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.identity import identity
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.runs.retention import quarantine
from dcgan_cli.errors import CheckpointError, ConfigError
from dcgan_cli.settings.schema import TrainConfig


@dataclass(frozen=True)
class State:
    """The state that a run starts or resumes from."""

    progress: Progress = field(default_factory=Progress)
    parts: dict[str, Arrays] = field(default_factory=dict)
    """Arrays by part and name; empty if there is no checkpoint, so that training starts anew."""
    checkpoint: Path | None = None
    """The checkpoint that was read; None if there is none."""
    damaged: list[Damaged] = field(default_factory=list)
    """Newer checkpoints that are damaged."""

    def restore(self, gan: Gan) -> None:
        """Assign this state to the networks and optimizers."""
        if self.parts:
            for part, variables in gan.variables().items():
                assign(variables, self.parts[part], f"{self.checkpoint}: {part}")

    def quarantine_damaged(self) -> list[str]:
        """Quarantine damaged checkpoints, and return a note for each.

        Raises:
            OSError: a checkpoint cannot be renamed.
        """
        if self.checkpoint is None:
            return ["no checkpoint yet; starting at the first step"]
        return [
            f"warning: {', '.join(damaged.reasons)}; quarantined {damaged.path.name} as "
            f"{quarantine(damaged).name} and resumed from {self.checkpoint.name}"
            for damaged in self.damaged
        ]


def newest_state(run: RunFolder, config: TrainConfig, data_sha256: str) -> State:
    """Return the state in the newest intact checkpoint. Changes nothing on disk.

    Raises:
        CheckpointError: every checkpoint is damaged or missing, or it does not match the settings.
        ConfigError: the checkpoint is past the last epoch of `config`.
        OSError: a checkpoint cannot be read, for a reason other than damage.
    """
    if run.never_had_checkpoint():
        return State()
    checkpoint, damaged = newest_intact(run.checkpoints)
    if checkpoint is None:
        raise CheckpointError(_no_checkpoint_message(run, damaged))
    progress = checkpoint.progress
    started = progress.epoch + (progress.epoch_step > 0)
    if started > config.epochs:
        verb = "started" if progress.epoch_step else "finished"
        raise ConfigError(
            f"epochs={config.epochs} is less than the {started} epochs that {run.path} has {verb}; "
            "raise it or leave it out"
        )
    parts = {part: checkpoint.load(part) for part in part_names(config)}
    for part in filter(BUILDERS.__contains__, parts):
        check_fits(parts[part], part, config, checkpoint.path)
    if checkpoint.run not in ("", identity(config, data_sha256)):
        raise CheckpointError(
            f"{checkpoint.path} was saved with other settings than those in run.json; "
            "restore the original run.json"
        )
    return State(dataclasses.replace(progress), parts, checkpoint.path, damaged)


def _no_checkpoint_message(run: RunFolder, damaged: list[Damaged]) -> str:
    if not damaged:
        return f"the checkpoints in {run.checkpoints} are missing; restore one or start a new run"
    reasons = "; ".join(map(str, damaged))
    return f"every checkpoint of {run.path} is damaged ({reasons}); start a new run"
