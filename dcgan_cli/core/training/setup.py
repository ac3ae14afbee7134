"""All that stands between the settings and the first step: networks, precision, run folder."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli import __version__
from dcgan_cli.core.data.batches import steps_per_epoch
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.evaluation.scoring import Scorer
from dcgan_cli.core.gan.step import Gan, TrainStep, build_gan, compile_step
from dcgan_cli.core.gan.updates import Cooldown
from dcgan_cli.core.networks.build import has_batch_norm, layer_table
from dcgan_cli.core.networks.device import (
    build_strategy,
    building,
    describe_devices,
    onednn,
    resolve_convolution,
    resolve_precision,
    thread_counts,
)
from dcgan_cli.core.networks.weights import check_names
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.identity import identity
from dcgan_cli.core.runs.plugins import changed_plugins, plugin_facts
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.storage import now
from dcgan_cli.core.training.restoring import State, newest_state
from dcgan_cli.core.training.saving import Saver
from dcgan_cli.errors import ConfigError, DataError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten, from_dict, without_effect

Facts = dict[str, Any]
ENVIRONMENT = ("device", "threads", "onednn", "tensorflow", "keras", "numpy")
"""What the bits of a result depend on besides settings and data."""


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
    """What whoever watches should know before the first step."""


def set_up(config: TrainConfig, run: RunFolder, data: ImageSet) -> Setup:
    """Build everything a run needs, and begin its folder or note in it that the run goes on.

    Raises:
        CheckpointError, DataError, ConfigError: the run to go on with does not fit.
        StorageError: the disk has no room.
        OSError: the folder cannot be written.
    """
    run.remove_temporaries()
    digest = data.digest(with_labels=config.model.conditional)
    if config.resume:
        _check_images(run, config, data, digest)
        state = newest_state(run, config, digest)
    else:
        state = State()
    if entry("model", config.model.name).origin:
        check_names(config)
    arithmetic = _arithmetic(config, run)
    scorer = Scorer(config, data) if config.evaluate_every else None
    finished = state.progress.epoch >= config.epochs
    scored_by = scorer.scored_by if scorer and not finished else None
    if scorer and not finished and isinstance(data.images, LazyImages):
        scorer.precompute_real_statistics()  # A file that has changed by then would cost an epoch.
    strategy = build_strategy(config.strategy, config.batch_size)
    with building(arithmetic["precision"]), strategy.scope():
        steps = config.epochs * steps_per_epoch(len(data.images), config.batch_size)
        gan = build_gan(config, steps)
    if has_batch_norm(gan.discriminator):
        _check_last_batch(config, strategy, len(data.images))
    state.put_into(gan)
    saved_step = state.progress.step if state.parts else None
    saver = Saver(run, gan, identity(config, digest), config.checkpoint_every, saved_step)
    if not finished:
        saver.check_room(keeps_best=scorer is not None)
    notes = [f"no effect {setting}" for setting in without_effect(config)]
    if config.resume:
        notes += [f"plug-in   {note}" for note in changed_plugins(run.record().get("plugins", []))]
    keeps_scores = True
    if config.resume:
        keeps_scores = scored_by is None or run.record().get("scored_by") in (None, scored_by)
        notes += state.set_damaged_aside()
        notes += _note_resume(run, config, arithmetic, scored_by, state.progress, steps)
        if not keeps_scores:
            notes.append("scores are made differently now: those so far are dropped")
    else:
        _create(run, config, arithmetic, scored_by, gan, data, digest)
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


def _create(
    run: RunFolder,
    config: TrainConfig,
    arithmetic: dict[str, str],
    scored_by: Facts | None,
    gan: Gan,
    data: ImageSet,
    digest: str,
) -> None:
    networks = {model.name: layer_table(model) for model in (gan.generator, gan.discriminator)}
    facts = {
        **arithmetic,
        "plugins": plugin_facts(config),
        "data_sha256": digest,
        "data_images": len(data.images),
        "class_names": list(data.class_names) if config.model.conditional else [],
        "scored_by": scored_by,
        "networks": networks,
        "lineage": [_part(Progress())],
    }
    run.create(dataclasses.asdict(config), facts)


def _note_resume(
    run: RunFolder,
    config: TrainConfig,
    arithmetic: dict[str, str],
    scored_by: Facts | None,
    progress: Progress,
    steps: int,
) -> list[str]:
    """Add a part to the run's lineage, and say what in it differs from the part before."""
    before = run.record()
    own = flatten(run.config())
    settings = flatten(config) | {"resume": None}
    changed = {
        name: [own[name], value]
        for name, value in settings.items()
        if value != own[name] and name != "resume"
    }
    lineage = before.get("lineage", [])
    part = _part(progress)
    last = lineage[-1] if lineage and isinstance(lineage[-1], dict) else {}
    moved = [
        f"{name} is {part[name]} (was {last[name]})"
        for name in ENVIRONMENT
        if name in last and last[name] != part[name]
    ]
    run.update(
        {
            "config": dataclasses.asdict(config) | {"resume": None},
            **arithmetic,
            "scored_by": scored_by or before.get("scored_by"),
            "lineage": [*lineage, part | {"changed": changed}],
        }
    )
    notes = [f"changed   {name} from {old} to {new}" for name, (old, new) in changed.items()]
    optimizer = config.optimizer
    if optimizer.cooldown and "epochs" in changed:
        rate = float(Cooldown(optimizer.learning_rate, optimizer.cooldown, steps)(progress.step))
        notes.append(
            f"rate      {rate:.2g} now, and falls to zero at epoch {config.epochs}, as in a run "
            "of that length"
        )
    if moved:
        notes.append(
            f"{', '.join(moved)}: the run goes on, but not to the same bits as an unbroken one"
        )
    return notes


def _part(progress: Progress) -> Facts:
    """Describe the part of a run that begins now, for the record's lineage."""
    return {
        "started": now(),
        "from_step": progress.step,
        "dcgan": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "device": describe_devices(),
        "threads": thread_counts(),
        "onednn": onednn(),
    }
