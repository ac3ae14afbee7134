"""Settings of a resumed run: its own, with changes from the command line."""

from typing import Any

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli.mistakes import parse
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten, from_dict, group_names, keys, may_change


def resumed_config(words: list[str], composed: TrainConfig, run: RunFolder) -> TrainConfig:
    """Return a run's own settings, updated by the overrides in `words`.

    Args:
        words: the overrides given with `resume`.
        composed: the settings composed from these overrides; gives their values.
        run: the run to resume.

    Raises:
        ConfigError: an override changes a setting that may not change.
        CheckpointError: the run's settings cannot be read.
    """
    own = flatten(run.config())
    asked = flatten(composed)
    for name in _named_keys(words):
        if asked[name] != own[name] and name not in may_change():
            raise ConfigError(
                f"{name} cannot change when resuming: {run.path} has {own[name]}, "
                f"not {asked[name]}; start a new run to change it"
            )
        own[name] = asked[name]
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
