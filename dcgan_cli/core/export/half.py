"""Kernels in float16. All formats compute in float32 with them."""

import numpy as np

from dcgan_cli.errors import ConfigError


def halved(array: np.ndarray) -> np.ndarray:
    """Return a kernel as float16, other arrays as they are.

    A kernel is float32 with at least two axes longer than 1. Biases and the statistics of
    normalization are small, and their errors reach every pixel.

    Raises:
        ConfigError: a weight is beyond the range of float16, 65504.
    """
    if array.dtype != np.float32 or sum(length > 1 for length in array.shape) < 2:
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise ConfigError("a weight is too large for float16; leave --half out")
    return half
