"""All that stands between the settings and the first step: networks, precision, run folder."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dcgan_cli.core.data.batches import steps_per_epoch
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.evaluation.scoring import Scorer
from dcgan_cli.core.gan.step import Gan, TrainStep, build_gan, compile_step
from dcgan_cli.core.networks.build import has_batch_norm
from dcgan_cli.core.networks.device import (
    build_strategy,
    building,
    resolve_convolution,
    resolve_precision,
)
from dcgan_cli.core.networks.weights import check_names
from dcgan_cli.core.runs.disk_errors import disk_errors
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.identity import identity
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.training import lineage
from dcgan_cli.core.training.restoring import State, newest_state
from dcgan_cli.core.training.saving import Saver
from dcgan_cli.errors import ConfigError, DataError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import from_dict, without_effect


@dataclass(frozen=True)
class Setup:
    """What the training loop works with."""

    gan: Gan
    step: TrainStep
    distribute: Callable[[tf.data.Dataset], Any]
    """Shares the batches of a data set out between the devices."""
    saver: Saver
    scorer: Scorer | None
    """None for a run without scores."""
    keeps_scores: bool
    """Whether scores from before the run was resumed may be compared with those to come."""
    precision: str
    progress: Progress
    notes: list[str]
    """Notes to show before the first step."""


def set_up(config: TrainConfig, run: RunFolder, data: ImageSet) -> Setup:
    """Build everything a run needs, and create its folder or record the resume in it.

    All checks come first; `run.json` is written last.

    Raises:
        CheckpointError, DataError, ConfigError: the run to resume does not fit.
        StorageError: the disk has no room, cannot be read, or cannot be written.
    """
    with disk_errors(run):
        run.remove_temporaries()
    digest = data.digest(with_labels=config.model.conditional)
    if entry("model", config.model.name).origin:
        check_names(config)
    arithmetic = _arithmetic(config, run)
    with disk_errors(run, "read"):
        state = _state(run, config, data, digest)
        finished = state.progress.epoch >= config.epochs
        scorer = _scorer(config, data, finished=finished)
    strategy = build_strategy(config.strategy, config.batch_size)
    steps = config.epochs * steps_per_epoch(len(data.images), config.batch_size)
    with building(arithmetic["precision"]), strategy.scope():
        gan = build_gan(config, steps)
    if has_batch_norm(gan.discriminator):
        _check_last_batch(config, strategy, len(data.images))
    state.put_into(gan)
    saved_step = state.progress.step if state.parts else None
    saver = Saver(run, gan, identity(config, digest), config.checkpoint_every, saved_step)
    if not finished:
        with disk_errors(run, "read"):
            saver.check_room(keeps_best=scorer is not None)
    scored_by = scorer.scored_by if scorer and not finished else None
    keeps_scores = True
    notes = [f"unused    {setting}" for setting in without_effect(config)]
    with disk_errors(run):
        if config.resume:
            keeps_scores = scored_by is None or run.record().get("scored_by") in (None, scored_by)
            notes += state.set_damaged_aside()
            notes += lineage.go_on(run, config, arithmetic, scored_by, state.progress, steps)
        else:
            lineage.begin(run, config, arithmetic, scored_by, gan, data, digest)
    if not keeps_scores:
        notes.append("scores are made differently now: those so far are dropped")
    return Setup(
        gan,
        compile_step(gan, from_dict(dataclasses.asdict(config) | arithmetic), strategy),
        strategy.experimental_distribute_dataset,
        saver,
        scorer,
        keeps_scores,
        arithmetic["precision"],
        state.progress,
        notes,
    )


def _state(run: RunFolder, config: TrainConfig, data: ImageSet, digest: str) -> State:
    """Return what the run begins from."""
    if not config.resume:
        return State()
    _check_images(run, config, data, digest)
    return newest_state(run, config, digest)


def _scorer(config: TrainConfig, data: ImageSet, *, finished: bool) -> Scorer | None:
    """Return what makes the run's scores, if there are to be any."""
    if not config.evaluate_every:
        return None
    scorer = Scorer(config, data)
    if not finished and isinstance(data.images, LazyImages):
        scorer.precompute_real_statistics()  # A file that has changed by then would cost an epoch.
    return scorer


def _check_images(run: RunFolder, config: TrainConfig, data: ImageSet, digest: str) -> None:
    """Check that the images are those that a run was begun with.

    Raises:
        DataError: they are not.
    """
    record = run.record()
    if digest != record["data_sha256"]:
        labels = " and labels" if config.model.conditional else ""
        now, then = len(data.images), record.get("data_images", len(data.images))
        differs = f"{now:,} now, {then:,} then" if now != then else "sha256 differs"
        raise DataError(
            f"the training images{labels} are not those of {run.path} ({differs}); "
            "put them back, or say with data.path= where they are"
        )


def _check_last_batch(
    config: TrainConfig, strategy: tf.distribute.Strategy, image_count: int
) -> None:
    """Check that every device gets images of the last batch to normalise.

    Raises:
        ConfigError: one gets none of an epoch's last batch.
    """
    devices, batch_size = strategy.num_replicas_in_sync, config.batch_size
    last = image_count % batch_size
    if last and -(-last // devices) * (devices - 1) >= last:
        other = "strategy=default" if config.resume else f"data.limit={image_count - last}"
        raise ConfigError(
            f"an epoch's last batch has {last} images, too few for {devices} devices with "
            f"model={config.model.name}; give {other}"
        )


def _arithmetic(config: TrainConfig, run: RunFolder) -> dict[str, str]:
    """Return what the settings that may be `auto` stand for, here or where the run was begun."""
    resolved = {
        "precision": resolve_precision(config.precision),
        "convolution": resolve_convolution(config),
    }
    if config.resume:
        record, own = run.record(), run.config()
        for name in resolved:
            if name in record and getattr(config, name) == getattr(own, name):
                resolved[name] = str(record[name])
    return resolved
