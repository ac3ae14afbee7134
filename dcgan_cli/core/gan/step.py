"""Build the networks with their optimizers, and compile the training step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dcgan_cli.core.gan.diffaugment import diffaugment
from dcgan_cli.core.gan.gradients import Batch, Discriminate, Loss, Networks, Objective, gradients
from dcgan_cli.core.gan.losses import LossTerms
from dcgan_cli.core.gan.updates import Cooldown, build_optimizer, optimizer_state
from dcgan_cli.core.networks.build import (
    build_discriminator,
    build_generator,
    check_independence,
    couples_images,
)
from dcgan_cli.core.networks.device import resolve_convolution
from dcgan_cli.core.networks.weights import named_variables
from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import LossConfig, TrainConfig

TrainStep = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

# Kinds of random keys. Results depend on the numbers, so never reuse one. (1 and 2 were for dropout
# when the discriminator saw real and generated images separately.)
NOISE, DROPOUT, MIXING = 0, 3, 5
AUGMENT = 1000
"""Folded into the dropout key for augmentation; larger than the index of any dropout layer."""


@dataclass(frozen=True)
class Gan:
    """The networks and optimizers of a run: everything that training changes."""

    generator: keras.Model
    discriminator: keras.Model
    generator_optimizer: keras.Optimizer
    discriminator_optimizer: keras.Optimizer
    average: keras.Model | None = None
    """The moving average of the generator; None if `ema` is 0."""
    cooldown: Cooldown | None = None
    """The learning rate of both optimizers; None if it is constant."""

    @property
    def sampled(self) -> keras.Model:
        """The generator that images are sampled from: the moving average if there is one."""
        return self.generator if self.average is None else self.average

    def variables(self) -> dict[str, dict[str, keras.Variable]]:
        """Return all variables by part and name, as a checkpoint stores them."""
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
    """Build both networks and their optimizers from the settings and the seed.

    Call it inside the strategy's scope and `device.building`.

    Args:
        config: the settings.
        steps: number of steps of the whole run; the learning rate's cooldown ends with them.

    Raises:
        ConfigError: the logits of a registered model depend on the whole batch, which a penalty
            does not allow, or which the model does not declare; or two variables have one name.
    """
    generator = build_generator(config)
    discriminator = build_discriminator(config)
    if not couples_images(config, discriminator):
        if entry("model", config.model.name).origin:
            check_independence(config, discriminator)
    elif config.is_penalised:
        raise ConfigError(
            f"model={config.model.name} has batch normalization or another mix of images in its "
            "discriminator, but penalties need independent images; use blocks.norm instead, or "
            "train without the penalty"
        )
    optimizer = config.optimizer
    cooldown = None
    if optimizer.cooldown:
        cooldown = Cooldown(optimizer.learning_rate, optimizer.cooldown, steps)
    gan = Gan(
        generator,
        discriminator,
        build_optimizer(optimizer, generator, cooldown),
        build_optimizer(optimizer, discriminator, cooldown),
        build_generator(config) if config.ema else None,
        cooldown,
    )
    gan.variables()  # Checks their names before anything is written.
    return gan


def compile_step(gan: Gan, config: TrainConfig, strategy: tf.distribute.Strategy) -> TrainStep:
    """Compile a training step as in the tutorial: one batch, one update of each network.

    Both gradients are taken at the weights before the step. The number of generated images is
    always `batch_size`, even if the last batch has fewer real ones.

    Returns:
        A function of (batch, step). The batch is images (uint8 [R, H, W, C]) or, in conditional
        training, a pair of images and classes (int32 [R]). The step is an int64 scalar, from 0. The
        function returns float32 [3]: generator loss, discriminator loss (without penalties), and
        the number of replicas on which a loss or a gradient was not finite.
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
            # The classes of the real images, in the same order. So they are as frequent as in the
            # data, and both ends of the gradient penalty's interpolation have the same class.
            places = tf.range(fakes_per_replica) % tf.maximum(tf.size(real_classes), 1)
            fake_classes = tf.gather(tf.concat([real_classes, [0]], axis=0), places)
            latents = tf.concat([latents, tf.one_hot(fake_classes, config.data.classes)], axis=1)
        inputs = Batch(
            real_images,
            latents,
            real_classes,
            fake_classes,
            key(DROPOUT),
            key(MIXING),
            real_count,
            config.batch_size,
        )
        result = gradients(networks, inputs, objective)
        gan.generator_optimizer.apply(result.generator, networks.generator_weights)
        gan.discriminator_optimizer.apply(result.discriminator, networks.discriminator_weights)
        # A sum is finite only if all its terms are, so check one number per gradient.
        both_losses = [result.generator_loss, result.discriminator_loss]
        sums = [tf.reduce_sum(g) for g in result.generator + result.discriminator]
        finite = tf.reduce_all(tf.math.is_finite([*both_losses, *sums]))
        return tf.stack([*both_losses, 1 - tf.cast(finite, tf.float32)])

    # With a signature, the smaller last batch needs no trace of its own. Batches that are split
    # between replicas cannot have one.
    batch_spec: Any = tf.TensorSpec((None, *config.image_shape), tf.uint8)
    if conditional:
        batch_spec = (batch_spec, tf.TensorSpec((None,), tf.int32))
    signature = [batch_spec, tf.TensorSpec((), tf.int64)]
    single_replica = strategy.num_replicas_in_sync == 1

    # No Python control flow depends on a tensor, so AutoGraph has nothing to rewrite. Skipping it
    # shortens the time to the first step.
    @tf.function(
        input_signature=signature if single_replica else None,
        reduce_retracing=True,
        autograph=False,
    )
    def train_step(batch: Any, step: tf.Tensor) -> tf.Tensor:
        results = strategy.run(replica_step, args=(batch, step))
        if gan.average is not None:
            _update_average(gan.average, gan.generator, config.ema, step)
        return strategy.reduce("SUM", results, axis=None)

    return train_step


def build_loss(settings: LossConfig) -> Loss:
    """Return the loss that the settings choose, as a function of logits.

    The function raises ConfigError if the loss does not return `LossTerms` of the right shapes.
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
    """Return the networks in training mode, with direct or transformed convolutions."""
    generate: Callable[[tf.Tensor], tf.Tensor]
    discriminate: Discriminate
    if resolve_convolution(config) == "transformed":
        pair = entry("model", config.model.name).build()
        generate, discriminate = pair.transformed(gan.generator, gan.discriminator)
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
        augmented = diffaugment(images, tf.random.experimental.stateless_fold_in(key, AUGMENT))
        return discriminate(augmented, key, classes)

    return Networks(
        generate,
        discriminate_augmented if config.loss.diffaugment else discriminate,
        gan.generator.trainable_variables,
        gan.discriminator.trainable_variables,
        independent_logits=not couples_images(config, gan.discriminator),
    )


def _update_average(
    average: keras.Model, generator: keras.Model, decay: float, step: tf.Tensor
) -> None:
    """Update the moving average of the generator's weights and batch statistics.

    average = d * average + (1 - d) * weight, with d = min(decay, (1 + step) / (10 + step)), so that
    the initial weights soon have no influence. ("The Unusual Effectiveness of Averaging in GAN
    Training", 2019, arXiv 1806.04498, section 3; the warm-up is that of tf.train's moving
    averages.)
    """
    done = tf.cast(step, tf.float32)
    share = 1 - tf.minimum(decay, (1 + done) / (10 + done))
    for mean, weight in zip(average.variables, generator.variables, strict=True):
        mean.assign_add(share * (weight - mean))


def step_key(seed: int, step: tf.Tensor, call: int, replica: tf.Tensor | int) -> tf.Tensor:
    """Return the random key of one kind of draw, in one step, on one replica.

    Returns:
        int32 [2], for TensorFlow's stateless random functions.
    """
    key = tf.stack([tf.constant(seed, tf.int32), tf.constant(call, tf.int32)])
    key = tf.random.experimental.stateless_fold_in(key, step)
    return tf.random.experimental.stateless_fold_in(key, replica)
