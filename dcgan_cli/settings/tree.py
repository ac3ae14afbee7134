"""Settings by their dotted names, and to and from plain dictionaries. Standard library only."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.field import allowed, nearest, type_of
from dcgan_cli.settings.schema import TrainConfig


@dataclass(frozen=True)
class Key:
    """A setting as people see it."""

    name: str
    """Dotted, as on the command line."""
    kind: str
    """What it may be, in words."""
    default: Any
    doc: str


def keys(section: type = TrainConfig, prefix: str = "") -> Iterator[Key]:
    """Yield every setting in the order of declaration, those of a group under its name."""
    for setting in dataclasses.fields(section):
        name = prefix + setting.name
        if setting.metadata:
            kind = allowed(section, setting)
            yield Key(name, kind, setting.default, setting.metadata["doc"])
        else:
            yield from keys(type_of(section, setting), name + ".")


def from_dict(values: Any, section: type = TrainConfig, prefix: str = "") -> Any:
    """Build a section from the plain dictionaries that `dataclasses.asdict` gives.

    Args:
        values: the settings; what is missing takes its default.
        section: the dataclass to build.
        prefix: what to call its keys in messages.

    Raises:
        ConfigError: a key is unknown, a value has a wrong type or is out of range, or two do not
            go together.
    """
    if not isinstance(values, dict):
        raise ConfigError(
            f"{prefix.rstrip('.') or 'config'} must be a group of keys, got {values!r}"
        )
    settings = {setting.name: setting for setting in dataclasses.fields(section)}
    built: dict[str, Any] = {}
    for name, value in values.items():
        if name not in settings:
            raise ConfigError(f"unknown key {prefix}{name}{nearest(name, list(settings))}")
        if settings[name].metadata:
            built[name] = value
        else:
            nested = type_of(section, settings[name])
            built[name] = from_dict(value, nested, f"{prefix}{name}.")
    config = section(**built)
    if isinstance(config, TrainConfig):
        config.check_together()
    return config


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return every setting by its dotted name."""
    flat = {}
    for setting in dataclasses.fields(config):
        value = getattr(config, setting.name)
        if setting.metadata:
            flat[prefix + setting.name] = value
        else:
            flat |= flatten(value, f"{prefix}{setting.name}.")
    return flat


def without_effect(config: TrainConfig) -> list[str]:
    """Return what is said of each setting that was changed though nothing hangs on it."""
    found = []
    for group_name in group_names():
        group = getattr(config, group_name)
        for setting in dataclasses.fields(group):
            only_for = setting.metadata["only_for"]
            changed = getattr(group, setting.name) != setting.default
            if only_for and changed and group.name not in only_for:
                names = " and ".join(only_for)
                found.append(f"{group_name}.{setting.name} is for {group_name}={names}")
    return found


def group_names() -> list[str]:
    """Return the settings of `TrainConfig` that are groups."""
    return [setting.name for setting in dataclasses.fields(TrainConfig) if not setting.metadata]
