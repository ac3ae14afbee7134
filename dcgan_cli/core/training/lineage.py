"""Write the facts about a run to `run.json` when it starts and each time it is resumed."""

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
from dcgan_cli.core.training.planned_ends import PlannedEnds
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten

Facts = dict[str, Any]
ENVIRONMENT = ("device", "threads", "onednn", "tensorflow", "keras", "numpy")
"""Facts besides settings and data that the bits of a result depend on."""


def start(
    run: RunFolder,
    config: TrainConfig,
    resolved: dict[str, str],
    scored_by: Facts | None,
    gan: Gan,
    data: ImageSet,
    digest: str,
    plan: Facts,
) -> None:
    """Create the run folder and write `run.json`.

    Raises:
        ConfigError: the folder already contains a run.
        OSError: the folder cannot be written.
    """
    networks = {model.name: layer_table(model) for model in (gan.generator, gan.discriminator)}
    facts = {
        **resolved,
        "plugins": plugin_facts(config),
        "data_sha256": digest,
        "data_images": len(data.images),
        "class_names": list(data.class_names) if config.model.conditional else [],
        "scored_by": scored_by,
        "networks": networks,
        "plan": plan,
        "lineage": [_lineage_entry(Progress())],
    }
    run.create(dataclasses.asdict(config), facts)


def resume(
    run: RunFolder,
    config: TrainConfig,
    resolved: dict[str, str],
    scored_by: Facts | None,
    progress: Progress,
    ends: PlannedEnds,
) -> list[str]:
    """Record in `run.json` that a run is resumed, and return notes on what has changed.

    Args:
        run: the run.
        config: the settings from now on.
        resolved: the values of settings that may be `auto`.
        scored_by: how scores are computed; None without scores.
        progress: where training continues.
        ends: where the run is planned to end.

    Raises:
        OSError: the file cannot be written.
    """
    before, own = run.record(), run.config()
    if config.max_time is None:  # This part has no time of its own, and follows the plan.
        config = dataclasses.replace(config, max_time=own.max_time)
    changed = _changed(flatten(own), flatten(config))
    lineage = before.get("lineage", [])
    entry = _lineage_entry(progress)
    run.update(
        {
            "config": dataclasses.asdict(config) | {"resume": None},
            **resolved,
            "scored_by": scored_by or before.get("scored_by"),
            "plan": ends.plan(),
            "lineage": [*lineage, entry | {"changed": changed}],
        }
    )
    notes = [f"changed   {name} from {old} to {new}" for name, (old, new) in changed.items()]
    notes += [f"plug-in   {note}" for note in changed_plugins(before.get("plugins", []))]
    optimizer = config.optimizer
    if optimizer.cooldown and "epochs" in changed:
        steps = ends.at(progress.step)
        rate = float(Cooldown(optimizer.learning_rate, optimizer.cooldown, steps)(progress.step))
        notes.append(
            f"rate      {rate:.2g} now; it decays to zero at epoch {config.epochs}, as in a run of "
            "that length"
        )
    if differences := _changed_environment(lineage, entry):
        notes.append(f"{', '.join(differences)}: results will differ from an uninterrupted run")
    return notes


def _changed(own: Facts, asked: Facts) -> dict[str, list[Any]]:
    """Return the old and the new value of each changed setting."""
    return {
        name: [own[name], value]
        for name, value in asked.items()
        if name != "resume" and value != own[name]
    }


def _changed_environment(lineage: list[Any], entry: Facts) -> list[str]:
    """Return a note for each environment fact that differs from the last lineage entry."""
    last = lineage[-1] if lineage and isinstance(lineage[-1], dict) else {}
    return [
        f"{name} is {entry[name]} (was {last[name]})"
        for name in ENVIRONMENT
        if name in last and last[name] != entry[name]
    ]


def _lineage_entry(progress: Progress) -> Facts:
    """Return the lineage entry of a training process that starts now."""
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
