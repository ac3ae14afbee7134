"""Check the arguments of the Python interface that a command line would have checked."""

import itertools
import operator
import os
from collections.abc import Iterable, Sized

import numpy as np
import numpy.typing as npt

from dcgan_cli.errors import ConfigError


def whole(value: object, name: str, least: int | None = None, most: int | None = None) -> int:
    """Return a whole number, also NumPy's, as an int.

    Args:
        value: the argument.
        name: its name, for the message.
        least: the smallest allowed number.
        most: the largest allowed number, if `least` is given.

    Raises:
        ConfigError: it is none, or out of range.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigError(f"{name} must be a whole number, got {value!r}") from None
    if least is not None and (number < least or (most is not None and number > most)):
        allowed = f"at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise ConfigError(f"{name} must be {allowed}, got {number}")
    return number


def path_text(value: object, name: str) -> str:
    """Return a path, or a name in place of one, as it was written: ./bundled is not bundled.

    Raises:
        ConfigError: the argument is no text and no path.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(text, str):
        raise ConfigError(f"{name} must be a name or a path, got {value!r}")
    return text


def listed(given: object, name: str, most: int) -> list[object]:
    """Return the values of an iterable.

    Args:
        given: the argument.
        name: its name, for the message.
        most: the largest allowed number of values.

    Raises:
        ConfigError: the argument is no iterable, or has too many values.
    """
    if not isinstance(given, Iterable):
        raise ConfigError(f"{name} must be a list, got {given!r}")
    too_many = isinstance(given, Sized) and len(given) > most
    values = [] if too_many else list(itertools.islice(given, most + 1))
    if too_many or len(values) > most:
        raise ConfigError(f"{name} must have at most {most:,} values")
    return values


def array(given: npt.ArrayLike, name: str) -> np.ndarray:
    """Return an argument as an array.

    Raises:
        ConfigError: it does not make one.
    """
    try:
        return np.asarray(given)
    except Exception as error:  # Such as lists of lists of different lengths.
        raise ConfigError(f"{name} must be an array ({error})") from None
