"""Draw the latent vector of each sample seed."""

from collections.abc import Sequence

import numpy as np


def latents(seeds: Sequence[int], noise_dim: int) -> np.ndarray:
    """Return the latent vector of each seed.

    A vector depends only on its own seed, so sample 7 is the same image alone, in a grid of 16 or
    in a set of 10,000.

    Args:
        seeds: integers from 0 to 2**63 - 1.
        noise_dim: length of a vector.

    Returns:
        float32 [len(seeds), noise_dim], standard normal.
    """
    vectors = np.empty((len(seeds), noise_dim), np.float32)
    for row, seed in enumerate(seeds):
        generator = np.random.Generator(np.random.Philox(key=seed))
        vectors[row] = generator.standard_normal(noise_dim, dtype=np.float32)
    return vectors
