"""Losses and gradients of both networks for one batch, with as few forward passes as possible."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from dcgan_cli.core.gan.losses import LossTerms
from dcgan_cli.core.gan.penalties import gradient_penalty_terms, r1_terms

TINY = 1e-20
"""Replaces zero in a division. It is too small to change any gradient it is added to."""

Loss = Callable[[tf.Tensor, tf.Tensor], LossTerms]
"""Terms of the logits of real images (float32 [R, 1]) and of generated images (float32 [B, 1])."""
Discriminate = Callable[[tf.Tensor, tf.Tensor, tf.Tensor | None], tf.Tensor]


@dataclass(frozen=True)
class Networks:
    """Both networks in training mode, with their trainable weights."""

    generate: Callable[[tf.Tensor], tf.Tensor]
    """Maps latent vectors (float32 [N, latent_dim]) to images (float32 [N, H, W, C])."""
    discriminate: Discriminate
    """Maps images, a dropout key (int32 [2]) and the images' classes (int32 [N], or None) to logits
    (float32 [N, 1])."""
    generator_weights: list[keras.Variable]
    discriminator_weights: list[keras.Variable]
    independent_logits: bool
    """Whether an image's logit depends on that image alone; see `couples_images`."""


@dataclass(frozen=True)
class Batch:
    """The inputs of one step on one replica."""

    real_images: tf.Tensor
    """float32 [R, H, W, C] in [-1, 1], R at most B."""
    latents: tf.Tensor
    """float32 [B, latent_dim]: noise, followed by the one-hot class in conditional training."""
    real_classes: tf.Tensor | None
    """int32 [R]."""
    fake_classes: tf.Tensor | None
    """int32 [B]."""
    dropout_key: tf.Tensor
    """int32 [2]."""
    mixing_key: tf.Tensor
    """int32 [2], the key of the points between real and generated images at which the gradient
    penalty is computed."""
    real_count: tf.Tensor
    """float32 scalar, the number of real images on all replicas; the mean is over these."""
    fake_count: int
    """The number of generated images on all replicas."""


@dataclass(frozen=True)
class Objective:
    """The loss and the weights of its penalties."""

    loss: Loss
    r1_gamma: float
    """Weight of the R1 penalty, 0 or more."""
    gradient_penalty: float
    """Weight of the gradient penalty between real and generated images, 0 or more."""


@dataclass(frozen=True)
class Gradients:
    """Losses and gradients of one batch."""

    generator_loss: tf.Tensor
    discriminator_loss: tf.Tensor
    """Without penalties: the value that is reported and that the health checks use."""
    generator: list[tf.Tensor]
    discriminator: list[tf.Tensor]


def gradients(networks: Networks, batch: Batch, objective: Objective) -> Gradients:
    """Return the losses and both networks' gradients at the current weights."""
    if networks.independent_logits:
        return _gradients_together(networks, batch, objective)
    return _gradients_apart(networks, batch, objective.loss)


def _gradients_together(networks: Networks, batch: Batch, objective: Objective) -> Gradients:
    """Run the discriminator on real and generated images together: one forward, one backward pass.

    Chain rule: dL/dx = dL/dlogit * dlogit/dx; only the first factor differs between the two losses.
    So the generator's gradient is the discriminator's input gradient times one factor per image.
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
            logits = networks.discriminate(images, batch.dropout_key, classes)
        with tf.GradientTape(persistent=True) as logit_tape:
            logit_tape.watch(logits)
            generator_loss, discriminator_loss = _losses(
                objective.loss, logits[:reals], logits[reals:], batch
            )
        if penalised:
            input_gradients = image_tape.gradient(logits, images)
            penalised_loss = discriminator_loss + _penalties(
                networks, batch, objective, input_gradients[:reals], fake_images
            )

    factors = logit_tape.gradient(generator_loss, logits)
    if penalised:
        discriminator_gradients = discriminator_tape.gradient(penalised_loss, weights)
    else:
        logit_gradients = logit_tape.gradient(discriminator_loss, logits)
        logit_gradients = tf.where(tf.abs(logit_gradients) < TINY, TINY, logit_gradients)
        *discriminator_gradients, input_gradients = discriminator_tape.gradient(
            logits, [*weights, images], output_gradients=logit_gradients
        )
        factors /= logit_gradients
    generator_gradients = generator_tape.gradient(
        fake_images,
        networks.generator_weights,
        output_gradients=input_gradients[reals:] * factors[reals:, :, tf.newaxis, tf.newaxis],
    )
    return Gradients(
        generator_loss, discriminator_loss, generator_gradients, discriminator_gradients
    )


def _gradients_apart(networks: Networks, batch: Batch, loss: Loss) -> Gradients:
    """Run the discriminator on real and generated images separately, for separate batch statistics.

    There are no penalties: they need per-image input gradients, which logits that depend on the
    whole batch prevent.
    """
    with tf.GradientTape() as generator_tape:
        fake_images = networks.generate(batch.latents)
        with tf.GradientTape() as discriminator_tape:
            real_logits = networks.discriminate(
                batch.real_images, batch.dropout_key, batch.real_classes
            )
            key = tf.random.experimental.stateless_fold_in(batch.dropout_key, 0)
            fake_logits = networks.discriminate(fake_images, key, batch.fake_classes)
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

    Sums over this replica are divided by counts over all replicas, so the replicas' losses add up
    to the mean.
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
    real_gradients: tf.Tensor,
    fake_images: tf.Tensor,
) -> tf.Tensor:
    """Return the penalties on the discriminator's input gradients: R1 and the gradient penalty.

    Args:
        networks: both networks.
        batch: the batch.
        objective: the weights of the penalties.
        real_gradients: float32 [R, H, W, C], the gradients of the logits with respect to the real
            images.
        fake_images: float32 [B, H, W, C], the generated images.
    """
    penalty = tf.constant(0.0)
    if objective.r1_gamma:
        penalty += objective.r1_gamma * tf.reduce_sum(r1_terms(real_gradients))
    if objective.gradient_penalty:
        reals = tf.shape(batch.real_images)[0]
        shares = tf.random.stateless_uniform((reals, 1, 1, 1), batch.mixing_key)
        fakes = tf.stop_gradient(fake_images[:reals])
        images = fakes + shares * (batch.real_images - fakes)
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = networks.discriminate(images, batch.dropout_key, batch.real_classes)
        terms = gradient_penalty_terms(tape.gradient(logits, images))
        penalty += objective.gradient_penalty * tf.reduce_sum(terms)
    return penalty / batch.real_count
