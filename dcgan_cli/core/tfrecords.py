"""Pictures in TFRecord files, read and written by TensorFlow."""

import dataclasses
import functools
import hashlib
import io
import itertools
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_cli.core.fitting import Form
from dcgan_cli.core.image_files import ImageFile
from dcgan_cli.core.image_reading import ReadImage, decode, in_threads
from dcgan_cli.core.image_set import Images, ImageSet, Watch
from dcgan_cli.core.images import to_picture
from dcgan_cli.core.shards import INDEX, check_shard, list_shards, record_places, stated_classes
from dcgan_cli.core.storage import flush_to_disk, remove, temporary_beside, write_json
from dcgan_cli.errors import DataError, StorageError

IMAGE_KEYS = ("image", "image/encoded", "image_raw")
"""Under which names files hold an encoded image: ours and tensorflow-datasets', others'."""
LABEL_KEYS = ("label", "image/class/label")
"""And its class, a whole number."""
OPEN_FILES = 128
"""Files held open at most; systems allow 256 or more."""
PACKED_TOGETHER = 64
"""Images that are decoded at a time for a file."""


class RecordPictures:
    """The pictures in TFRecord files, in the order of the files and of the records in each.

    Args:
        pattern: which files; see `list_shards`.
        class_names: what their classes are called; by default what an index beside them says.

    Raises:
        DataError: there are none, or one is no such file, or is cut off.
    """

    def __init__(self, pattern: str, class_names: Sequence[str] = ()) -> None:
        self.listing = list_shards(pattern)
        self.class_names: Sequence[str] = class_names or stated_classes(self.listing)
        self._records = [
            record_places(self.listing.folder / file.name) for file in self.listing.images
        ]
        self._ends = np.cumsum([len(records) for records in self._records])
        # Opening one for each record would take half as long as decoding does.
        self._opened = functools.lru_cache(OPEN_FILES)(lambda path: path.open("rb", buffering=0))

    def __len__(self) -> int:
        """See `Pictures`."""
        return int(self._ends[-1])

    def read_all(self, form: Form) -> Generator[ReadImage]:
        """Read every record as a stream, which compares its checksum; see `Pictures`."""
        yield from in_threads(lambda pair: _decode(*pair, form), self._stream(), form)

    def read(self, place: int, form: Form) -> ReadImage:
        """See `Pictures`. Its checksum was compared by `read_all`, and the file is as it was."""
        shard = int(np.searchsorted(self._ends, place, "right"))
        records = self._records[shard]
        number = place - (int(self._ends[shard]) - len(records))
        file = self.listing.images[shard]
        path = self.listing.folder / file.name
        start, length = records[number].tolist()
        try:
            stream = self._opened(path)  # To be held on to: it may leave the cache meanwhile.
            record = os.pread(stream.fileno(), length, start)
            found = os.fstat(stream.fileno())
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); try again") from None
        if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
            raise DataError(f"{path} has changed while it was read; start again")
        return _decode(f"{file.name}#{number}", record, form)

    def _stream(self) -> Iterator[tuple[str, bytes]]:
        for file in self.listing.images:
            path = self.listing.folder / file.name
            check_shard(path)
            try:
                records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
                for number, record in enumerate(records):
                    yield f"{file.name}#{number}", record
            except tf.errors.OpError as error:
                found = re.search(r"\w+ record at \d+", error.message)
                what = found.group() if found else error.message
                raise DataError(f"{path} is damaged ({what}); get it again") from None


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


def write_shards(data: ImageSet, out: Path, shard_images: int, watch: Watch) -> None:
    """Write images as PNG, with their labels, into TFRecord files, and an index of these.

    The folder is made under a temporary name and renamed.

    Args:
        data: the images, and their labels where there are any.
        out: the folder to make; an empty one may be there.
        shard_images: images in a file.
        watch: is shown how far it is.

    Raises:
        DataError: an image cannot be read.
        StorageError: the disk is full, or fails.
        OSError: it cannot be written, or is there and not empty.
    """
    folder = temporary_beside(out)
    folder.mkdir(parents=True)
    try:
        labels = itertools.repeat(None) if data.labels is None else data.labels
        labelled = zip(_one_by_one(data.images), labels, strict=False)
        records = iter(watch(itertools.starmap(_record, labelled), len(data.images), "packing"))
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
    except tf.errors.OpError as error:  # Of a disk that is full, say; it has no number.
        reason = error.message.rpartition("; ")[2]
        raise StorageError(f"cannot write {out}: {reason}; free space, or choose another") from None
    finally:
        if folder.exists():
            remove(folder)


def _one_by_one(images: Images) -> Iterator[np.ndarray]:
    for first in range(0, len(images), PACKED_TOGETHER):
        yield from images[np.arange(first, min(first + PACKED_TOGETHER, len(images)))]


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
    with path.open("rb+") as stream:
        flush_to_disk(stream)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "images": count, "sha256": digest}
