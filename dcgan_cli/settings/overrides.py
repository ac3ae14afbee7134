"""Quote KEY=VALUE for Hydra's grammar and for a shell."""

import re
import shlex
from pathlib import Path

PATH_KEYS = ("data.path", "resume", "evaluation.features", "hydra.run.dir", "hydra.sweep.dir")
"""Settings whose value is a path, passed to Hydra literally."""
SWEEP_FUNCTIONS = ("choice", "range", "interval", "glob", "shuffle", "sort", "tag", "extend_list")
WORD = r"(?:[A-Za-z_/]|\.(?!\d))[\w./@%+:-]*"
OTHER_TYPES = {"null", "true", "false", "nan", "inf"}


def override(key: str, value: str) -> str:
    """Return `key=value` with the value quoted for Hydra if needed."""
    return f"{key}={quoted(value)}"


def literal_path(word: str, *, sweep: bool) -> str:
    """Return an override with a path value quoted, so that Hydra reads the path literally.

    Without quotes, Hydra reads `a,b` as two values and `2021_05` as a number, and rejects `~/x`.

    Args:
        word: an override; returned unchanged unless its key is one of `PATH_KEYS`.
        sweep: whether commas separate sweep values; a path that exists is never split.
    """
    key, equals, value = word.partition("=")
    plain = not equals or value in ("", "null") or value[0] in "'\""
    if plain or key.lstrip("+") not in PATH_KEYS:
        return word
    # Hydra cannot sweep over its own settings, so the comma belongs to the path.
    if not sweep or key.startswith("hydra.") or _exists(value):
        return f"{key}={_literal(value)}"
    if value.startswith(tuple(f"{name}(" for name in SWEEP_FUNCTIONS)):
        return word
    return f"{key}={','.join(_literal(path) for path in value.split(','))}"


def _literal(value: str) -> str:
    """Return a value quoted if needed; an interpolation, ${...}, is preserved."""
    if "${" not in value:
        return quoted(value)
    return value if "'" in value else f"'{value}'"


def _exists(value: str) -> bool:
    try:
        return Path(value).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # Not a valid path.
        return False


def quoted(value: str) -> str:
    """Return a text value, in Hydra quotes unless it consists of plain words."""
    if re.fullmatch(rf"{WORD}( {WORD})*", value, re.ASCII) and value.lower() not in OTHER_TYPES:
        return value
    # Within quotes, Hydra unescapes only quotes, OmegaConf only ${, and both the backslashes before
    # them.
    escaped = re.sub(r"(\\*)('|\$\{)", r"\1\1\\\2", value)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f"'{escaped}'"


def shell_word(word: str) -> str:
    """Return `word` quoted for a shell; in double quotes if that is more readable."""
    if "'" in word and not re.search(r'["$`\\!]', word):
        return f'"{word}"'
    return shlex.quote(word)
