"""A run's state, from its newest whole checkpoint back to memory."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras

from dcgan_cli.config import TrainConfig
from dcgan_cli.core import checkpoints
from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.checkpoints import Found, Progress
from dcgan_cli.core.networks import build_discriminator, build_generator, variable_shapes
from dcgan_cli.core.run_folder import RunFolder
from dcgan_cli.core.step import Gan, assign, check_shapes
from dcgan_cli.errors import CheckpointError, ConfigError

BUILDERS: dict[str, Callable[[TrainConfig], keras.Model]] = {
    "generator": lambda config: build_generator(config.model, config.noise_dim, config.seed),
    "discriminator": lambda config: build_discriminator(config.model, config.seed),
}
"""How to build the network that is saved under a name."""


@dataclass(frozen=True)
class State:
    """What a run goes on from."""

    progress: Progress = field(default_factory=Progress)
    parts: dict[str, Arrays] = field(default_factory=dict)
    """Empty for a run that is still where its seed puts it."""
    notes: list[str] = field(default_factory=list)
    """What had to be done to get it."""

    def put_into(self, gan: Gan) -> None:
        """Set the networks and optimisers to this state."""
        if self.parts:
            for part, variables in gan.variables().items():
                assign(variables, self.parts[part], part)


def newest_state(run: RunFolder, config: TrainConfig) -> State:
    """Read the newest whole checkpoint. Damaged ones that are newer are set aside.

    Raises:
        CheckpointError: all are damaged, or there is none though there was, or it does not fit.
        ConfigError: it is past the last epoch asked for.
        OSError: a damaged one cannot be renamed.
    """
    if run.holds_nothing():
        return State(notes=["no checkpoint was committed yet: beginning at the first step"])
    checkpoint, damaged = checkpoints.newest_whole(run.checkpoints)
    if checkpoint is None:
        raise CheckpointError(_no_checkpoint(run, damaged))
    progress = checkpoint.progress
    if progress.epoch + (progress.epoch_step > 0) > config.epochs:
        raise ConfigError(
            f"{run.path} has finished epoch {progress.epoch}; epochs={config.epochs} is behind that"
        )
    parts = {part: checkpoint.load(part) for part in Gan.PARTS}
    for part in BUILDERS:
        check_fits(parts[part], part, config, checkpoint.path)
    notes = [
        f"warning: {'; '.join(one.problems())}; set {one.path.name} aside as "
        f"{checkpoints.set_aside(one).name} and went back to {checkpoint.path.name}"
        for one in damaged
    ]
    return State(dataclasses.replace(progress), parts, notes)


def check_fits(arrays: Arrays, part: str, config: TrainConfig, source: Path) -> None:
    """Check that arrays are those of the network `part` as the settings describe it.

    No variable is made: settings that come with a checkpoint may ask for a network of any size, but
    the arrays at hand are no larger than their file.

    Raises:
        CheckpointError: a name or a shape differs.
    """
    shapes = variable_shapes(lambda: BUILDERS[part](config))
    check_shapes(shapes, arrays, f"{source}: {part}")


def _no_checkpoint(run: RunFolder, damaged: list[Found]) -> str:
    if not damaged:
        return f"{run.checkpoints} holds no checkpoint any more; put one back or start a new run"
    return (
        f"every checkpoint of {run.path} is damaged ({checkpoints.reasons(damaged)}); "
        "start a new run"
    )
