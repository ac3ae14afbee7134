"""Times as they are typed, such as 90s, 10m or 1h30m. Standard library only."""

import re

from dcgan_cli.errors import ConfigError

_NUMBER = r"(\d+(?:\.\d+)?)"
_FORM = re.compile(rf"(?=.)(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?")
LONGEST = 10 * 365 * 86400
"""Seconds; longer times are taken for mistakes."""


def seconds(name: str, text: str) -> float:
    """Return a time in seconds.

    Args:
        name: the setting, for the message.
        text: hours, minutes and seconds, such as "90s", "10m", "2h" or "1h30m".

    Raises:
        ConfigError: the text is not a time above 0.
    """
    if match := _FORM.fullmatch(text):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        if 0 < (total := 3600 * hours + 60 * minutes + rest) <= LONGEST:
            return total
    raise ConfigError(f"{name} must be a time such as 90s, 10m or 2h, got {text!r}")
