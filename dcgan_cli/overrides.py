"""Write KEY=VALUE as Hydra's grammar reads it."""

import re


def override(key: str, value: str) -> str:
    """Return `key=value`, the value quoted if it holds anything but plain characters."""
    if re.fullmatch(r"[\w./-]+", value, re.ASCII):
        return f"{key}={value}"
    # Inside quotes only quotes are special, and backslashes before them; then OmegaConf takes "${".
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f"{key}='{escaped}'"
