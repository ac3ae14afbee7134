"""The latent vector of each sample number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan_cli.commands.seeds import MAX_SEED
from dcgan_cli.core.sampling.latents import latents

seeds = st.integers(0, MAX_SEED)


def test_shape_and_type():
    vectors = latents(range(5), 100)
    assert vectors.shape == (5, 100)
    assert vectors.dtype == np.float32
    assert latents([], 100).shape == (0, 100)


@given(st.lists(seeds, min_size=1, max_size=8), st.data())
def test_a_vector_depends_on_its_seed_alone(many, pick):
    index = pick.draw(st.integers(0, len(many) - 1))
    assert (latents(many, 7)[index] == latents([many[index]], 7)[0]).all()


@given(st.lists(seeds, min_size=2, max_size=8, unique=True))
def test_other_seeds_give_other_vectors(many):
    assert len(np.unique(latents(many, 7), axis=0)) == len(many)


def test_components_of_a_vector_do_not_repeat():
    assert len(np.unique(latents([3], 1000))) > 990


@pytest.mark.parametrize("first", [0, 2**40])
def test_standard_normal(first):
    values = latents(range(first, first + 1000), 100).astype(float)
    # Each bound is five standard errors of 100,000 draws.
    assert abs(values.mean()) < 5 / math.sqrt(values.size)
    assert abs(values.var() - 1) < 5 * math.sqrt(2 / values.size)
    assert abs((values < 1).mean() - 0.8413) < 5 * math.sqrt(0.8413 * 0.1587 / values.size)
    # Vectors of neighbouring seeds, and neighbouring components, have nothing in common.
    for a, b in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
        assert abs((a * b).mean()) < 5 / math.sqrt(a.size)


def test_vectors_stay_what_they_have_always_been():
    expected = [
        [0.059911035, 0.015559634, -1.1644385],
        [-0.29333901, 1.7038306, 1.5391918],
        [0.95186639, -1.0147828, 1.1980889],
    ]
    assert np.allclose(latents([0, 7, MAX_SEED], 3), expected, atol=1e-6)
