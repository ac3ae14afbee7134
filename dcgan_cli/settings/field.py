"""What a setting is: a dataclass field with a meaning and a range, checked when it is set."""

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
    choices: tuple[str, ...] | tuple[int, ...] = (),
    only_for: tuple[str, ...] = (),
) -> Any:
    """One setting: a dataclass field that carries its meaning and range.

    Args:
        default: its value if none is given.
        doc: its meaning.
        at_least: its least value.
        above: what it must be greater than.
        at_most: its greatest value.
        below: what it must be less than.
        choices: all that it may be; empty if it may be more.
        only_for: the names of its group with which it has an effect; empty if it is all.
    """
    bounds = {"at_least": at_least, "above": above, "at_most": at_most, "below": below}
    return field(
        default=default,
        metadata={
            "doc": doc,
            "bounds": {name: bound for name, bound in bounds.items() if bound is not None},
            "choices": choices,
            "only_for": only_for,
        },
    )


class Section:
    """Checks type and range of every field when an instance is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for setting in dataclasses.fields(self):  # type: ignore[arg-type]
            if setting.metadata:
                _check(type(self), setting, getattr(self, setting.name))


def nearest(word: str, known: list[str]) -> str:
    """Return "; did you mean X?" for the known word most like `word`, or nothing if none is."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


_BOUNDS: dict[str, tuple[Callable[[Any, float], bool], str]] = {
    "at_least": (operator.ge, "at least"),
    "above": (operator.gt, "above"),
    "at_most": (operator.le, "at most"),
    "below": (operator.lt, "below"),
}
_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def type_of(section: type, setting: "dataclasses.Field[Any]") -> Any:
    """Return the type of a field, whose annotation may be text."""
    return typing.get_type_hints(section)[setting.name]


def _base_type(section: type, setting: "dataclasses.Field[Any]") -> tuple[type, bool]:
    """Return the type of a setting without its `| None`, and whether it had one."""
    hint = type_of(section, setting)
    if isinstance(hint, types.UnionType):
        base = next(kind for kind in hint.__args__ if kind is not type(None))
        return base, True
    return hint, False


def allowed(section: type, setting: "dataclasses.Field[Any]") -> str:
    """Say in words what a setting may be, such as "a whole number, at least 1"."""
    base, optional = _base_type(section, setting)
    choices = setting.metadata["choices"]
    words = [" or ".join(map(str, choices)) if choices else _WORDS[base]]
    for name, bound in setting.metadata["bounds"].items():
        words.append(
            f"{_BOUNDS[name][1]} {bound:g}" if bound < 1e6 else f"{_BOUNDS[name][1]} {bound}"
        )
    return ", ".join(words) + (" (or null)" if optional else "")


def _check(section: type, setting: "dataclasses.Field[Any]", value: Any) -> None:
    base, optional = _base_type(section, setting)
    if value is None and optional:
        return
    right_type = isinstance(value, (int, float) if base is float else base)
    if isinstance(value, bool) and base is not bool:
        right_type = False
    choices = setting.metadata["choices"]
    if (
        right_type
        and (not choices or value in choices)
        and not (base is float and not abs(value) <= sys.float_info.max)
        and all(
            _BOUNDS[name][0](value, bound) for name, bound in setting.metadata["bounds"].items()
        )
    ):
        return
    group = section.__name__.removesuffix("Config").lower()
    prefix = "" if group == "train" else f"{group}."
    hint = nearest(value, list(map(str, choices))) if isinstance(value, str) else ""
    raise ConfigError(
        f"{prefix}{setting.name} must be {allowed(section, setting)}, got {value!r}{hint}"
    )
