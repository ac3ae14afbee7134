"""Precision, recall, density and coverage against their definitions, one vector at a time."""

import dataclasses

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st

from dcgan_cli.core.evaluation.neighbours import K, Overlap, nearest_distances, overlap


def overlap_by_definition(real, generated) -> Overlap:
    def distance(a, b):
        return np.sqrt(np.sum((a - b) ** 2))

    def radius(vectors, i):
        others = [distance(vectors[i], v) for j, v in enumerate(vectors) if j != i]
        return sorted(others)[K - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    generated_radii = [radius(generated, i) for i in range(len(generated))]
    inside = [
        [distance(x, y) <= r for x, r in zip(real, real_radii, strict=True)] for y in generated
    ]
    recalled = [
        any(distance(x, y) <= r for y, r in zip(generated, generated_radii, strict=True))
        for x in real
    ]
    return Overlap(
        precision=np.mean([any(row) for row in inside]),
        recall=np.mean(recalled),
        density=np.sum(inside) / (K * len(generated)),
        coverage=np.mean(np.any(inside, axis=0)),
    )


@given(st.integers(0, 2**32), st.floats(0.1, 4), st.integers(6, 20), st.integers(6, 20))
def test_overlap_by_definition(seed, shift, count, other_count):
    draw = np.random.default_rng(seed)
    real = draw.standard_normal((count, 3))
    generated = draw.standard_normal((other_count, 3)) + shift
    found, expected = overlap(real, generated), overlap_by_definition(real, generated)
    assert dataclasses.astuple(found) == pytest.approx(dataclasses.astuple(expected))


def test_the_same_in_blocks():
    draw = np.random.default_rng(0)
    real, generated = draw.standard_normal((2, 3000, 4))
    whole = overlap(real, generated)
    with sklearn.config_context(working_memory=1):
        assert overlap(real, generated) == whole


def test_equal_and_far():
    vectors = np.random.default_rng(0).standard_normal((400, 4))
    same = overlap(vectors, vectors)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    assert same.density > 1
    far = overlap(vectors, vectors + 100)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)


def test_a_collapsed_generator_is_precise_and_covers_nothing():
    vectors = np.random.default_rng(0).standard_normal((400, 4))
    collapsed = overlap(vectors, vectors[:1] + 1e-3 * vectors)
    assert collapsed.precision == 1
    assert collapsed.recall < 0.05
    assert collapsed.coverage < 0.1


def test_nearest_distances():
    draw = np.random.default_rng(0)
    images, others = draw.integers(0, 256, (2, 30, 4, 4, 1)).astype(np.uint8)
    others[7] = images[3]
    flat, other_flat = (a.reshape(30, -1) / 255 for a in (images, others))
    expected = np.linalg.norm(flat[:, None] - other_flat[None], axis=-1).min(axis=1)
    found = nearest_distances(images, others)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found[3] == pytest.approx(0, abs=1e-3)
