"""The distances against closed forms and against definitions written out."""

import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dcgan_cli.core.evaluation.distances import (
    Moments,
    frechet_distance,
    kernel_distance,
    total_variation,
)

NUMBERS = st.floats(-3, 3, width=32)


def gaussian(mean, covariance) -> Moments:
    return Moments(np.asarray(mean, float), np.asarray(covariance, float))


@given(arrays(float, (2, 4), elements=NUMBERS), arrays(float, (2, 4), elements=st.floats(0, 3)))
def test_two_gaussians_with_diagonal_covariances(means, deviations):
    """Where covariances commute, the distance is |m1 - m2|^2 + |s1 - s2|^2."""
    one, other = (gaussian(m, np.diag(s**2)) for m, s in zip(means, deviations, strict=True))
    expected = np.sum((means[0] - means[1]) ** 2) + np.sum((deviations[0] - deviations[1]) ** 2)
    assert frechet_distance(one, other) == pytest.approx(expected, abs=1e-6)


def test_two_gaussians_with_any_covariances():
    """Against the matrix root itself."""
    draw = np.random.default_rng(0)
    for _ in range(10):
        roots = draw.standard_normal((2, 6, 6))
        one, other = (gaussian(draw.standard_normal(6), root @ root.T) for root in roots)
        root = scipy.linalg.sqrtm(one.covariance @ other.covariance)
        expected = np.sum((one.mean - other.mean) ** 2) + np.trace(
            one.covariance + other.covariance - 2 * root.real
        )
        assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)
        assert frechet_distance(other, one) == pytest.approx(frechet_distance(one, other))
        assert frechet_distance(one, one) == pytest.approx(0, abs=1e-5)


def test_samples_of_two_gaussians_come_near_the_closed_form():
    draw = np.random.default_rng(1)
    one = draw.normal(0, 1, (20_000, 5))
    other = draw.normal(0.5, 2, (20_000, 5))
    found = frechet_distance(Moments.of(one), Moments.of(other))
    assert found == pytest.approx(5 * 0.5**2 + 5 * (2 - 1) ** 2, rel=0.03)


def test_moments_of_one_feature():
    moments = Moments.of(np.array([[1.0], [3.0]], np.float32))
    assert (moments.mean, moments.covariance) == ([2.0], [[2.0]])
    assert moments.spread == 2


def kernel_distance_by_definition(x, y) -> float:
    """Gretton et al. 2012, equation 3, pair by pair."""

    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    n = len(x)
    pairs = itertools.permutations(range(n), 2)
    within = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) for i, j in pairs) / (n * (n - 1))
    between = sum(kernel(a, b) for a in x for b in y) / n**2
    return float(within - 2 * between)


@given(arrays(np.float32, (2, 7, 3), elements=NUMBERS))
def test_kernel_distance_by_definition(vectors):
    x, y = vectors.astype(float)
    expected = kernel_distance_by_definition(x, y)
    assert kernel_distance(x, y) == pytest.approx(expected, abs=1e-6)


def test_kernel_distance_is_unbiased():
    """Its mean over draws from one distribution is 0, within four standard errors."""
    draw = np.random.default_rng(2)
    found = [kernel_distance(*draw.standard_normal((2, 20, 4))) for _ in range(2000)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(2000)
    assert min(found) < 0


def test_kernel_distance_is_a_mean_over_blocks():
    x, y = np.random.default_rng(3).standard_normal((2, 2000, 4))
    halves = [kernel_distance(x[part], y[part]) for part in (slice(1000), slice(1000, None))]
    assert kernel_distance(x, y) == pytest.approx(np.mean(halves))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [([0.5, 0.5], [0.5, 0.5], 0), ([1, 0], [0, 1], 1), ([0.5, 0.5], [0.75, 0.25], 0.25)],
)
def test_total_variation(one, other, expected):
    assert total_variation(np.array(one), np.array(other)) == expected
