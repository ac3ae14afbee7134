"""Write KEY=VALUE so that Hydra's grammar, and a shell before it, read it back unchanged."""

import re
import shlex

WORD = r"(?:[A-Za-z_/]|\.(?!\d))[\w./@%+:-]*"
OTHER_TYPES = {"null", "true", "false", "nan", "inf"}


def override(key: str, value: str) -> str:
    """Return `key=value`, the value quoted as Hydra needs it."""
    return f"{key}={quoted(value)}"


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
