"""TFRecord files: which there are, how many records they hold, and the index beside them.

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
"""More may follow: `.tfrecord`, `.tfrecords`, `.tfrecord.gz`, or the number of the file."""
RESOLUTION = re.compile(r"(.*)-r(\d\d)(\.tfrec.*)")
"""What StyleGAN calls its files: each has all pictures, at 2 to the power of that number."""
HEAD_BYTES, TAIL_BYTES = 12, 4


def holds_records(path: Path) -> bool:
    """Whether a file, a folder or a pattern with `*` is called like TFRecord files."""
    if path.is_dir():
        return bool(_matching(str(path)))
    return ENDING in path.name and bool(_matching(str(path)))


def list_shards(pattern: str) -> Listing:
    """List the TFRecord files that a pattern matches.

    Args:
        pattern: a file, a pattern with `*`, or a folder, which means its `*.tfrecord*`.

    Raises:
        DataError: there are none, or an index beside them names one that is not there.
    """
    paths = _matching(pattern)
    if not paths:
        raise DataError(
            f"{pattern} matches no file; data.path names TFRecord files, such as "
            "'FOLDER/*.tfrecord'"
        )
    folder = Path(os.path.commonpath([os.path.dirname(path) for path in paths]))
    files = []
    for path in paths:
        try:
            stated = os.stat(path)
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); try again") from None
        name = Path(path).relative_to(folder).as_posix()
        times = (stated.st_mtime_ns, stated.st_ctime_ns)
        files.append(ImageFile(name, stated.st_size, *times))
    for index in {Path(path).parent / INDEX for path in paths}:
        _check_complete(index)
    return Listing(folder, files, [], lambda: list_shards(pattern))


def _matching(pattern: str) -> list[str]:
    """Return the files that a pattern matches, in order of name; see `lower_resolutions`."""
    found = _all_matching(pattern)
    lower = set(_lower_resolutions(found))
    return [path for path in found if path not in lower]


def lower_resolutions(pattern: str) -> int:
    """Return how many files a pattern matches that hold the pictures of others, but smaller."""
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
    if os.path.isfile(pattern):  # Also if its name looks like a pattern.
        found = [pattern]
    else:
        found = glob.glob(inside if os.path.isdir(pattern) else pattern)
    return sorted((path for path in found if os.path.isfile(path)), key=os.fsencode)


def record_places(path: Path) -> np.ndarray:
    """Find the records of a TFRecord file by their lengths, without reading them.

    Returns:
        int64 [N, 2]: at which byte the content of each begins, and how many bytes it has.

    Raises:
        DataError: it is no such file, or is cut off.
    """
    places = array("q")
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            at = 0
            while at < size:
                stream.seek(at)
                length = int.from_bytes(stream.read(HEAD_BYTES)[:8], "little")
                if not length:  # Of a file that was given its length and not its content, say.
                    break
                places.extend((at + HEAD_BYTES, min(length, size)))
                at += HEAD_BYTES + length + TAIL_BYTES
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    if at != size or not places:
        raise DataError(f"{path} is no TFRecord file, or is cut off; get it again")
    return np.array(places, np.int64).reshape(-1, 2)


def check_shard(path: Path) -> None:
    """Compare a file with the index beside it, if that names it.

    Raises:
        DataError: its sha256 is another, or the index cannot be read.
    """
    index = path.parent / INDEX
    if (stated := _sha256_by_name(index).get(path.name)) is None:
        return
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); try again") from None
    if stated != digest:
        raise DataError(f"{path} is not what {index} says (sha256 differs); get it again")


def stated_classes(listing: Listing) -> tuple[str, ...]:
    """Return what the classes are called, by the index beside the files; empty if none says.

    Raises:
        DataError: an index cannot be read, or two name other classes.
    """
    folders = {(listing.folder / file.name).parent for file in listing.images}
    stated = {tuple(_index(folder / INDEX).get("classes") or ()): folder for folder in folders}
    if len(stated) > 1:
        first, second, *_ = sorted(map(str, stated.values()))
        raise DataError(
            f"{first} and {second} have other classes, so that a number means one in each; pack "
            "their pictures together, or train on one"
        )
    return next(iter(stated))


def _check_complete(index: Path) -> None:
    for name in _sha256_by_name(index):
        if not (path := index.parent / Path(name).name).exists():
            raise DataError(f"{path} has gone, and {index} names it; get it again")


def _sha256_by_name(index: Path) -> dict[str, str]:
    """Return what an index says of its files; nothing if there is none.

    Raises:
        DataError: it cannot be read.
    """
    return {str(shard["name"]): str(shard["sha256"]) for shard in _index(index).get("shards", [])}


def _index(path: Path) -> dict[str, Any]:
    """Return what an index says, with its types checked; nothing if there is none.

    Raises:
        DataError: it cannot be read.
    """
    if not path.exists():
        return {}
    try:
        index = read_json(path)
        shards, classes = index["shards"], index.get("classes") or []
        if not all(isinstance(shard[key], str) for shard in shards for key in ("name", "sha256")):
            raise TypeError("a name or sha256 of a file is no text")
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise TypeError("its classes are no list of names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); pack the images again") from None
    return dict(index)
