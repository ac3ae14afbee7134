"""Prepare training: check everything, build the networks, create or update the run folder."""

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
from dcgan_cli.core.networks.build import couples_images
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
from dcgan_cli.core.runs.record import NO_PLAN
from dcgan_cli.core.training import lineage
from dcgan_cli.core.training.planned_ends import PlannedEnds
from dcgan_cli.core.training.restoring import State, newest_state
from dcgan_cli.core.training.saving import Saver
from dcgan_cli.errors import ConfigError, DataError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import from_dict, without_effect


@dataclass(frozen=True)
class Setup:
    """Everything that the training loop needs."""

    gan: Gan
    step: TrainStep
    distribute: Callable[[tf.data.Dataset], Any]
    """Distributes the batches of a data set to the devices."""
    saver: Saver
    scorer: Scorer | None
    """None for a run without scores."""
    keeps_scores: bool
    """Whether earlier scores of a resumed run are comparable with new ones."""
    precision: str
    progress: Progress
    ends: PlannedEnds
    """Where the run is planned to end."""
    notes: list[str]
    """Notes to show before the first step."""


def set_up(config: TrainConfig, run: RunFolder, data: ImageSet) -> Setup:
    """Build everything that training needs, and create the run folder or record that it is resumed.

    All checks come first; `run.json` is written last.

    Raises:
        CheckpointError, DataError, ConfigError: the run to resume does not match the settings.
        StorageError: the disk is full, not readable or not writable.
    """
    with disk_errors(run):
        run.remove_temporaries()
    digest = data.digest(with_labels=config.model.conditional)
    if entry("model", config.model.name).origin:
        check_names(config)
    resolved = _resolve_auto(config, run)
    with disk_errors(run, "read"):
        state = _state(run, config, data, digest)
        finished = state.progress.epoch >= config.epochs
        scorer = _scorer(config, data, finished=finished)
    strategy = build_strategy(config.strategy, config.batch_size)
    images = len(data.images) * config.passes_per_epoch
    ends = _planned_ends(config, run, state.progress, steps_per_epoch(images, config.batch_size))
    with building(resolved["precision"]), strategy.scope():
        gan = build_gan(config, ends.at(state.progress.step))
    if couples_images(config, gan.discriminator):
        _check_last_batch(config, strategy, images)
    state.restore(gan)
    saved_step = state.progress.step if state.parts else None
    saver = Saver(run, gan, identity(config, digest), config.checkpoint_every, saved_step)
    if not finished:
        with disk_errors(run, "read"):
            saver.check_disk_space(keeps_best=scorer is not None)
    scored_by = scorer.scored_by if scorer and not finished else None
    keeps_scores = True
    notes = [f"unused    {setting}" for setting in without_effect(config)]
    with disk_errors(run):
        if config.resume:
            keeps_scores = scored_by is None or run.record().get("scored_by") in (None, scored_by)
            notes += state.quarantine_damaged()
            notes += lineage.resume(run, config, resolved, scored_by, state.progress, ends)
        else:
            lineage.start(run, config, resolved, scored_by, gan, data, digest, ends.plan())
    if not keeps_scores:
        notes.append("scores are computed differently now; the earlier ones are dropped")
    return Setup(
        gan,
        compile_step(gan, from_dict(dataclasses.asdict(config) | resolved), strategy),
        strategy.experimental_distribute_dataset,
        saver,
        scorer,
        keeps_scores,
        resolved["precision"],
        state.progress,
        ends,
        notes,
    )


def _planned_ends(
    config: TrainConfig, run: RunFolder, progress: Progress, epoch_steps: int
) -> PlannedEnds:
    """Return the planned ends of the run so far.

    A part with a time limit, or with another number of epochs than the run had, begins without a
    plan: it ends after its epochs.
    """
    if not config.resume:
        return PlannedEnds(NO_PLAN, config.epochs * epoch_steps)
    record = run.record()
    ends = PlannedEnds(record.get("plan", NO_PLAN), config.epochs * epoch_steps)
    if config.max_time or config.epochs != record["config"].get("epochs"):
        # An epoch that a plan cut short counts as an epoch, so count from the current one.
        begun = progress.step - progress.epoch_step
        after_all = begun + (config.epochs - progress.epoch) * epoch_steps
        if ends.ends:
            ends.change(progress.step, after_all, settled=not config.max_time, early=False)
    return ends


def _state(run: RunFolder, config: TrainConfig, data: ImageSet, digest: str) -> State:
    """Return the state that training starts from."""
    if not config.resume:
        return State()
    _check_images(run, config, data, digest)
    return newest_state(run, config, digest)


def _scorer(config: TrainConfig, data: ImageSet, *, finished: bool) -> Scorer | None:
    """Return the scorer of the run; None for a run without scores."""
    if not config.evaluate_every:
        return None
    scorer = Scorer(config, data)
    if not finished and isinstance(data.images, LazyImages):
        scorer.precompute_real_statistics()  # An unreadable file is found now, not after an epoch.
    return scorer


def _check_images(run: RunFolder, config: TrainConfig, data: ImageSet, digest: str) -> None:
    """Check that the images are those that the run was started with.

    Raises:
        DataError: they differ.
    """
    record = run.record()
    if digest != record["data_sha256"]:
        labels = " and labels" if config.model.conditional else ""
        now, then = len(data.images), record.get("data_images", len(data.images))
        differs = f"{now:,} now, {then:,} then" if now != then else "sha256 differs"
        raise DataError(
            f"the training images{labels} are not those of {run.path} ({differs}); "
            "restore them, or set data.path= to where they are"
        )


def _check_last_batch(
    config: TrainConfig, strategy: tf.distribute.Strategy, image_count: int
) -> None:
    """Check that every device gets images of the last batch, for logits that depend on all.

    Raises:
        ConfigError: a device gets none.
    """
    devices, batch_size = strategy.num_replicas_in_sync, config.batch_size
    last = image_count % batch_size
    if last and -(-last // devices) * (devices - 1) >= last:
        other = "strategy=default" if config.resume else f"data.limit={image_count - last}"
        raise ConfigError(
            f"the last batch of an epoch has {last} images, too few for {devices} devices with "
            f"model={config.model.name}; give {other}"
        )


def _resolve_auto(config: TrainConfig, run: RunFolder) -> dict[str, str]:
    """Return the values of settings that may be `auto`; a resumed run keeps its own."""
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
