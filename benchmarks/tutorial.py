"""TensorFlow's DCGAN tutorial, reimplemented from its description.

https://www.tensorflow.org/tutorials/generative/dcgan: Keras layers, two gradient tapes, a
`tf.function` without a signature, float32 images shuffled by tf.data. Prints the seconds of each
epoch: the steps, and generating 16 images afterwards (without matplotlib, which would make the
tutorial slower).

    python benchmarks/tutorial.py IMAGES EPOCHS
"""

import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dcgan_cli.core.data.mnist import BUNDLED_MNIST

BATCH_SIZE = 256
BUFFER_SIZE = 60000
NOISE_DIM = 100


def load_images(count: int) -> np.ndarray:
    """Return the first real images as float32 [count, 28, 28, 1] in [-1, 1]."""
    images = np.load(BUNDLED_MNIST)["x_train"][:count, ..., np.newaxis].astype("float32")
    return (images - 127.5) / 127.5


def make_generator() -> keras.Model:
    """Build the tutorial's generator."""
    return keras.Sequential(
        [
            keras.Input((NOISE_DIM,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, 5, strides=1, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(
                1, 5, strides=2, padding="same", use_bias=False, activation="tanh"
            ),
        ]
    )


def make_discriminator() -> keras.Model:
    """Build the tutorial's discriminator."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


def make_step() -> Callable[[tf.Tensor], None]:
    """Build both networks and return the tutorial's training step on a batch of real images."""
    generator, discriminator = make_generator(), make_discriminator()
    return compile_step(generator, discriminator)


def compile_step(generator: keras.Model, discriminator: keras.Model) -> Callable[[tf.Tensor], None]:
    """Return the tutorial's training step for these networks."""
    generator_optimizer = keras.optimizers.Adam(1e-4)
    discriminator_optimizer = keras.optimizers.Adam(1e-4)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def train_step(images: tf.Tensor) -> None:
        noise = tf.random.normal([BATCH_SIZE, NOISE_DIM])
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fakes = generator(noise, training=True)
            real_logits = discriminator(images, training=True)
            fake_logits = discriminator(fakes, training=True)
            generator_loss = cross_entropy(tf.ones_like(fake_logits), fake_logits)
            real_loss = cross_entropy(tf.ones_like(real_logits), real_logits)
            fake_loss = cross_entropy(tf.zeros_like(fake_logits), fake_logits)
            discriminator_loss = real_loss + fake_loss
        generator_gradients = generator_tape.gradient(generator_loss, generator.trainable_variables)
        discriminator_gradients = discriminator_tape.gradient(
            discriminator_loss, discriminator.trainable_variables
        )
        generator_optimizer.apply_gradients(
            zip(generator_gradients, generator.trainable_variables, strict=True)
        )
        discriminator_optimizer.apply_gradients(
            zip(discriminator_gradients, discriminator.trainable_variables, strict=True)
        )

    return train_step


def main() -> None:
    """Train and print the seconds of each epoch."""
    image_count, epochs = (int(word) for word in sys.argv[1:])
    dataset = tf.data.Dataset.from_tensor_slices(load_images(image_count))
    dataset = dataset.shuffle(BUFFER_SIZE).batch(BATCH_SIZE)
    generator = make_generator()
    train_step = compile_step(generator, make_discriminator())
    preview_noise = tf.random.normal([16, NOISE_DIM])

    for _ in range(epochs):
        start = time.monotonic()
        for batch in dataset:
            train_step(batch)
        generator(preview_noise, training=False).numpy()
        print(time.monotonic() - start, flush=True)


if __name__ == "__main__":
    main()
