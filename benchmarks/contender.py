"""Run one contender of `compare.py` and print its times as JSON.

    python -m benchmarks.contender NAME STEPS

NAME is `tutorial`, `dcgan SIZE PRECISION CONVOLUTION`, `pytorch SIZE OPTION...` or `products
PRECISION`. SIZE 28 means the tutorial's networks, another size those of `model=dcgan` in colour.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

BATCH_SIZE = 256
DCGAN_BATCH_SIZE = 64
WARM_UP = 3
SIZE = 2048
"""Rows and columns of the matrices whose product measures the machine's peak rate."""


def tutorial() -> Callable[[], object]:
    """Return the tutorial's training step."""
    from benchmarks.tutorial import load_images, make_step, tf

    step, images = make_step(), tf.constant(load_images(BATCH_SIZE))
    # It has no result to wait for, but a tf.function returns only when its work is done.
    return lambda: step(images)


def real_images(size: int) -> Any:
    """Return a batch of images, uint8 [N, size, size, C].

    They are MNIST's for 28 pixels, else noise, whose values take no less time.
    """
    import numpy as np

    from dcgan_cli.core.data.arrays.images import read_images
    from dcgan_cli.core.data.mnist import BUNDLED_MNIST

    if size == 28:
        return read_images(BUNDLED_MNIST).images[:BATCH_SIZE]
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (DCGAN_BATCH_SIZE, size, size, 3), np.uint8)


def dcgan(size: str, precision: str, convolution: str) -> Callable[[], object]:
    """Return the training step of dcgan, otherwise with default settings."""
    import tensorflow as tf

    from dcgan_cli.core.gan.step import build_gan, compile_step
    from dcgan_cli.core.networks.device import building
    from dcgan_cli.settings.schema import DataConfig, ModelConfig, TrainConfig

    tf.config.experimental.enable_op_determinism()
    real = real_images(int(size))
    config = TrainConfig(precision=precision, convolution=convolution)
    if size != "28":
        config = TrainConfig(
            precision=precision,
            convolution=convolution,
            batch_size=len(real),
            data=DataConfig(name="image_folder", image_size=int(size), channels=3),
            model=ModelConfig(name="dcgan", leaky_relu_slope=0.2, dropout=0.0),
        )
    with building(precision):
        gan = build_gan(config, 1)
    step = compile_step(gan, config, tf.distribute.get_strategy())
    images = tf.constant(real)
    return lambda: step(images, tf.constant(0, tf.int64)).numpy()


def pytorch(size: str, *options: str) -> Callable[[], object]:
    """Return the training step in PyTorch."""
    import numpy as np

    from benchmarks.pytorch import make_step

    step = make_step(list(options), int(size))
    images = real_images(int(size)).astype(np.float32) / 127.5 - 1
    return lambda: step(images)


def products(precision: str) -> Callable[[], object]:
    """Return a function that multiplies two large matrices."""
    import tensorflow as tf

    one, other = (tf.cast(tf.random.normal((SIZE, SIZE)), precision) for _ in range(2))
    multiply = tf.function(lambda: tf.matmul(one, other), autograph=False)
    return lambda: multiply().numpy()[0]


KINDS = {"tutorial": tutorial, "dcgan": dcgan, "pytorch": pytorch, "products": products}


def main() -> None:
    """Time the contender and print the results."""
    kind, *options = sys.argv[1].split()
    start = time.perf_counter()
    run = KINDS[kind](*options)
    run()
    first = time.perf_counter() - start
    for _ in range(WARM_UP - 1):
        run()
    seconds = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": statistics.median(seconds), "first": first}))


if __name__ == "__main__":
    main()
