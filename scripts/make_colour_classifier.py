"""Train the classifier whose features score colour images; print its accuracy and sha256.

    python scripts/make_colour_classifier.py dcgan_cli/assets/classifiers/colour-1.npz
    python scripts/make_colour_classifier.py new.npz --data cifar10.npz

CIFAR-10 is read as `data=cifar10` reads it, or from an .npz with x_train, y_train, x_test and
y_test. Training is on the training split, with flips, shifts by up to four pixels and erased
squares of 8x8 pixels (DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural
Networks with Cutout"). Weights are stored in float16. `dcgan_cli/core/evaluation/features.py` pins
the printed sha256. Every new classifier needs a new name, because scores name their classifier. The
bits depend on the machine and the versions, so the trained arrays themselves are distributed.
"""

import argparse
import hashlib
from pathlib import Path

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.data.cifar10 import CLASS_NAMES, read_cifar10, read_cifar10_copy

BATCH = 128
SHIFT = 4
ERASED = 8
RATE, WEIGHT_DECAY = 0.1, 5e-4
WARM_UP = 0.2
"""Part of the steps in which the learning rate rises."""


def main() -> None:
    """Train and evaluate the classifier, and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    load_tensorflow()
    import keras
    import numpy as np
    import tensorflow as tf

    from dcgan_cli.core.evaluation.classifier import (
        build_colour_classifier,
        fold_normalization,
        named_weights,
    )
    from dcgan_cli.core.networks.weights import assign

    classes = len(CLASS_NAMES)
    if arguments.data is None:
        train, test = (read_cifar10(split) for split in ("train", "test"))
    else:
        train, test = (read_cifar10_copy(arguments.data, s, classes) for s in ("train", "test"))
    keras.utils.set_random_seed(arguments.seed)
    network = build_colour_classifier(classes, normalized=True)
    classifier = keras.Model(network.input, network.output[1])
    steps = arguments.epochs * (len(train.images) // BATCH)
    warm_up = int(WARM_UP * steps)
    rates = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=RATE, warmup_steps=warm_up
    )
    classifier.compile(
        optimizer=keras.optimizers.SGD(
            rates, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY
        ),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=["accuracy"],
        jit_compile=False,  # XLA convolves more slowly on a CPU.
    )

    def scaled(images, labels):
        return tf.cast(images, tf.float32) / 127.5 - 1, tf.one_hot(labels, classes)

    def augmented(image, label):
        """Shift, flip and erase a part of one image."""
        image, label = scaled(image, label)
        height, width = image.shape[:2]
        padded = tf.pad(image, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="REFLECT")
        image = tf.image.random_flip_left_right(tf.image.random_crop(padded, image.shape))
        corner = tf.random.uniform((2,), -ERASED + 1, height, tf.int32)
        rows, columns = tf.range(height)[:, None] - corner[0], tf.range(width) - corner[1]
        inside = (rows >= 0) & (rows < ERASED) & (columns >= 0) & (columns < ERASED)
        return tf.where(inside[..., None], 0.0, image), label

    shuffled = tf.data.Dataset.from_tensor_slices((train.images, train.labels))
    shuffled = shuffled.shuffle(len(train.images), seed=arguments.seed).map(
        augmented, num_parallel_calls=tf.data.AUTOTUNE
    )
    batches = shuffled.batch(BATCH, drop_remainder=True).prefetch(2)
    held_out = tf.data.Dataset.from_tensor_slices((test.images, test.labels)).batch(500)
    held_out = held_out.map(scaled)
    classifier.fit(batches, epochs=arguments.epochs, verbose=2, validation_data=held_out)

    arrays = {name: array.astype(np.float16) for name, array in fold_normalization(network).items()}
    with arguments.archive.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    folded = build_colour_classifier(classes)
    assign(named_weights(folded), arrays, str(arguments.archive))
    found = keras.Model(folded.input, folded.output[1]).predict(held_out, verbose=0).argmax(axis=1)
    digest = hashlib.sha256(arguments.archive.read_bytes()).hexdigest()
    print(f"accuracy on the test split {(found == test.labels).mean():.4f}\n{digest}")


if __name__ == "__main__":
    main()
