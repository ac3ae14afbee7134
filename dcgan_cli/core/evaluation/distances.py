"""Distances between two sets of feature vectors. Needs no TensorFlow."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

KERNEL_BLOCK = 1000
"""Number of vectors of each set in one estimate of the kernel distance."""


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of a set of feature vectors."""

    mean: np.ndarray
    """float64 [D]."""
    covariance: np.ndarray
    """float64 [D, D]."""

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Return the mean and the unbiased covariance of float [N, D], with N at least 2."""
        values = features.astype(np.float64)
        return cls(values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False)))

    @property
    def spread(self) -> float:
        """Mean squared distance from the mean: the trace of the covariance."""
        return float(np.trace(self.covariance))


def frechet_distance(one: Moments, other: Moments) -> float:
    """Return the squared Fréchet distance between two normal distributions, as is usual.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)): Dowson & Landau 1982, "The Fréchet distance between
    multivariate normal distributions", equation 4; for images, Heusel et al. 2017, "GANs Trained by
    a Two Time-Scale Update Rule", section 4, with Inception features. The estimate from samples has
    a positive bias that shrinks with their number (Bińkowski et al. 2018, "Demystifying MMD GANs",
    section 4.2): compare only at equal sample counts.

    Returns:
        At least 0; 0 for equal distributions.
    """
    # The trace of the square root is the sum of the square roots of the eigenvalues. For two
    # covariance matrices these are real and at least 0, except for rounding.
    eigenvalues = scipy.linalg.eigvals(one.covariance @ other.covariance).real
    root = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    shift = one.mean - other.mean
    return max(float(shift @ shift + one.spread + other.spread - 2 * root), 0.0)


def kernel_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy (MMD).

    Gretton et al. 2012, "A Kernel Two-Sample Test", equation 3, with the kernel (x . y / D + 1)^3
    and the mean over blocks of about 1,000 vectors of Bińkowski et al. 2018, "Demystifying MMD
    GANs", section 4.

    Args:
        one: float [N, D], N at least 2.
        other: float [N, D], the same N.

    Returns:
        About 0 for equal distributions; may be negative.
    """
    blocks = max(1, len(one) // KERNEL_BLOCK)
    pairs = zip(np.array_split(one, blocks), np.array_split(other, blocks), strict=True)
    return float(np.mean([_squared_discrepancy(x, y) for x, y in pairs]))


def _squared_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    def mean_between(a: np.ndarray, b: np.ndarray) -> float:
        return float(_kernel(a, b).mean())

    def mean_within(a: np.ndarray) -> float:
        """Leave out the pairs of a vector with itself, which would bias the estimate."""
        kernel = _kernel(a, a)
        return float((kernel.sum() - np.trace(kernel)) / (len(a) * (len(a) - 1)))

    return mean_within(x) + mean_within(y) - 2 * mean_between(x, y)


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    products: np.ndarray = x.astype(np.float64) @ y.astype(np.float64).T
    return (products / x.shape[1] + 1) ** 3


def total_variation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the total variation distance of two histograms of shares: half the sum of |p - q|."""
    return float(np.abs(one - other).sum() / 2)
