"""Compare the speed of reading pictures: cache, folder, TFRecord files, plain tf.data.

    python -m benchmarks.pictures [--rounds N] [--count N]

It creates JPEG pictures of 178x218 pixels, packs them at 64x64, and reads one epoch of batches from
each source.
"""

import argparse
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.rounds import Figures, in_words, interleave, median, run

SIZE, BATCH = 64, 64
WIDTH, HEIGHT = 178, 218
"""Size of CelebA's aligned and cropped pictures (Liu et al. 2015)."""
PLAIN = "TFRecord files, tf.data alone"


def write_pictures(folder: Path, count: int) -> None:
    """Write smooth pictures with noise, whose files are about as large as photographs."""
    folder.mkdir()
    for seed in range(count):
        draw = np.random.default_rng(seed)
        corners = Image.fromarray(draw.integers(0, 256, (3, 3, 3), np.uint8))
        smooth = np.asarray(corners.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float64)
        noisy = smooth + draw.normal(0, 8, smooth.shape)
        picture = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{seed:06d}.jpg", quality=90)


def sources(pictures: Path, packed: Path) -> dict[str, Callable[[], Any]]:
    """Return functions that build a data set of batches, uint8 [64, 64, 64, 3], by source."""
    from dcgan_cli.core import load_tensorflow

    load_tensorflow()
    import tensorflow as tf

    from dcgan_cli.core.data.batches import epoch_batches
    from dcgan_cli.core.data.load import load_training_images
    from dcgan_cli.settings.schema import DataConfig

    def ours(name: str, path: Path, *, cache: bool) -> tf.data.Dataset:
        config = DataConfig(name=name, path=str(path), image_size=SIZE, channels=3, cache=cache)
        images = load_training_images(config).images
        return epoch_batches(images, batch_size=BATCH, buffer_size=60000, seed=0, epoch=1)

    def plain() -> tf.data.Dataset:
        features = {"image": tf.io.FixedLenFeature([], tf.string)}

        def decoded(record: tf.Tensor) -> tf.Tensor:
            image = tf.io.decode_png(tf.io.parse_single_example(record, features)["image"], 3)
            return tf.ensure_shape(image, (SIZE, SIZE, 3))

        files = tf.data.Dataset.list_files(str(packed / "*.tfrecord"), seed=0)
        records = files.interleave(tf.data.TFRecordDataset, cycle_length=4, num_parallel_calls=2)
        images = records.shuffle(2000, seed=0).map(decoded, num_parallel_calls=os.cpu_count())
        return images.batch(BATCH).prefetch(2)

    return {
        "folder, decoded once (data.cache=true)": functools.partial(
            ours, "image_folder", pictures, cache=True
        ),
        "folder, lazy": functools.partial(ours, "image_folder", pictures, cache=False),
        "TFRecord files, lazy": functools.partial(ours, "tfrecord", packed, cache=False),
        PLAIN: plain,
    }


def time_epoch(batches: Any) -> Figures:
    """Return the images per second of one epoch of batches."""
    start, count = time.perf_counter(), 0
    for batch in batches:
        count += len(batch)
    return {"images a second": count / (time.perf_counter() - start)}


def main() -> None:
    """Run all rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=5000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        os.environ["DCGAN_CACHE"] = str(folder / "cache")
        write_pictures(folder / "pictures", arguments.count)
        pack = [sys.executable, "-m", "dcgan_cli", "pack", "pictures", "packed"]
        run(pack, cwd=folder)
        made_sets = {
            name: make() for name, make in sources(folder / "pictures", folder / "packed").items()
        }
        contenders = {name: functools.partial(time_epoch, data) for name, data in made_sets.items()}
        rounds = interleave(contenders, arguments.rounds)
    key = "images a second"
    print(f"{'':42}{key:>16}  of {PLAIN}")
    for name in contenders:
        shares = in_words([each[name][key] / each[PLAIN][key] for each in rounds])
        print(f"{name:42}{median(rounds, name, key):16,.0f}  {shares}")


if __name__ == "__main__":
    main()
