"""Nearest-neighbour metrics of real and generated images. Needs no TensorFlow."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import pairwise_distances_argmin_min, pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

K = 5
"""A ball reaches from a vector to its K-th nearest neighbour; Naeem et al. 2020, section 4.1, also
use 5."""


@dataclass(frozen=True)
class Overlap:
    """Overlap of two sets of feature vectors. All values are at least 0; only density exceeds 1."""

    precision: float
    """Share of generated vectors inside the ball of at least one real vector."""
    recall: float
    """Share of real vectors inside the ball of at least one generated vector."""
    density: float
    """Mean number of real balls that contain a generated vector, divided by K. Like precision, but
    less sensitive to the large balls of outliers. About 1 for equal distributions."""
    coverage: float
    """Share of real balls that contain a generated vector: recall with real balls only."""


def overlap(real: np.ndarray, generated: np.ndarray) -> Overlap:
    """Return precision, recall, density and coverage of real and generated feature vectors.

    Each vector's ball reaches to its K-th nearest neighbour in its own set.

    Precision and recall: Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for
    Assessing Generative Models", equations 1 and 2. Density and coverage: Naeem et al. 2020,
    "Reliable Fidelity and Diversity Metrics for Generative Models", equations 5 and 7.

    Args:
        real: float [N, D], N above K.
        generated: float [M, D], M above K.
    """
    real_radii, generated_radii = _radii(real), _radii(generated)
    in_real_balls = np.zeros(len(generated), np.int64)
    covered: list[np.ndarray] = []
    recalled: list[np.ndarray] = []
    first = 0
    # A block of rows at a time: [real in the block, all generated].
    for distances in pairwise_distances_chunked(real, generated):
        inside = distances <= real_radii[first : first + len(distances), np.newaxis]
        in_real_balls += inside.sum(axis=0)
        covered.append(inside.any(axis=1))
        recalled.append((distances <= generated_radii).any(axis=1))
        first += len(distances)
    return Overlap(
        precision=float((in_real_balls > 0).mean()),
        recall=float(np.concatenate(recalled).mean()),
        density=float(in_real_balls.mean() / K),
        coverage=float(np.concatenate(covered).mean()),
    )


def nearest_distances(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distance of each image to the nearest of `others`.

    Args:
        images: uint8 [N, H, W, C].
        others: uint8 [M, H, W, C].

    Returns:
        float [N]: Euclidean distances of pixels scaled to [0, 1].
    """
    flat = [a.reshape(len(a), -1).astype(np.float32) / 255 for a in (images, others)]
    distances: np.ndarray = pairwise_distances_argmin_min(*flat)[1]
    return distances


def _radii(vectors: np.ndarray) -> np.ndarray:
    """Return the distance of each vector to its K-th nearest neighbour, excluding itself."""
    neighbours = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(vectors)
    distances: np.ndarray = neighbours.kneighbors()[0][:, -1]
    return distances
