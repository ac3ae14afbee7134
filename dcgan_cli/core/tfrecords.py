"""Pictures in TFRecord files, read and written by TensorFlow."""

import dataclasses
import hashlib
import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_cli.core.fitting import Form
from dcgan_cli.core.image_cache import Watch
from dcgan_cli.core.image_files import ImageFile, Listing
from dcgan_cli.core.image_reading import ReadImage, decode, in_threads
from dcgan_cli.core.images import to_picture
from dcgan_cli.core.shards import INDEX, check_shard
from dcgan_cli.core.storage import remove, temporary_beside, write_json
from dcgan_cli.errors import DataError

IMAGE_KEYS = ("image", "image/encoded", "image_raw")
"""Under which names files hold an encoded image: ours and tensorflow-datasets', others'."""
LABEL_KEYS = ("label", "image/class/label")
"""And its class, a whole number."""


def read_records(listing: Listing, form: Form) -> Iterator[ReadImage]:
    """Decode the image of each record, in the order of the files and of the records in each.

    Raises:
        DataError: a file is damaged, or changes meanwhile.
    """
    yield from in_threads(lambda pair: _decode(*pair, form), _records(listing), form)
    listing.check_unchanged()


def _records(listing: Listing) -> Iterator[tuple[str, bytes]]:
    for file in listing.images:
        path = listing.folder / file.name
        check_shard(path)
        try:
            records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
            for number, record in enumerate(records):
                yield f"{file.name}#{number}", record
        except tf.errors.OpError as error:
            raise DataError(f"{path} is damaged ({error.message}); get it again") from None


def _decode(name: str, record: bytes, form: Form) -> ReadImage:
    file = ImageFile(name, len(record), 0)
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception:  # Of a library below TensorFlow.
        return ReadImage(file, problem="is not an Example")
    images = [features[key].bytes_list.value for key in IMAGE_KEYS if key in features]
    if not (encoded := list(itertools.chain(*images))):
        return ReadImage(file, problem=f"has no image; its keys are {', '.join(sorted(features))}")
    labels = [features[key].int64_list.value for key in LABEL_KEYS if key in features]
    label = next(itertools.chain(*labels), None)
    return dataclasses.replace(decode(file, encoded[0], form), label=label)


def write_shards(
    images: np.ndarray, labels: np.ndarray | None, out: Path, shard_images: int, watch: Watch
) -> None:
    """Write images as PNG, with their labels, into TFRecord files, and an index of these.

    The folder is made under a temporary name and renamed.

    Args:
        images: uint8 [N, H, W, C], C is 1 or 3.
        labels: whole numbers [N], where there are any.
        out: the folder to make; an empty one may be there.
        shard_images: images in a file.
        watch: is shown how far it is.

    Raises:
        OSError: it cannot be written, or is there and not empty.
    """
    folder = temporary_beside(out)
    folder.mkdir(parents=True)
    try:
        labelled = zip(images, itertools.repeat(None) if labels is None else labels, strict=False)
        records = iter(watch(itertools.starmap(_record, labelled), len(images), "packing"))
        count = -(-len(images) // shard_images)
        shards = [
            _write_shard(
                folder / f"images-{number:05d}-of-{count:05d}.tfrecord",
                itertools.islice(records, shard_images),
            )
            for number in range(count)
        ]
        facts = {"count": len(images), "shape": list(images.shape[1:]), "shards": shards}
        write_json(folder / INDEX, facts)
        folder.rename(out)
    finally:
        if folder.exists():
            remove(folder)


def _record(image: np.ndarray, label: Any) -> bytes:
    png = io.BytesIO()
    to_picture(image).save(png, "PNG")
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
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "images": count, "sha256": digest}
