"""Train the classifier whose features the scores compare, and print its accuracy and sha256.

    python scripts/make_classifier.py dcgan_cli/assets/classifiers/mnist-1.npz
    python scripts/make_classifier.py mine.npz --data my/labelled.npz

It trains on the training split, with images shifted by up to two pixels, and is evaluated on the
test split. `dcgan_cli/core/evaluation/features.py` pins the printed sha256. Every new classifier
needs a new name, because scores name their classifier. The bits depend on the machine and the
versions, so the trained arrays themselves are distributed.
"""

import argparse
import hashlib
from pathlib import Path

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.mnist import BUNDLED_MNIST

EPOCHS = 30
BATCH = 128
SHIFT = 2


def main() -> None:
    """Train and evaluate the classifier, and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--data", type=Path, default=BUNDLED_MNIST)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    load_tensorflow()
    import keras
    import numpy as np
    import tensorflow as tf

    from dcgan_cli.core.evaluation.classifier import build_classifier, named_weights

    train, test = (read_images(arguments.data, split) for split in ("train", "test"))
    keras.utils.set_random_seed(arguments.seed)
    tf.config.experimental.enable_op_determinism()
    network = build_classifier(train.images.shape[1:], int(train.labels.max()) + 1)
    classifier = keras.Model(network.input, network.output[1])
    steps = EPOCHS * -(-len(train.images) // BATCH)
    classifier.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )

    def scaled(images, labels):
        return tf.cast(images, tf.float32) / 127.5 - 1, labels

    def moved(images, labels):
        height, width = images.shape[1:3]
        edges = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
        padded = tf.pad(images, edges, constant_values=-1.0)
        top, left = tf.unstack(tf.random.uniform((2,), maxval=2 * SHIFT + 1, dtype=tf.int32))
        return padded[:, top : top + height, left : left + width], labels

    shuffled = tf.data.Dataset.from_tensor_slices((train.images, train.labels))
    shuffled = shuffled.shuffle(len(train.images), seed=arguments.seed).batch(BATCH)
    held_out = tf.data.Dataset.from_tensor_slices((test.images, test.labels)).batch(1000)
    classifier.fit(shuffled.map(scaled).map(moved).prefetch(2), epochs=EPOCHS, verbose=2)
    _, accuracy = classifier.evaluate(held_out.map(scaled), verbose=0)

    arrays = {name: variable.numpy() for name, variable in named_weights(network).items()}
    with arguments.archive.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    digest = hashlib.sha256(arguments.archive.read_bytes()).hexdigest()
    print(f"accuracy on the test split {accuracy:.4f}\n{digest}")


if __name__ == "__main__":
    main()
