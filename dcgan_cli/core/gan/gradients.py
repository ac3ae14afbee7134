"""The losses of one batch and both networks' gradients, each network run as seldom as can be."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from dcgan_cli.core.gan.losses import LossTerms
from dcgan_cli.core.gan.penalties import gradient_penalty_terms, r1_terms

TINY = 1e-20
"""Stands for a slope of zero where one is divided by. Nothing it is added to notices it."""

Loss = Callable[[tf.Tensor, tf.Tensor], LossTerms]
"""The terms of the logits of real images (float32 [R, 1]) and generated ones (float32 [B, 1])."""
Judge = Callable[[tf.Tensor, tf.Tensor, tf.Tensor | None], tf.Tensor]


@dataclass(frozen=True)
class Networks:
    """Both networks as a step uses them: to be called in training, with what to change in them."""

    generate: Callable[[tf.Tensor], tf.Tensor]
    """Turns latents (float32 [N, noise_dim]) into images (float32 [N, H, W, C])."""
    judge: Judge
    """Turns images, a dropout key (int32 [2]) and their classes (int32 [N], or None) into logits
    (float32 [N, 1])."""
    generator_weights: list[keras.Variable]
    discriminator_weights: list[keras.Variable]
    judges_alone: bool
    """Whether an image's logit is a function of that image alone, so that there is no batch
    normalisation in the discriminator."""


@dataclass(frozen=True)
class Batch:
    """What a step sees on one replica."""

    real_images: tf.Tensor
    """float32 [R, H, W, C] in [-1, 1], R at most B."""
    latents: tf.Tensor
    """float32 [B, noise_dim], with the classes that they are to be of where there are classes."""
    real_classes: tf.Tensor | None
    """int32 [R]."""
    fake_classes: tf.Tensor | None
    """int32 [B]."""
    dropout_key: tf.Tensor
    """int32 [2]."""
    mixing_key: tf.Tensor
    """int32 [2], decides which images between real and generated ones are penalised at."""
    real_count: tf.Tensor
    """float32 scalar, the real images on all replicas: what their mean is over."""
    fake_count: int
    """The generated images on all replicas."""


@dataclass(frozen=True)
class Objective:
    """What the networks minimise."""

    loss: Loss
    r1_gamma: float
    """Weight of the R1 penalty, 0 or more."""
    gradient_penalty: float
    """Weight of the penalty of slopes between real and generated images, 0 or more."""


@dataclass(frozen=True)
class Gradients:
    """What one batch says about the networks."""

    generator_loss: tf.Tensor
    discriminator_loss: tf.Tensor
    """Without penalties: as it is known, and as health judges it."""
    generator: list[tf.Tensor]
    discriminator: list[tf.Tensor]


def gradients(networks: Networks, batch: Batch, objective: Objective) -> Gradients:
    """Return losses and gradients, both at the weights as they are."""
    if networks.judges_alone:
        return _gradients_together(networks, batch, objective)
    return _gradients_apart(networks, batch, objective.loss)


def _gradients_together(networks: Networks, batch: Batch, objective: Objective) -> Gradients:
    """Judge real and generated images together, once forward and once back.

    How a loss falls with an image is how it falls with the image's logit, times how the logit rises
    with the image, and only the first differs between the two losses: so the generator's gradient
    comes from the discriminator's by one factor for each image.
    """
    with tf.GradientTape() as generator_tape:
        fake_images = networks.generate(batch.latents)
    images = tf.concat([batch.real_images, fake_images], axis=0)
    classes = None
    if batch.real_classes is not None:
        classes = tf.concat([batch.real_classes, batch.fake_classes], axis=0)
    reals = tf.shape(batch.real_images)[0]
    weights = networks.discriminator_weights
    penalised = objective.r1_gamma or objective.gradient_penalty

    with tf.GradientTape() as discriminator_tape:
        discriminator_tape.watch(images)
        with tf.GradientTape() as image_tape:
            image_tape.watch(images)
            logits = networks.judge(images, batch.dropout_key, classes)
        with tf.GradientTape(persistent=True) as logit_tape:
            logit_tape.watch(logits)
            generator_loss, discriminator_loss = _losses(
                objective.loss, logits[:reals], logits[reals:], batch
            )
        if penalised:
            slopes = image_tape.gradient(logits, images)
            penalised_loss = discriminator_loss + _penalties(
                networks, batch, objective, slopes[:reals], fake_images
            )

    factors = logit_tape.gradient(generator_loss, logits)
    if penalised:
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


def _gradients_apart(networks: Networks, batch: Batch, loss: Loss) -> Gradients:
    """Judge real and generated images in batches of their own, so that each kind has its mean.

    There are no penalties here: they are on an image's own slope.
    """
    with tf.GradientTape() as generator_tape:
        fake_images = networks.generate(batch.latents)
        with tf.GradientTape() as discriminator_tape:
            real_logits = networks.judge(batch.real_images, batch.dropout_key, batch.real_classes)
            key = tf.random.experimental.stateless_fold_in(batch.dropout_key, 0)
            fake_logits = networks.judge(fake_images, key, batch.fake_classes)
            generator_loss, discriminator_loss = _losses(loss, real_logits, fake_logits, batch)
    return Gradients(
        generator_loss,
        discriminator_loss,
        generator_tape.gradient(generator_loss, networks.generator_weights),
        discriminator_tape.gradient(discriminator_loss, networks.discriminator_weights),
    )


def _losses(
    loss: Loss, real_logits: tf.Tensor, fake_logits: tf.Tensor, batch: Batch
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the generator's and the discriminator's loss.

    They are sums over this replica, divided by counts over all: replicas add up to the mean.
    """
    terms = loss(real_logits, fake_logits)
    generator_loss = tf.reduce_sum(terms.generator) / batch.fake_count
    if terms.generator_real is not None:
        generator_loss += tf.reduce_sum(terms.generator_real) / batch.real_count
    real_loss = tf.reduce_sum(terms.real) / batch.real_count
    return generator_loss, real_loss + tf.reduce_sum(terms.fake) / batch.fake_count


def _penalties(
    networks: Networks,
    batch: Batch,
    objective: Objective,
    real_slopes: tf.Tensor,
    fake_images: tf.Tensor,
) -> tf.Tensor:
    """Return what is added to the discriminator's loss for how steep it is.

    Args:
        networks: both networks.
        batch: the batch.
        objective: the penalties' weights.
        real_slopes: float32 [R, H, W, C], the gradients of the logits by the real images.
        fake_images: float32 [B, H, W, C], the generated images.
    """
    penalty = tf.constant(0.0)
    if objective.r1_gamma:
        penalty += objective.r1_gamma * tf.reduce_sum(r1_terms(real_slopes))
    if objective.gradient_penalty:
        reals = tf.shape(batch.real_images)[0]
        shares = tf.random.stateless_uniform((reals, 1, 1, 1), batch.mixing_key)
        fakes = tf.stop_gradient(fake_images[:reals])
        images = fakes + shares * (batch.real_images - fakes)
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = networks.judge(images, batch.dropout_key, batch.real_classes)
        terms = gradient_penalty_terms(tape.gradient(logits, images))
        penalty += objective.gradient_penalty * tf.reduce_sum(terms)
    return penalty / batch.real_count
