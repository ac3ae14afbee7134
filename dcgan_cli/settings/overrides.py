"""Write KEY=VALUE so that Hydra's grammar, and a shell before it, read it back unchanged."""

import re
import shlex
from pathlib import Path

PATH_KEYS = ("data.path", "resume", "evaluation.features", "hydra.run.dir", "hydra.sweep.dir")
"""Settings whose value is a path, taken as it is typed whatever Hydra's grammar makes of it."""
SWEEP_FUNCTIONS = ("choice", "range", "interval", "glob", "shuffle", "sort", "tag", "extend_list")
WORD = r"(?:[A-Za-z_/]|\.(?!\d))[\w./@%+:-]*"
OTHER_TYPES = {"null", "true", "false", "nan", "inf"}


def override(key: str, value: str) -> str:
    """Return `key=value`, the value quoted as Hydra needs it."""
    return f"{key}={quoted(value)}"


def literal_path(word: str, *, sweep: bool) -> str:
    """Quote the value of a setting that is a path, so that Hydra takes it as it is typed.

    Hydra's grammar reads `a,b` as two values, `2021_05` as a number, and refuses `~/x`.

    Args:
        word: an override; returned as it is unless its key is one of `PATH_KEYS`.
        sweep: whether commas separate the values of a sweep, unless a path of that name exists.
    """
    key, equals, value = word.partition("=")
    plain = not equals or value in ("", "null") or value[0] in "'\""
    if plain or key.lstrip("+") not in PATH_KEYS:
        return word
    # Hydra cannot sweep over its own settings, so a comma there is a part of the name.
    if not sweep or key.startswith("hydra.") or _exists(value):
        return f"{key}={_literal(value)}"
    if value.startswith(tuple(f"{name}(" for name in SWEEP_FUNCTIONS)):
        return word
    return f"{key}={','.join(_literal(path) for path in value.split(','))}"


def _literal(value: str) -> str:
    """Quote a value if that is needed. An interpolation, ${...}, stays one."""
    if "${" not in value:
        return quoted(value)
    return value if "'" in value else f"'{value}'"


def _exists(value: str) -> bool:
    try:
        return Path(value).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # It is no possible name.
        return False


def quoted(value: str) -> str:
    """Return a text value in quotes of Hydra's if it holds anything but plain words."""
    if re.fullmatch(rf"{WORD}( {WORD})*", value, re.ASCII) and value.lower() not in OTHER_TYPES:
        return value
    # Between quotes only a quote is special to Hydra, ${ to OmegaConf, and backslashes in front of
    # either.
    escaped = re.sub(r"(\\*)('|\$\{)", r"\1\1\\\2", value)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f"'{escaped}'"


def shell_word(word: str) -> str:
    """Return `word` quoted for a shell, in double quotes where that is easier to read."""
    if "'" in word and not re.search(r'["$`\\!]', word):
        return f'"{word}"'
    return shlex.quote(word)
