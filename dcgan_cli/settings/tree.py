"""Settings by dotted name, and conversion to and from plain dictionaries. Standard library only."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings import registry
from dcgan_cli.settings.field import allowed, is_setting, nearest, type_of
from dcgan_cli.settings.schema import TrainConfig

VIEW_SETTINGS = frozenset(
    one.name for one in dataclasses.fields(TrainConfig) if one.metadata.get("view")
)
"""Names of the settings that only decide how a run is begun or shown. None is in a group."""


@dataclass(frozen=True)
class Key:
    """A setting as help and docs show it."""

    name: str
    """Dotted name, as on the command line."""
    kind: str
    """Allowed values, in words."""
    default: Any
    doc: str
    may_change: bool = False
    """Whether the value may change when a run is resumed."""
    choice: str = ""
    """The choice of its group that alone has the setting; "" if all have it."""


def keys(section: type = TrainConfig, prefix: str = "") -> Iterator[Key]:
    """Yield every setting in order of declaration; names include the group.

    The settings that belong to a single choice of a group come last in the group.
    """
    for setting in dataclasses.fields(section):
        name = prefix + setting.name
        if setting.metadata.get("own"):
            yield from _own_keys(name.partition(".")[0])
        elif is_setting(section, setting):
            yield _key(section, setting, prefix)
        else:
            yield from keys(type_of(section, setting), name + ".")


def _own_keys(kind: str) -> Iterator[Key]:
    for name in registry.names(kind):
        if (own := registry.entry(kind, name).options) is not None:
            for setting in dataclasses.fields(own):
                one = _key(own, setting, f"{kind}.options.")
                doc = f"{one.doc or setting.name}; for {kind}={name}"
                yield dataclasses.replace(one, doc=doc, choice=name)


def _key(section: type, setting: "dataclasses.Field[Any]", prefix: str) -> Key:
    default = setting.default
    if default is dataclasses.MISSING:
        default = None
    if isinstance(default, tuple):  # A dataclass takes no list as a default.
        default = list(default)
    facts = setting.metadata
    kind, may_change = allowed(section, setting), facts.get("may_change", False)
    return Key(prefix + setting.name, kind, default, facts.get("doc", ""), may_change)


def may_change(config: TrainConfig | None = None) -> set[str]:
    """Return the names of the settings that may change when a run is resumed.

    Args:
        config: the settings of the run. Without it, options of all choices count.
    """
    chosen = flatten(config) if config else {}
    return {
        key.name
        for key in keys()
        if key.may_change
        and (
            not key.choice or chosen.get(f"{key.name.partition('.')[0]}.name") in (None, key.choice)
        )
    }


def from_dict(values: Any, section: type = TrainConfig, prefix: str = "") -> Any:
    """Return a section built from plain dictionaries, the inverse of `dataclasses.asdict`.

    Args:
        values: the settings; missing ones take their defaults.
        section: the dataclass to build.
        prefix: the prefix of the keys in messages.

    Raises:
        ConfigError: a key is unknown, a value has a wrong type or is out of range, or two settings
            contradict each other.
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
        if settings[name].metadata:  # `options` included: its group checks them.
            built[name] = value
        else:
            nested = type_of(section, settings[name])
            built[name] = from_dict(value, nested, f"{prefix}{name}.")
    config = section(**built)
    if isinstance(config, TrainConfig):
        config.check_together()
    return config


def defaults(config: TrainConfig) -> dict[str, Any]:
    """Return the default of every setting by dotted name, with the chosen entries' own options."""
    found = flatten(TrainConfig())
    for kind in registry.GROUPS:
        own = registry.entry(kind, getattr(config, kind).name).group().get("options", {})
        found |= {f"{kind}.options.{name}": value for name, value in own.items()}
    return found


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return a dictionary of all settings by dotted name.

    Args:
        config: a dataclass of settings, or plain dictionaries as in `run.json`.
        prefix: the prefix of the names.
    """
    values = config
    if not isinstance(config, dict):
        values = {one.name: getattr(config, one.name) for one in dataclasses.fields(config)}
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(value) or isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def without_effect(config: TrainConfig) -> list[str]:
    """Return a note for each changed setting that the chosen entry does not use."""
    found = []
    for kind in registry.GROUPS:
        group = getattr(config, kind)
        if registry.entry(kind, group.name).origin:  # A plug-in may read any setting of the group.
            continue
        for setting in dataclasses.fields(group):
            only_for = setting.metadata.get("only_for", ())
            changed = getattr(group, setting.name) != setting.default
            if only_for and changed and group.name not in only_for:
                names, verb = " and ".join(only_for), "use" if only_for[1:] else "uses"
                found.append(f"{kind}.{setting.name}: only {kind}={names} {verb} it")
    return found


def group_names() -> list[str]:
    """Return the names of the setting groups."""
    return [setting.name for setting in dataclasses.fields(TrainConfig) if not setting.metadata]
