"""Optimizers and the learning-rate schedule."""

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli.core.networks.weights import by_name
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import OptimizerConfig


class Cooldown(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate with a linear decay to zero at the end.

    rate * min(1, (steps - step) / (share * steps)), with steps counted from 0. (Hägele et al. 2024,
    "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", arXiv 2405.18392,
    section 3.)
    """

    def __init__(self, rate: float, share: float, steps: int) -> None:
        self.rate, self.share = rate, share
        self._end = tf.Variable(steps, dtype=tf.int64, trainable=False)
        self._inverse = tf.Variable(self._inverse_length(steps), trainable=False)

    def end_after(self, steps: int) -> None:
        """Change the number of steps after which the run ends."""
        self._end.assign(steps)
        self._inverse.assign(self._inverse_length(steps))

    def _inverse_length(self, steps: int) -> np.float32:
        # A product with it rounds as TensorFlow's graphs do when they divide by a constant.
        return np.float32(1) / np.float32(self.share * steps)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the learning rate (float32 scalar) at a step (integer scalar)."""
        left = tf.cast(self._end - tf.cast(step, tf.int64), tf.float32)
        return self.rate * tf.clip_by_value(left * self._inverse, 0, 1)


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam with one fused operation per weight, where Keras needs a dozen."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one weight and its two moments (Kingma & Ba 2015, end of section 2)."""
        at = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[at].value.handle,
            v=self._velocities[at].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def build_optimizer(
    settings: OptimizerConfig, network: keras.Model, cooldown: Cooldown | None
) -> keras.Optimizer:
    """Build the optimizer of one network.

    Args:
        settings: the optimizer and its settings.
        network: the network to train.
        cooldown: the learning rate's schedule; None for a constant rate.
    """
    built: keras.Optimizer = entry("optimizer", settings.name).build(
        settings, cooldown or settings.learning_rate
    )
    built.build(network.trainable_variables)
    return built


def optimizer_state(optimizer: keras.Optimizer) -> dict[str, keras.Variable]:
    """Return an optimizer's variables by name, without the learning rate, which is a setting.

    Raises:
        ConfigError: two have the same name.
    """
    pairs = [
        (variable.path.partition("/")[2], variable)
        for variable in optimizer.variables
        if variable is not optimizer.learning_rate
    ]
    return by_name(pairs, f"the optimizer {optimizer.name}")
