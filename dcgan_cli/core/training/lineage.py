"""What `run.json` says of a run: what it was begun with, and each part of its training."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli import __version__
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.gan.step import Gan
from dcgan_cli.core.gan.updates import Cooldown
from dcgan_cli.core.networks.build import layer_table
from dcgan_cli.core.networks.device import describe_devices, onednn, thread_counts
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.plugins import changed_plugins, plugin_facts
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.storage import now
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten

Facts = dict[str, Any]
ENVIRONMENT = ("device", "threads", "onednn", "tensorflow", "keras", "numpy")
"""What the bits of a result depend on besides settings and data."""


def begin(
    run: RunFolder,
    config: TrainConfig,
    arithmetic: dict[str, str],
    scored_by: Facts | None,
    gan: Gan,
    data: ImageSet,
    digest: str,
) -> None:
    """Begin a run: write its record.

    Raises:
        ConfigError: there is a run here already.
        OSError: it cannot be written.
    """
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


def go_on(
    run: RunFolder,
    config: TrainConfig,
    arithmetic: dict[str, str],
    scored_by: Facts | None,
    progress: Progress,
    steps: int,
) -> list[str]:
    """Add a part to a run's record, and return what differs in it from the part before.

    Args:
        run: the run.
        config: the settings of the part.
        arithmetic: what its settings that may be `auto` stand for.
        scored_by: how its scores are made, if they are.
        progress: where it begins.
        steps: those of the whole run.

    Raises:
        OSError: it cannot be written.
    """
    before = run.record()
    changed = _changed(flatten(run.config()), flatten(config))
    lineage = before.get("lineage", [])
    part = _part(progress)
    run.update(
        {
            "config": dataclasses.asdict(config) | {"resume": None},
            **arithmetic,
            "scored_by": scored_by or before.get("scored_by"),
            "lineage": [*lineage, part | {"changed": changed}],
        }
    )
    notes = [f"changed   {name} from {old} to {new}" for name, (old, new) in changed.items()]
    notes += [f"plug-in   {note}" for note in changed_plugins(before.get("plugins", []))]
    optimizer = config.optimizer
    if optimizer.cooldown and "epochs" in changed:
        rate = float(Cooldown(optimizer.learning_rate, optimizer.cooldown, steps)(progress.step))
        notes.append(
            f"rate      {rate:.2g} now, and falls to zero at epoch {config.epochs}, as in a run "
            "of that length"
        )
    if moved := _moved(lineage, part):
        notes.append(f"{', '.join(moved)}: results will differ from an uninterrupted run")
    return notes


def _changed(own: Facts, asked: Facts) -> dict[str, list[Any]]:
    """Return the old and the new value of each setting that changes."""
    return {
        name: [own[name], value]
        for name, value in asked.items()
        if name != "resume" and value != own[name]
    }


def _moved(lineage: list[Any], part: Facts) -> list[str]:
    """Say what in the surroundings is not what it was in the part before."""
    last = lineage[-1] if lineage and isinstance(lineage[-1], dict) else {}
    return [
        f"{name} is {part[name]} (was {last[name]})"
        for name in ENVIRONMENT
        if name in last and last[name] != part[name]
    ]


def _part(progress: Progress) -> Facts:
    """Describe the part of a run that begins now."""
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
