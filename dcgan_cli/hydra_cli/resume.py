"""Settings of a resumed run: its own, with changes from the command line."""

from typing import Any

from dcgan_cli.core.runs.find import open_run
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.record import NO_PLAN
from dcgan_cli.errors import CheckpointError, ConfigError, PluginError
from dcgan_cli.hydra_cli.compose import absolute
from dcgan_cli.hydra_cli.mistakes import parse
from dcgan_cli.settings.overrides import override, shell_word
from dcgan_cli.settings.registry import foreign_entries
from dcgan_cli.settings.schema import TrainConfig, is_hdf5
from dcgan_cli.settings.tree import flatten, from_dict, group_names, keys, may_change


def own_choices(words: list[str]) -> list[str]:
    """Return the words that choose what the run to resume chose, where that has its own options.

    They go in front of `words`: `KIND.options.NAME` exists only together with its choice.

    Raises:
        PluginError: a plug-in that the run needs is not loaded.
    """
    overrides = map(parse, words)
    named = [str(one.value()) for one in overrides if one.key_or_group == "resume" and one.value()]
    if not named:
        return []
    try:
        config = open_run(named[-1]).config()
    except PluginError:
        raise
    except CheckpointError:  # It is raised again after the words have been checked.
        return []
    return [
        f"{one.kind}={one.name}"
        for one in foreign_entries()
        if one.options and getattr(config, one.kind).name == one.name
    ]


def resumed_config(words: list[str], composed: TrainConfig, run: RunFolder) -> TrainConfig:
    """Return a run's own settings, updated by the overrides in `words`.

    Args:
        words: the overrides given with `resume`.
        composed: the settings composed from these overrides; gives their values.
        run: the run to resume.

    Raises:
        ConfigError: an override changes a setting that may not change, or the run names an HDF5
            file of features that no override names.
        CheckpointError: the run's settings cannot be read.
    """
    before = run.config()
    own, changeable = flatten(before), may_change(before)
    asked = flatten(composed)
    # Only now is it known whether it is a path, which may be relative, or a name.
    if composed.data.path is not None and own["data.name"] != "tfds":
        asked["data.path"] = absolute(composed.data.path)
    named = _named_keys(words)
    for name in named:
        if name not in asked:  # An option of another choice.
            continue
        if asked[name] != own.get(name) and name not in changeable:
            raise ConfigError(
                f"{name} cannot change when resuming: {run.path} has {own.get(name)}, "
                f"not {asked[name]}; start a new run to change it"
            )
        own[name] = asked[name]
    is_planned = run.record().get("plan", NO_PLAN)["settled"]
    if is_planned and "max_time" in named and own["max_time"] is None:
        raise ConfigError(
            f"max_time cannot be null when resuming: {run.path} ends by a plan for its "
            f"max_time={before.max_time}; give this part a time of its own, such as max_time=24h"
        )
    if is_planned and "max_time" not in named:
        own["max_time"] = None  # The time was an earlier part's, whose plan the run follows.
    features = own["evaluation.features"]
    if own["evaluate_every"] and is_hdf5(features) and "evaluation.features" not in named:
        typed = shell_word(override("evaluation.features", features))
        raise ConfigError(
            f"evaluation.features of {run.path} is an HDF5 file, which can do harm; if you trust "
            f"it, add {typed}"
        )
    return _from_flat(own)


def names_data(words: list[str], config: TrainConfig) -> bool:
    """Whether overrides name the data set that a resumed run trains on.

    If they do not, the run folder names it, and run folders are untrusted.

    Args:
        words: the overrides given beside `resume`.
        config: what `resumed_config` made of them.
    """
    key = "data.name" if config.data.path is None else "data.path"
    return key in _named_keys(words)


def _named_keys(words: list[str]) -> list[str]:
    """Return the names of the settings that overrides set; a group counts as all its settings."""
    known = [key.name for key in keys()]
    named: list[str] = []
    for word in words:
        key = parse(word).key_or_group
        if key == "experiment":
            raise ConfigError("experiment cannot be combined with resume; set single keys instead")
        if key in group_names():
            named += [name for name in known if name.startswith(f"{key}.")]
        elif key in known:
            named.append(key)
    return named


def _from_flat(flat: dict[str, Any]) -> TrainConfig:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *groups, key = name.split(".")
        at = nested
        for group in groups:
            at = at.setdefault(group, {})
        at[key] = value
    config: TrainConfig = from_dict(nested)
    return config
