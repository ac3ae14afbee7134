"""Which part of the range that their files allow pictures use."""

from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.data.pictures.preprocessing import Plain

SAMPLED = 2**16
"""Values that are looked at in a picture of more than 8 bits."""
LEFT_OUT = 0.1
"""Per cent of them at either end that do not count: a sensor has pixels that are always bright."""


@dataclass(frozen=True)
class ValueRange:
    """The least and the greatest value of a picture, and what became white."""

    kind: str
    """8-bit, 16-bit, or 32-bit."""
    low: float
    high: float
    top: float | None
    """Which value became white; None where that was the greatest, and the least became black."""


def value_range(plain: Plain) -> ValueRange:
    """Return the range of a picture's values."""
    if plain.values is None:
        extrema = plain.picture.getextrema()
        bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
        low, high = min(band[0] for band in bands), max(band[1] for band in bands)
        return ValueRange("8-bit", float(low), float(high), plain.top)
    values = plain.values.reshape(-1)
    values = values[:: len(values) // SAMPLED | 1]  # Odd, so not the same column of each row.
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return ValueRange("32-bit", 0, 0, plain.top)
    low = np.percentile(finite, LEFT_OUT, method="lower")
    high = np.percentile(finite, 100 - LEFT_OUT, method="higher")
    kind = "16-bit" if plain.top == 65535 and values.dtype.itemsize == 2 else "32-bit"
    return ValueRange(kind, float(low), float(high), plain.top)
