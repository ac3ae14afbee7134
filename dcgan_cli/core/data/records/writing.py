"""Pack images into TFRecord files, with TensorFlow."""

import hashlib
import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from dcgan_cli.core.data.image_set import Images, ImageSet, ProgressCallback
from dcgan_cli.core.data.records.shards import INDEX
from dcgan_cli.core.data.records.tfrecords import IMAGE_KEYS, LABEL_KEYS
from dcgan_cli.core.storage import flush_to_disk, remove, temporary_beside, write_json
from dcgan_cli.errors import StorageError

PACKED_TOGETHER = 64
"""Number of images that are decoded at a time."""


def write_shards(data: ImageSet, out: Path, shard_images: int, progress: ProgressCallback) -> None:
    """Write images as PNG, with their labels, to TFRecord files with an index.

    The folder is created under a temporary name and renamed.

    Args:
        data: the images, with labels if there are any.
        out: the folder to create; it may exist if it is empty.
        shard_images: number of images per file.
        progress: reports the progress.

    Raises:
        DataError: an image is not readable.
        StorageError: the disk is full or fails.
        OSError: the folder is not writable, or exists and is not empty.
    """
    folder = temporary_beside(out)
    folder.mkdir(parents=True)
    try:
        labels = itertools.repeat(None) if data.labels is None else data.labels
        labelled = zip(_one_by_one(data.images), labels, strict=False)
        records = iter(progress(itertools.starmap(_record, labelled), len(data.images), "packing"))
        count = -(-len(data.images) // shard_images)
        shards = [
            _write_shard(
                folder / f"images-{number:05d}-of-{count:05d}.tfrecord",
                itertools.islice(records, shard_images),
            )
            for number in range(count)
        ]
        facts = {
            "count": len(data.images),
            "shape": list(data.images.shape[1:]),
            "classes": list(data.class_names),
            "shards": shards,
        }
        write_json(folder / INDEX, facts)
        folder.rename(out)
    except tf.errors.OpError as error:  # A full disk, for example; it has no errno.
        reason = error.message.rpartition("; ")[2]
        raise StorageError(
            f"cannot write {out}: {reason}; free space, or choose another folder"
        ) from None
    finally:
        if folder.exists():
            remove(folder)


def _one_by_one(images: Images) -> Iterator[np.ndarray]:
    for first in range(0, len(images), PACKED_TOGETHER):
        yield from images[np.arange(first, min(first + PACKED_TOGETHER, len(images)))]


def _record(image: np.ndarray, label: Any) -> bytes:
    png = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(png, "PNG")
    values = tf.train.BytesList(value=[png.getvalue()])
    feature = {IMAGE_KEYS[0]: tf.train.Feature(bytes_list=values)}
    if label is not None:
        numbers = tf.train.Int64List(value=[int(label)])
        feature[LABEL_KEYS[0]] = tf.train.Feature(int64_list=numbers)
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    record: bytes = example.SerializeToString(deterministic=True)
    return record


def _write_shard(path: Path, records: Iterable[bytes]) -> dict[str, Any]:
    count = 0
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
            count += 1
    with path.open("rb+") as stream:
        flush_to_disk(stream)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "images": count, "sha256": digest}
