"""Parse lists of seeds, such as "0,3,7-12"."""

import re

from dcgan_cli.errors import ConfigError

MAX_SEED = 2**63 - 1
MAX_COUNT = 10_000_000


def parse_seeds(text: str) -> list[int]:
    """Parse numbers and ranges (both ends included), separated by commas.

    Raises:
        ConfigError: it is not such a list, or holds more than 10,000,000 seeds.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,19})\s*(?:-\s*(\d{1,19})\s*)?", part, re.ASCII)
        if not match:
            raise ConfigError(f"--seeds takes numbers and ranges such as 0,3,7-12, got {text!r}")
        first = int(match[1])
        last = int(match[2] or first)
        if last < first or last > MAX_SEED:
            raise ConfigError(f"--seeds {part.strip()}: a range goes up, and ends below 2**63")
        if len(seeds) + last - first >= MAX_COUNT:
            raise ConfigError(f"--seeds takes at most {MAX_COUNT:,} seeds")
        seeds.extend(range(first, last + 1))
    return seeds
