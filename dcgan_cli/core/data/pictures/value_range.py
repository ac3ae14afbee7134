"""Measure the value range of a picture."""

from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.data.pictures.preprocessing import Plain

SAMPLED = 2**16
"""Number of values that are sampled from a picture of more than 8 bits."""
LEFT_OUT = 0.1
"""Percentage of the values to ignore at either end: sensors have hot pixels."""


@dataclass(frozen=True)
class ValueRange:
    """Minimum and maximum of a picture's values, and the value that became white."""

    kind: str
    """Bit depth: 8-bit, 16-bit or 32-bit."""
    low: float
    high: float
    top: float | None
    """The value that became white; None if the picture's minimum became black and its maximum
    white."""


def value_range(plain: Plain) -> ValueRange:
    """Return the value range of a picture."""
    if plain.values is None:
        extrema = plain.picture.getextrema()
        bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
        low, high = min(band[0] for band in bands), max(band[1] for band in bands)
        return ValueRange("8-bit", float(low), float(high), plain.top)
    values = plain.values.reshape(-1)
    values = values[:: len(values) // SAMPLED | 1]  # An odd step, to sample different columns.
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return ValueRange("32-bit", 0, 0, plain.top)
    low = np.percentile(finite, LEFT_OUT, method="lower")
    high = np.percentile(finite, 100 - LEFT_OUT, method="higher")
    kind = "16-bit" if plain.top == 65535 and values.dtype.itemsize == 2 else "32-bit"
    return ValueRange(kind, float(low), float(high), plain.top)
