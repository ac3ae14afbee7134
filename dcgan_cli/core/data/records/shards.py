"""List TFRecord files, find their records, and read the index in their folder.

Needs no TensorFlow. Format: https://www.tensorflow.org/tutorials/load_data/tfrecord. A record is
its length (8 bytes, little-endian), 4 bytes of checksum, its content, 4 bytes of checksum.
"""

import glob
import hashlib
import os
import re
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_cli.core.data.pictures.listing import ImageFile, Listing
from dcgan_cli.core.storage import read_json
from dcgan_cli.errors import DataError

INDEX = "index.json"
ENDING = ".tfrec"
"""Common part of the names: `.tfrecord`, `.tfrecords`, `.tfrecord.gz`, or with a shard number."""
RESOLUTION = re.compile(r"(.*)-r(\d\d)(\.tfrec.*)")
"""Names of StyleGAN's files: each contains all pictures, at 2 to the power of that number."""
HEAD_BYTES, TAIL_BYTES = 12, 4


def holds_records(path: Path) -> bool:
    """Return whether a path, a folder or a pattern with `*` matches names of TFRecord files."""
    if path.is_dir():
        return bool(_matching(str(path)))
    return ENDING in path.name and bool(_matching(str(path)))


def list_shards(pattern: str) -> Listing:
    """Return the TFRecord files that a pattern matches.

    Args:
        pattern: a file, a pattern with `*`, or a folder, which means its `*.tfrec*`.

    Raises:
        DataError: no file matches, or a file in the index is missing.
    """
    paths = _matching(pattern)
    if not paths:
        raise DataError(
            f"{pattern} matches no file; give data.path the TFRecord files, such as "
            "'FOLDER/*.tfrecord'"
        )
    folder = Path(os.path.commonpath([os.path.dirname(path) for path in paths]))
    files = []
    for path in paths:
        try:
            stated = os.stat(path)
        except OSError as error:
            raise DataError(f"{path} is not readable ({error.strerror}); try again") from None
        name = Path(path).relative_to(folder).as_posix()
        times = (stated.st_mtime_ns, stated.st_ctime_ns)
        files.append(ImageFile(name, stated.st_size, *times))
    for index in {Path(path).parent / INDEX for path in paths}:
        _check_complete(index)
    return Listing(folder, files, [], lambda: list_shards(pattern))


def _matching(pattern: str) -> list[str]:
    """Return the files that a pattern matches, by name, without `lower_resolutions`."""
    found = _all_matching(pattern)
    lower = set(_lower_resolutions(found))
    return [path for path in found if path not in lower]


def lower_resolutions(pattern: str) -> int:
    """Return the number of matching files with the pictures of others at lower resolution."""
    return len(_lower_resolutions(_all_matching(pattern)))


def _lower_resolutions(paths: list[str]) -> list[str]:
    found = [(path, match) for path in paths if (match := RESOLUTION.fullmatch(path))]
    highest: dict[tuple[str, str], int] = {}
    for _, match in found:
        of = match[1], match[3]
        highest[of] = max(highest.get(of, 0), int(match[2]))
    return [path for path, match in found if int(match[2]) < highest[match[1], match[3]]]


def _all_matching(pattern: str) -> list[str]:
    inside = os.path.join(glob.escape(pattern), f"*{ENDING}*")
    if os.path.isfile(pattern):  # Even if its name looks like a pattern.
        found = [pattern]
    else:
        found = glob.glob(inside if os.path.isdir(pattern) else pattern)
    return sorted((path for path in found if os.path.isfile(path)), key=os.fsencode)


def record_places(path: Path) -> np.ndarray:
    """Return the positions of the records in a TFRecord file, reading only their lengths.

    Returns:
        int64 [N, 2]: offset and length in bytes of each record's content.

    Raises:
        DataError: the file is not a TFRecord file, or is truncated.
    """
    places = array("q")
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            at = 0
            while at < size:
                stream.seek(at)
                length = int.from_bytes(stream.read(HEAD_BYTES)[:8], "little")
                if not length:  # For example a file that was preallocated but not written.
                    break
                places.extend((at + HEAD_BYTES, min(length, size)))
                at += HEAD_BYTES + length + TAIL_BYTES
    except OSError as error:
        raise DataError(f"{path} is not readable ({error.strerror})") from None
    if at != size or not places:
        raise DataError(f"{path} is not a TFRecord file or is truncated; get a new copy")
    return np.array(places, np.int64).reshape(-1, 2)


def check_shard(path: Path) -> None:
    """Check the sha256 of a file if the index in its folder lists it.

    Raises:
        DataError: the sha256 differs, or the index is not readable.
    """
    index = path.parent / INDEX
    if (stated := _sha256_by_name(index).get(path.name)) is None:
        return
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} is not readable ({error.strerror}); try again") from None
    if stated != digest:
        raise DataError(f"{path} does not match its sha256 in {index}; get a new copy")


def stated_classes(listing: Listing) -> tuple[str, ...]:
    """Return the names of the classes from the index in the folder; empty if there are none.

    Raises:
        DataError: an index is not readable, or two indexes name different classes.
    """
    folders = {(listing.folder / file.name).parent for file in listing.images}
    stated = {tuple(_index(folder / INDEX).get("classes") or ()): folder for folder in folders}
    if len(stated) > 1:
        first, second, *_ = sorted(map(str, stated.values()))
        raise DataError(
            f"{first} and {second} have different classes, so their labels do not match; pack "
            "their pictures together, or train on one of them"
        )
    return next(iter(stated))


def _check_complete(index: Path) -> None:
    for name in _sha256_by_name(index):
        if not (path := index.parent / Path(name).name).exists():
            raise DataError(f"{path} is missing, but {index} lists it; get a new copy")


def _sha256_by_name(index: Path) -> dict[str, str]:
    """Return the sha256 of each file in an index; empty if there is no index.

    Raises:
        DataError: the index is not readable.
    """
    return {str(shard["name"]): str(shard["sha256"]) for shard in _index(index).get("shards", [])}


def _index(path: Path) -> dict[str, Any]:
    """Return the content of an index, with its types checked; empty if there is no index.

    Raises:
        DataError: the index is not readable.
    """
    if not path.exists():
        return {}
    try:
        index = read_json(path)
        shards, classes = index["shards"], index.get("classes") or []
        if not all(isinstance(shard[key], str) for shard in shards for key in ("name", "sha256")):
            raise TypeError("the name or sha256 of a file is not text")
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise TypeError("its classes are not a list of names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is not readable ({error}); pack the images again") from None
    return dict(index)
