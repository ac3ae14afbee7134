"""The losses of one batch and both networks' gradients, with each network run once."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from dcgan_cli.core import losses

TINY = 1e-20
"""Stands for a slope of zero where one is divided by. Nothing it is added to notices it."""


@dataclass(frozen=True)
class Networks:
    """Both networks as a step uses them: to be called in training, with what to change in them."""

    generate: Callable[[tf.Tensor], tf.Tensor]
    """Turns latents (float32 [N, noise_dim]) into images (float32 [N, H, W, C])."""
    judge: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    """Turns images and a dropout key (int32 [2]) into logits (float32 [N, 1]), each image's a
    function of that image alone (so there is no batch normalisation in it)."""
    generator_weights: list[keras.Variable]
    discriminator_weights: list[keras.Variable]


@dataclass(frozen=True)
class Gradients:
    """What one batch says about the networks."""

    generator_loss: tf.Tensor
    discriminator_loss: tf.Tensor
    """Without the R1 penalty: as it is known, and as health judges it."""
    generator: list[tf.Tensor]
    discriminator: list[tf.Tensor]


def gradients(
    networks: Networks,
    real_images: tf.Tensor,
    latents: tf.Tensor,
    dropout_key: tf.Tensor,
    *,
    real_count: tf.Tensor,
    fake_count: int,
    r1_gamma: float,
) -> Gradients:
    """Return losses and gradients, both at the weights as they are.

    Real and generated images pass through the discriminator together, once forward and once back.
    How a loss falls with an image is how it falls with the image's logit, times how the logit rises
    with the image, and only the first differs between the two losses: so the generator's gradient
    comes from the discriminator's by one factor for each image.

    Args:
        networks: both networks.
        real_images: float32 [R, H, W, C] in [-1, 1].
        latents: float32 [B, noise_dim].
        dropout_key: int32 [2].
        real_count: float32 scalar, the real images on all replicas: what their mean is over.
        fake_count: the generated images on all replicas.
        r1_gamma: weight of the R1 penalty, 0 or more.
    """
    with tf.GradientTape() as generator_tape:
        fake_images = networks.generate(latents)
    images = tf.concat([real_images, fake_images], axis=0)
    reals = tf.shape(real_images)[0]
    weights = networks.discriminator_weights

    with tf.GradientTape() as discriminator_tape:
        discriminator_tape.watch(images)
        with tf.GradientTape() as image_tape:
            image_tape.watch(images)
            logits = networks.judge(images, dropout_key)
        with tf.GradientTape(persistent=True) as logit_tape:
            logit_tape.watch(logits)
            # Sums over this replica, divided by counts over all: replicas add up to the mean.
            real_terms, fake_terms = losses.discriminator_terms(logits[:reals], logits[reals:])
            discriminator_loss = (
                tf.reduce_sum(real_terms) / real_count + tf.reduce_sum(fake_terms) / fake_count
            )
            generator_loss = tf.reduce_sum(losses.generator_terms(logits[reals:])) / fake_count
        if r1_gamma:
            slopes = image_tape.gradient(logits, images)
            penalty = tf.reduce_sum(losses.r1_terms(slopes[:reals])) / real_count
            penalised_loss = discriminator_loss + r1_gamma * penalty

    factors = logit_tape.gradient(generator_loss, logits)
    if r1_gamma:
        discriminator_gradients = discriminator_tape.gradient(penalised_loss, weights)
    else:
        falls = logit_tape.gradient(discriminator_loss, logits)
        falls = tf.where(tf.abs(falls) < TINY, TINY, falls)
        *discriminator_gradients, slopes = discriminator_tape.gradient(
            logits, [*weights, images], output_gradients=falls
        )
        factors /= falls
    generator_gradients = generator_tape.gradient(
        fake_images,
        networks.generator_weights,
        output_gradients=slopes[reals:] * factors[reals:, :, tf.newaxis, tf.newaxis],
    )
    return Gradients(
        generator_loss, discriminator_loss, generator_gradients, discriminator_gradients
    )
