"""Parse --epoch: a number, best or last."""

import contextlib

from dcgan_cli.errors import ConfigError

ALL = "all"


def parse_epoch(text: str, *words: str) -> int | str:
    """Read the value of --epoch.

    Args:
        text: what was given.
        words: the words that may stand in an epoch's place.

    Returns:
        An epoch, at least 1, or one of the words.

    Raises:
        ConfigError: it is neither.
    """
    if text in words:
        return text
    if text.isascii() and text.isdecimal():
        with contextlib.suppress(ValueError):  # Python reads 4,300 digits at most.
            if (epoch := int(text)) >= 1:
                return epoch
    raise ConfigError(f"--epoch must be an epoch from 1 on, {' or '.join(words)}, got {text!r}")
