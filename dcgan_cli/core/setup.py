"""All that stands between the settings and the first step: networks, precision, run folder."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli import __version__
from dcgan_cli.config import TrainConfig
from dcgan_cli.core import checkpoints
from dcgan_cli.core.checkpoints import Progress
from dcgan_cli.core.data import ImageSet
from dcgan_cli.core.device import (
    build_strategy,
    describe_devices,
    resolve_precision,
    use_precision,
)
from dcgan_cli.core.networks import layer_table
from dcgan_cli.core.run_folder import RunFolder
from dcgan_cli.core.step import Gan, TrainStep, assign, build_gan, compile_step
from dcgan_cli.core.storage import now
from dcgan_cli.errors import CheckpointError, ConfigError, DataError


@dataclass(frozen=True)
class Setup:
    """What the training loop works with."""

    gan: Gan
    step: TrainStep
    distribute: Callable[[tf.data.Dataset], Any]
    """Shares the batches of a data set out between the devices."""
    precision: str
    progress: Progress


def set_up(config: TrainConfig, run: RunFolder, data: ImageSet) -> Setup:
    """Build everything a run needs, and begin its folder or note in it that the run goes on.

    Raises:
        CheckpointError, DataError, ConfigError: the run to go on with does not fit.
        OSError: the folder cannot be written.
    """
    keras.backend.clear_session()
    digest = data.digest()
    if config.resume:
        precision = _recorded_precision(run, config, digest)
    else:
        precision = resolve_precision(config.precision)
    use_precision(precision)
    strategy = build_strategy(config.strategy, config.batch_size)
    with strategy.scope():
        gan = build_gan(config)
    if config.resume:
        progress = _restore(run, gan, config.epochs)
        _note_resume(run, config, precision, progress)
    else:
        progress = Progress()
        _create(run, config, precision, gan, digest)
    step = compile_step(gan, config, strategy)
    return Setup(gan, step, strategy.experimental_distribute_dataset, precision, progress)


def _recorded_precision(run: RunFolder, config: TrainConfig, digest: str) -> str:
    """Return the precision to go on in, once the data are known to be the run's own.

    Raises:
        DataError: they are not.
    """
    record = run.record()
    if digest != record["data_sha256"]:
        raise DataError(
            f"the training images are not those of {run.path} (sha256 differs); "
            "give it the same data.path and data.limit"
        )
    if config.precision == run.config().precision:
        return str(record["precision"])
    return resolve_precision(config.precision)


def _restore(run: RunFolder, gan: Gan, epochs: int) -> Progress:
    """Set the networks and optimisers to the newest checkpoint.

    Raises:
        CheckpointError: there is none, or it is damaged or does not fit.
        ConfigError: it is past the last epoch asked for.
    """
    found = checkpoints.find(run.checkpoints)
    if not found:
        raise CheckpointError(f"{run.path} holds no checkpoint to go on from; start a new run")
    progress = found[0].progress
    if progress.epoch + (progress.epoch_step > 0) > epochs:
        raise ConfigError(
            f"{run.path} has finished epoch {progress.epoch}; epochs={epochs} is behind that"
        )
    for part, variables in gan.variables().items():
        assign(variables, found[0].load(part), str(found[0].path))
    return dataclasses.replace(progress)


def _create(run: RunFolder, config: TrainConfig, precision: str, gan: Gan, digest: str) -> None:
    networks = {model.name: layer_table(model) for model in (gan.generator, gan.discriminator)}
    facts = {
        "precision": precision,
        "data_sha256": digest,
        "networks": networks,
        "lineage": [_part(Progress())],
    }
    run.create(dataclasses.asdict(config), facts)


def _note_resume(run: RunFolder, config: TrainConfig, precision: str, progress: Progress) -> None:
    settings = dataclasses.asdict(config) | {"resume": None}
    lineage = [*run.record().get("lineage", []), _part(progress)]
    run.update({"config": settings, "precision": precision, "lineage": lineage})


def _part(progress: Progress) -> dict[str, Any]:
    """Describe the part of a run that begins now, for the record's lineage."""
    return {
        "started": now(),
        "from_step": progress.step,
        "dcgan": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "device": describe_devices(),
    }
