"""The losses and penalties against their formulas, in float64."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from dcgan_cli.core.gan.penalties import gradient_penalty_terms, r1_terms
from dcgan_cli.core.gan.step import build_loss
from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.schema import LossConfig
from dcgan_cli.settings.tree import from_dict


def log_probability(x):
    """log sigmoid(x), in a form that does not overflow."""
    return -np.logaddexp(0, -x)


FORMULAS = {
    "non_saturating": (
        lambda x, t: -t * log_probability(x) - (1 - t) * log_probability(-x),
        lambda x: -log_probability(-x),
        lambda x: -log_probability(x),
    ),
    "minimax": (
        lambda x, t: -t * log_probability(x) - (1 - t) * log_probability(-x),
        lambda x: -log_probability(-x),
        lambda x: log_probability(-x),
    ),
    "least_squares": (
        lambda x, t: 0.5 * (x - t) ** 2,
        lambda x: 0.5 * x**2,
        lambda x: 0.5 * (x - 1) ** 2,
    ),
    "hinge": (
        lambda x, t: np.maximum(0, 1 - x),
        lambda x: np.maximum(0, 1 + x),
        lambda x: -x,
    ),
    "wasserstein_gp": (lambda x, t: -x, lambda x: x, lambda x: -x),
}
"""By loss: of real images (by logit and label), of generated ones, and the generator's."""


@pytest.mark.parametrize("name", FORMULAS)
@given(logits=st.lists(st.floats(-200, 200), min_size=1), smoothing=st.floats(0, 0.49))
def test_terms_are_those_of_the_formulas(name, logits, smoothing):
    smoothing = smoothing if name in ("non_saturating", "minimax", "least_squares") else 0
    loss = build_loss(LossConfig(name=name, label_smoothing=smoothing))
    x = np.array(logits)[:, np.newaxis]
    real, fake, generator = FORMULAS[name]
    tensor = tf.constant(x)
    close = {"rtol": 1e-7, "atol": 1e-12}
    terms = loss(tensor, tensor)
    np.testing.assert_allclose(terms.real, real(x, 1 - smoothing), **close)
    np.testing.assert_allclose(terms.fake, fake(x), **close)
    np.testing.assert_allclose(terms.generator, generator(x), **close)
    assert terms.generator_real is None


def test_penalties_are_those_of_the_formulas():
    slopes = np.random.default_rng(0).standard_normal((3, 4, 5, 2))
    norms = np.sqrt((slopes**2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(r1_terms(tf.constant(slopes)), norms**2 / 2)
    np.testing.assert_allclose(gradient_penalty_terms(tf.constant(slopes)), (norms - 1) ** 2)


def test_a_slope_of_zero_is_penalised_and_has_a_gradient():
    slopes = tf.zeros((1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(slopes)
        terms = gradient_penalty_terms(slopes)
    np.testing.assert_allclose(terms, [1], rtol=1e-5)
    assert np.isfinite(tape.gradient(terms, slopes)).all()


@pytest.mark.parametrize("name", ["hinge", "wasserstein_gp"])
def test_labels_cannot_be_smoothed_where_there_are_none(name):
    with pytest.raises(ConfigError, match=f"must be 0 for loss={name}"):
        from_dict({"loss": {"name": name, "label_smoothing": 0.1}})
