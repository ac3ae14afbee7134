"""How far two sets of feature vectors are apart. Needs no TensorFlow."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

KERNEL_BLOCK = 1000
"""Vectors of each set in one estimate of the kernel distance."""


@dataclass(frozen=True)
class Moments:
    """A normal distribution with the mean and covariance of a set of feature vectors."""

    mean: np.ndarray
    """float64 [D]."""
    covariance: np.ndarray
    """float64 [D, D]."""

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Estimate both, the covariance without bias, from float [N, D] with N at least 2."""
        values = features.astype(np.float64)
        return cls(values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False)))

    @property
    def spread(self) -> float:
        """The mean squared distance from the mean: the trace of the covariance."""
        return float(np.trace(self.covariance))


def frechet_distance(one: Moments, other: Moments) -> float:
    """Return the Fréchet distance of two normal distributions, squared as is usual.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)): Dowson & Landau 1982, "The Fréchet distance between
    multivariate normal distributions", equation 4; for images, Heusel et al. 2017, "GANs Trained by
    a Two Time-Scale Update Rule", section 4, there with Inception's features. The estimate from
    samples is too large by an amount that shrinks with their number (Bińkowski et al. 2018,
    "Demystifying MMD GANs", section 4.2): compare at equal numbers only.

    Returns:
        At least 0; 0 for equal distributions.
    """
    # The trace of the root is the sum of the roots of the eigenvalues, which are real and at
    # least 0 for two covariances but for rounding.
    eigenvalues = scipy.linalg.eigvals(one.covariance @ other.covariance).real
    root = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    shift = one.mean - other.mean
    return max(float(shift @ shift + one.spread + other.spread - 2 * root), 0.0)


def kernel_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the squared maximum mean discrepancy, estimated without bias.

    Gretton et al. 2012, "A Kernel Two-Sample Test", equation 3, with the kernel
    (x . y / D + 1)^3 of Bińkowski et al. 2018, "Demystifying MMD GANs", section 4, and like there
    as a mean over blocks of about 1,000 vectors of each set.

    Args:
        one: float [N, D], N at least 2.
        other: float [N, D], as many.

    Returns:
        Around 0 for equal distributions, also below it.
    """
    blocks = max(1, len(one) // KERNEL_BLOCK)
    pairs = zip(np.array_split(one, blocks), np.array_split(other, blocks), strict=True)
    return float(np.mean([_squared_discrepancy(x, y) for x, y in pairs]))


def _squared_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    def mean_between(a: np.ndarray, b: np.ndarray) -> float:
        return float(_kernel(a, b).mean())

    def mean_within(a: np.ndarray) -> float:
        """Without the pairs of a vector with itself, which are what would make a bias."""
        kernel = _kernel(a, a)
        return float((kernel.sum() - np.trace(kernel)) / (len(a) * (len(a) - 1)))

    return mean_within(x) + mean_within(y) - 2 * mean_between(x, y)


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    products: np.ndarray = x.astype(np.float64) @ y.astype(np.float64).T
    return (products / x.shape[1] + 1) ** 3


def total_variation(one: np.ndarray, other: np.ndarray) -> float:
    """Return half the sum of |p - q| over two histograms of shares: 0 if equal, at most 1."""
    return float(np.abs(one - other).sum() / 2)
