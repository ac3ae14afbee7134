"""The two networks with their optimisers, and the one compiled training step that changes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dcgan_cli.core.gan.diffaugment import diffaugment
from dcgan_cli.core.gan.gradients import Batch, Discriminate, Loss, Networks, Objective, gradients
from dcgan_cli.core.gan.losses import LossTerms
from dcgan_cli.core.gan.updates import build_optimizer, optimizer_state
from dcgan_cli.core.networks.build import (
    build_discriminator,
    build_generator,
    has_batch_norm,
)
from dcgan_cli.core.networks.device import resolve_convolution
from dcgan_cli.core.networks.fourier_dcgan28 import FourierDiscriminator, FourierGenerator
from dcgan_cli.core.networks.weights import named_variables
from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import LossConfig, TrainConfig

TrainStep = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

# What a key of randomness is drawn for. The numbers are part of a run's identity: never reuse one.
# (1 and 2 were dropout's when real and generated images were judged apart.)
NOISE, DROPOUT, MIXING = 0, 3, 5
AUGMENT = 1000
"""What the key of dropout becomes that of changes to images by: no layer's number."""


@dataclass(frozen=True)
class Gan:
    """Everything that training changes."""

    generator: keras.Model
    discriminator: keras.Model
    generator_optimizer: keras.Optimizer
    discriminator_optimizer: keras.Optimizer
    average: keras.Model | None = None
    """The moving average of the generator, where the settings ask for one."""

    @property
    def sampled(self) -> keras.Model:
        """The generator whose images people see."""
        return self.generator if self.average is None else self.average

    def variables(self) -> dict[str, dict[str, keras.Variable]]:
        """Return all state by part and name, which is what a checkpoint holds."""
        parts = {
            "generator": named_variables(self.generator),
            "discriminator": named_variables(self.discriminator),
            "generator_optimizer": optimizer_state(self.generator_optimizer),
            "discriminator_optimizer": optimizer_state(self.discriminator_optimizer),
        }
        if self.average is not None:
            parts["generator_average"] = named_variables(self.average)
        return parts


def build_gan(config: TrainConfig, steps: int) -> Gan:
    """Build both networks and their optimisers from the settings and the seed.

    Call it under the strategy's scope and with the precision chosen.

    Args:
        config: the settings.
        steps: steps of the whole run, which the learning rate's cooldown ends with.

    Raises:
        ConfigError: a registered model does not go with the other settings.
    """
    generator = build_generator(config)
    discriminator = build_discriminator(config)
    if config.is_penalised and has_batch_norm(discriminator):
        raise ConfigError(
            f"model={config.model.name} has batch normalisation in its discriminator, but penalties"
            " are on single images; use blocks.norm for it, or train without the penalty"
        )
    return Gan(
        generator,
        discriminator,
        build_optimizer(config.optimizer, generator, steps),
        build_optimizer(config.optimizer, discriminator, steps),
        build_generator(config) if config.ema else None,
    )


def compile_step(gan: Gan, config: TrainConfig, strategy: tf.distribute.Strategy) -> TrainStep:
    """Compile one step of the tutorial's training: one batch, one update of each network.

    Both gradients are taken at the weights before the step. The number of generated images is
    always `batch_size`, also beside a last batch with fewer real ones.

    Returns:
        A function of (batch, step int64 scalar counted from 0), the batch being images (uint8
        [R, H, W, C]) or, where the settings say `conditional`, a pair of them and their classes
        (int32 [R]). It returns float32 [3]: the generator's loss, the discriminator's loss (without
        penalties), and the number of replicas on which a loss or a gradient was not finite.
    """
    networks = training_networks(gan, config)
    objective = Objective(build_loss(config.loss), config.loss.r1_gamma, config.gradient_penalty)
    fakes_per_replica = config.batch_size // strategy.num_replicas_in_sync
    conditional = config.model.conditional

    def replica_step(batch: Any, step: tf.Tensor) -> tf.Tensor:
        images, real_classes = batch if conditional else (batch, None)
        replica = tf.distribute.get_replica_context()
        index = replica.replica_id_in_sync_group

        def key(call: int) -> tf.Tensor:
            return step_key(config.seed, step, call, index)

        real_images = tf.cast(images, tf.float32) / 127.5 - 1
        real_count = replica.all_reduce("SUM", tf.cast(tf.shape(images)[0], tf.float32))
        latents = tf.random.stateless_normal((fakes_per_replica, config.noise_dim), key(NOISE))
        fake_classes = None
        if conditional:
            # Those of the real images, in their order: as frequent as in the data, and an image
            # between a real and a generated one is of the class of both.
            places = tf.range(fakes_per_replica) % tf.maximum(tf.size(real_classes), 1)
            fake_classes = tf.gather(tf.concat([real_classes, [0]], axis=0), places)
            latents = tf.concat([latents, tf.one_hot(fake_classes, config.data.classes)], axis=1)
        seen = Batch(
            real_images,
            latents,
            real_classes,
            fake_classes,
            key(DROPOUT),
            key(MIXING),
            real_count,
            config.batch_size,
        )
        result = gradients(networks, seen, objective)
        gan.generator_optimizer.apply(result.generator, networks.generator_weights)
        gan.discriminator_optimizer.apply(result.discriminator, networks.discriminator_weights)
        # A sum is finite only if all its terms are, so one number a gradient tells.
        both_losses = [result.generator_loss, result.discriminator_loss]
        sums = [tf.reduce_sum(g) for g in result.generator + result.discriminator]
        finite = tf.reduce_all(tf.math.is_finite([*both_losses, *sums]))
        return tf.stack([*both_losses, 1 - tf.cast(finite, tf.float32)])

    # With a stated signature the smaller last batch needs no trace of its own. Batches that are
    # split between replicas have no such signature.
    of_batch: Any = tf.TensorSpec((None, *config.image_shape), tf.uint8)
    if conditional:
        of_batch = (of_batch, tf.TensorSpec((None,), tf.int32))
    signature = [of_batch, tf.TensorSpec((), tf.int64)]
    alone = strategy.num_replicas_in_sync == 1

    # Nothing in it depends on a tensor's value in Python, so there is nothing for AutoGraph to
    # rewrite, which takes it a good part of the time to the first step.
    @tf.function(
        input_signature=signature if alone else None, reduce_retracing=True, autograph=False
    )
    def train_step(batch: Any, step: tf.Tensor) -> tf.Tensor:
        results = strategy.run(replica_step, args=(batch, step))
        if gan.average is not None:
            _move_average(gan.average, gan.generator, config.ema, step)
        return strategy.reduce("SUM", results, axis=None)

    return train_step


def build_loss(settings: LossConfig) -> Loss:
    """Return the loss that the settings name, as a function of logits alone.

    The function raises ConfigError if a registered loss returns anything but terms of the right
    shapes.
    """
    build = entry("loss", settings.name).build

    def loss(real: tf.Tensor, fake: tf.Tensor) -> LossTerms:
        terms: LossTerms = build(real, fake, settings)
        if not isinstance(terms, LossTerms):
            raise ConfigError(f"loss={settings.name} must return LossTerms, got {terms!r}")
        for name, term in terms._asdict().items():
            if term is not None and (term.shape.rank != 2 or term.shape[1] != 1):
                raise ConfigError(
                    f"loss={settings.name}: {name} must be one term for each image, [N, 1], "
                    f"got {term.shape}"
                )
        return terms

    return loss


def training_networks(gan: Gan, config: TrainConfig) -> Networks:
    """Return the networks in the form in which the settings have them trained.

    The transformed one is of the tutorial's networks for grey images.
    """
    generate: Callable[[tf.Tensor], tf.Tensor]
    discriminate: Discriminate
    if resolve_convolution(config) == "transformed":
        generate, discriminate = (
            FourierGenerator(gan.generator),
            FourierDiscriminator(gan.discriminator),
        )
    else:

        def generate(latents: tf.Tensor) -> tf.Tensor:
            return gan.generator(latents, training=True)

        def discriminate(images: tf.Tensor, key: tf.Tensor, classes: tf.Tensor | None) -> tf.Tensor:
            inputs = [images, key]
            if classes is not None:
                inputs.append(tf.one_hot(classes, config.data.classes))
            return gan.discriminator(inputs, training=True)

    def discriminate_augmented(
        images: tf.Tensor, key: tf.Tensor, classes: tf.Tensor | None
    ) -> tf.Tensor:
        changed = diffaugment(images, tf.random.experimental.stateless_fold_in(key, AUGMENT))
        return discriminate(changed, key, classes)

    return Networks(
        generate,
        discriminate_augmented if config.loss.diffaugment else discriminate,
        gan.generator.trainable_variables,
        gan.discriminator.trainable_variables,
        independent_logits=not has_batch_norm(gan.discriminator),
    )


def _move_average(
    average: keras.Model, generator: keras.Model, decay: float, step: tf.Tensor
) -> None:
    """Move every weight of `average`, batch statistics included, a little towards the generator's.

    average = d * average + (1 - d) * weight, with d = min(decay, (1 + step) / (10 + step)) so that
    the first weights are soon forgotten. ("The Unusual Effectiveness of Averaging in GAN Training",
    2019, arXiv 1806.04498, section 3; the warm-up is that of tf.train's moving averages.)
    """
    done = tf.cast(step, tf.float32)
    moved = 1 - tf.minimum(decay, (1 + done) / (10 + done))
    for mean, weight in zip(average.variables, generator.variables, strict=True):
        mean.assign_add(moved * (weight - mean))


def step_key(seed: int, step: tf.Tensor, call: int, replica: tf.Tensor | int) -> tf.Tensor:
    """Return the key of all randomness of one kind, in one step, on one replica.

    Returns:
        int32 [2], for TensorFlow's stateless random functions.
    """
    key = tf.stack([tf.constant(seed, tf.int32), tf.constant(call, tf.int32)])
    key = tf.random.experimental.stateless_fold_in(key, step)
    return tf.random.experimental.stateless_fold_in(key, replica)
