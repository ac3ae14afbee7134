"""Read pictures from TFRecord files, with TensorFlow."""

import dataclasses
import functools
import itertools
import math
import os
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from dcgan_cli.core.data.pictures.content_kinds import picture_kind
from dcgan_cli.core.data.pictures.decoding import MAX_PIXELS, ReadImage, decode, decoded, problem_of
from dcgan_cli.core.data.pictures.listing import ImageFile
from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.core.data.pictures.reading import in_threads
from dcgan_cli.core.data.records.compressed import compression, count_records
from dcgan_cli.core.data.records.shards import (
    check_shard,
    list_shards,
    lower_resolutions,
    record_places,
    stated_classes,
)
from dcgan_cli.errors import DataError
from dcgan_cli.text import counted

IMAGE_KEYS = ("image", "image/encoded", "image_raw", "data")
"""Keys of the image. The first is used by `dcgan pack` and tensorflow-datasets, the last by
StyleGAN."""
LABEL_KEYS = ("label", "image/class/label", "class")
"""Keys of the class, an integer."""
SHAPE_KEYS = (("shape",), ("height", "width", "depth"), ("height", "width"))
"""Keys of the shape of a raw image, with one byte per value."""
CHANNELS = (1, 3, 4)
OPEN_FILES = 128
"""Maximum number of open files; systems allow 256 or more."""


@dataclass(frozen=True)
class _Shard:
    places: np.ndarray
    """int64 [N, 2], see `record_places`; empty if the file is compressed."""
    count: int
    compression: str
    """TensorFlow's name of the compression: GZIP, ZLIB or ""."""


def _shard(path: Path) -> _Shard:
    try:
        places = record_places(path)
    except DataError:
        if not (kind := compression(path)):
            raise
        return _Shard(np.empty((0, 2), np.int64), count_records(path), kind)
    return _Shard(places, len(places), "")


class RecordPictures:
    """The pictures in TFRecord files, in the order of the files and their records.

    Args:
        pattern: the files; see `list_shards`.
        class_names: names of the classes; by default those in the index.

    Raises:
        DataError: no file matches, or a file is not a TFRecord file or is truncated.
    """

    def __init__(self, pattern: str, class_names: Sequence[str] = ()) -> None:
        self.listing = list_shards(pattern)
        self.class_names: Sequence[str] = class_names or stated_classes(self.listing)
        paths = [self.listing.folder / file.name for file in self.listing.images]
        self._shards = [_shard(path) for path in paths]
        self.can_seek = not any(shard.compression for shard in self._shards)
        self.no_classes = (
            f"not all of its records have an integer under {' or '.join(LABEL_KEYS)}; leave out "
            "model.conditional"
        )
        self.notes: list[str] = []
        if lower := lower_resolutions(pattern):
            self.notes.append(
                f"skipped   {counted(lower, 'file')} with the same pictures at lower resolution"
            )
        if not self.can_seek:
            self.notes.append(
                "cache     decoded pictures are cached: compressed files have no random access"
            )
        self._ends = np.cumsum([shard.count for shard in self._shards])
        # Opening a file for each record would take half as long as decoding it.
        self._opened = functools.lru_cache(OPEN_FILES)(lambda path: path.open("rb", buffering=0))

    def key(self) -> str:
        """See `Pictures`."""
        return self.listing.key()

    def __len__(self) -> int:
        """See `Pictures`."""
        return int(self._ends[-1])

    def read_all(self, form: Form) -> Generator[ReadImage]:
        """Read all records as streams, which verifies the checksums; see `Pictures`."""
        records = self._stream()
        yield from in_threads(
            lambda pair: _decode(*pair, form), records, form, lambda pair: len(pair[1])
        )

    def read(self, place: int, form: Form) -> ReadImage:
        """See `Pictures`. `read_all` has verified the checksum; the file must be unchanged."""
        shard = int(np.searchsorted(self._ends, place, "right"))
        records = self._shards[shard].places
        number = place - (int(self._ends[shard]) - len(records))
        file = self.listing.images[shard]
        path = self.listing.folder / file.name
        start, length = records[number].tolist()
        try:
            stream = self._opened(path)  # Hold a reference: the cache may evict it meanwhile.
            record = os.pread(stream.fileno(), length, start)
            found = os.fstat(stream.fileno())
        except OSError as error:
            raise DataError(f"{path} is not readable ({error.strerror}); try again") from None
        if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
            raise DataError(f"{path} changed while it was read; start again")
        return _decode(f"{file.name}#{number}", record, form)

    def _stream(self) -> Iterator[tuple[str, bytes]]:
        for file, shard in zip(self.listing.images, self._shards, strict=True):
            path = self.listing.folder / file.name
            check_shard(path)
            try:
                dataset = tf.data.TFRecordDataset(str(path), shard.compression)
                records = dataset.as_numpy_iterator()
                for number, record in enumerate(records):
                    yield f"{file.name}#{number}", record
            except tf.errors.OpError as error:
                found = re.search(r"\w+ record at \d+", error.message)
                what = found.group() if found else error.message
                raise DataError(f"{path} is damaged ({what}); get a new copy") from None


def _decode(name: str, record: bytes, form: Form) -> ReadImage:
    file = ImageFile(name, len(record), 0)
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception:  # An exception of protobuf.
        return ReadImage(file, problem="is not a tf.train.Example")
    images = [features[key].bytes_list.value for key in IMAGE_KEYS if key in features]
    if not (encoded := list(itertools.chain(*images))):
        return ReadImage(file, problem=f"has no image; its keys are {', '.join(sorted(features))}")
    labels = [features[key].int64_list.value for key in LABEL_KEYS if key in features]
    label = next(itertools.chain(*labels), None)
    content = encoded[0]
    picture = None if picture_kind(content) else _unencoded(content, features)
    read = decode(file, content, form) if picture is None else _fitted(file, picture, form)
    return dataclasses.replace(read, label=label)


def _unencoded(content: bytes, features: Any) -> Image.Image | None:
    """Return the picture of a record with raw pixels; None if it has no matching shape.

    The shape is [channels, H, W], as in StyleGAN's files, [H, W, channels] or [H, W].
    """
    for keys in SHAPE_KEYS:
        sizes = [size for key in keys if key in features for size in features[key].int64_list.value]
        if len(sizes) not in (2, 3) or not all(0 < size <= MAX_PIXELS for size in sizes):
            continue
        if math.prod(sizes) != len(content):
            continue
        if len(sizes) == 2:
            sizes = [1, *sizes]
        pixels = np.frombuffer(content, np.uint8).reshape(sizes)
        if sizes[0] in CHANNELS:
            pixels = np.moveaxis(pixels, 0, -1)
        if pixels.shape[-1] in CHANNELS:
            pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
            return Image.fromarray(np.ascontiguousarray(pixels))
    return None


def _fitted(file: ImageFile, picture: Image.Image, form: Form) -> ReadImage:
    try:
        return ReadImage(file, **decoded(picture, form))
    except Image.DecompressionBombError as error:
        return ReadImage(file, problem=problem_of(error, b""))
