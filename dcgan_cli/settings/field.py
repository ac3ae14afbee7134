"""Settings as dataclass fields with a meaning and a range, checked on creation."""

import dataclasses
import difflib
import operator
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import field
from typing import Any

from dcgan_cli.errors import ConfigError


def key(
    default: Any,
    doc: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] | tuple[int, ...] | Callable[[], tuple[str, ...]] = (),
    only_for: tuple[str, ...] = (),
    may_change: bool = False,
    view: bool = False,
    names: bool = False,
) -> Any:
    """Return a dataclass field for a setting, with its meaning and range.

    Args:
        default: the default value.
        doc: the meaning, for `--help` and docs/configuration.md.
        at_least: inclusive lower bound.
        above: exclusive lower bound.
        at_most: inclusive upper bound.
        below: exclusive upper bound.
        choices: the allowed values, or a function that returns them; empty allows any.
        only_for: the choices of the group that use the setting; empty for all.
        may_change: whether the value may change when a run is resumed.
        view: whether it only decides how a run is begun or shown, and is no part of the experiment.
        names: whether the value is a list of names; the field's type is then Any, because OmegaConf
            has none for what may be typed: a name or a list.
    """
    bounds = {"at_least": at_least, "above": above, "at_most": at_most, "below": below}
    return field(
        default=default,
        metadata={
            "doc": doc,
            "bounds": {name: bound for name, bound in bounds.items() if bound is not None},
            "choices": choices,
            "only_for": only_for,
            "may_change": may_change,
            "view": view,
            "names": names,
        },
    )


class Section:
    """Base class of setting groups: checks type and range of every field on creation."""

    __slots__ = ()

    def __post_init__(self) -> None:
        group = type(self).__name__.removesuffix("Config").lower()
        check_fields(self, "" if group == "train" else f"{group}.")


def check_fields(section: Any, prefix: str) -> None:
    """Check type and range of every setting of a dataclass.

    Args:
        section: an instance; fields without the metadata of `key` are checked by type alone.
        prefix: the prefix of the setting names in messages, such as "loss.".

    Raises:
        ConfigError: a value has a wrong type or is out of range.
    """
    for setting in dataclasses.fields(section):
        if is_setting(section, setting):
            _check(type(section), setting, getattr(section, setting.name), prefix)


def check_options(options: Any, prefix: str) -> None:
    """Check that a class can hold the options of a registered entry.

    Args:
        options: what was registered as the class.
        prefix: the prefix of the names of its settings in messages.

    Raises:
        ConfigError: it is not a dataclass, or a field has no default, a type that settings cannot
            have, or a default that is out of range.
    """
    if not (isinstance(options, type) and dataclasses.is_dataclass(options)):
        raise ConfigError("options must be a dataclass (the class, not an instance)")
    for option in dataclasses.fields(options):
        if option.default is option.default_factory is dataclasses.MISSING:
            raise ConfigError(f"option {option.name} needs a default")
        _base_type(options, option)
    check_fields(options(), prefix)


def is_setting(section: Any, setting: "dataclasses.Field[Any]") -> bool:
    """Return whether a field is a single setting, not a group or the field `options`."""
    if setting.metadata:
        return not setting.metadata.get("own")
    return not dataclasses.is_dataclass(type_of(section, setting))


def choices_of(setting: "dataclasses.Field[Any]") -> tuple[Any, ...]:
    """Return the allowed values of a setting; empty if it has no fixed choices."""
    choices = setting.metadata.get("choices", ())
    return tuple(choices() if callable(choices) else choices)


def nearest(word: str, known: list[str]) -> str:
    """Return "; did you mean X?" for the most similar known word; "" if none is similar."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


_BOUNDS: dict[str, tuple[Callable[[Any, float], bool], str]] = {
    "at_least": (operator.ge, "at least"),
    "above": (operator.gt, "above"),
    "at_most": (operator.le, "at most"),
    "below": (operator.lt, "below"),
}
_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    list: "a name or a list of names",
}


def type_of(section: Any, setting: "dataclasses.Field[Any]") -> Any:
    """Return the type of a field; string annotations are resolved."""
    kind = section if isinstance(section, type) else type(section)
    return typing.get_type_hints(kind)[setting.name]


def _base_type(section: type, setting: "dataclasses.Field[Any]") -> tuple[type, bool]:
    """Return the type of a setting without `| None`, and whether None is allowed."""
    if setting.metadata.get("names"):
        return list, False
    hint = type_of(section, setting)
    is_union = typing.get_origin(hint) in (types.UnionType, typing.Union)  # The latter of Optional.
    parts = typing.get_args(hint) if is_union else (hint,)
    optional = type(None) in parts
    bases = [part for part in parts if part is not type(None)]
    base = bases[0]
    if len(bases) > 1 or base is list or base not in _WORDS:
        raise ConfigError(
            f"{section.__name__}.{setting.name} must have the type int, float, str or bool, "
            f"optionally with | None; its type is {hint}"
        )
    return base, optional


def allowed(section: type, setting: "dataclasses.Field[Any]") -> str:
    """Return the allowed values in words, such as "a whole number, at least 1"."""
    base, optional = _base_type(section, setting)
    choices = choices_of(setting)
    words = [" or ".join(map(str, choices)) if choices else _WORDS[base]]
    for name, bound in setting.metadata.get("bounds", {}).items():
        words.append(
            f"{_BOUNDS[name][1]} {bound:g}" if bound < 1e6 else f"{_BOUNDS[name][1]} {bound}"
        )
    return ", ".join(words) + (" (or null)" if optional else "")


def _check(section: type, setting: "dataclasses.Field[Any]", value: Any, prefix: str) -> None:
    base, optional = _base_type(section, setting)
    if value is None and optional:
        return
    right_type = isinstance(value, (int, float) if base is float else base)
    if isinstance(value, bool) and base is not bool:
        right_type = False
    if base is list and right_type:
        right_type = all(isinstance(name, str) for name in value)
    choices = choices_of(setting)
    if (
        right_type
        and (not choices or value in choices)
        and not (base is float and not abs(value) <= sys.float_info.max)
        and all(
            _BOUNDS[name][0](value, bound)
            for name, bound in setting.metadata.get("bounds", {}).items()
        )
    ):
        return
    hint = nearest(value, list(map(str, choices))) if isinstance(value, str) else ""
    raise ConfigError(
        f"{prefix}{setting.name} must be {allowed(section, setting)}, got {value!r}{hint}"
    )
