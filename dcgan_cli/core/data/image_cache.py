"""Image cache: pixels, or metadata only.

An entry (see `cache_folder.py`) has `entry.json` and, if it caches pixels, `images.npy`: uint8
[N, S, S, C]. It is memory-mapped, so the images need not fit into memory.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from dcgan_cli.core.data.cache_folder import (
    ENTRY,
    cache_errors,
    cache_folder,
    check_writable,
    mark_used,
    new_entry,
)
from dcgan_cli.core.data.image_set import Images, ProgressCallback, no_progress
from dcgan_cli.core.data.pictures.decoding import ReadImage, heif_version
from dcgan_cli.core.data.pictures.findings import Findings
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.core.storage import flush_to_disk, read_json, write_json
from dcgan_cli.errors import StorageError

VERSION = 4
"""Increase it when preprocessing changes the pixels, or when `entry.json` changes."""
MAX_ENTRY_BYTES = 2**28
"""Maximum size of `entry.json`: labels and problems of millions of images."""
PIXELS = "images.npy"
PART_BYTES = 2**24


@dataclass(frozen=True)
class Decoded:
    """Preprocessed pictures and their metadata."""

    images: Images
    """The usable pictures."""
    sha256: str
    """Digest of their pixels."""
    labels: np.ndarray | None
    """int64 [N], the class of each image, or None unless the files give a class for all."""
    problems: dict[str, str]
    """Why a picture is not usable, by file name."""
    findings: Findings
    """Other facts about the pictures."""
    entry: Path
    """The cache entry; see `mark_used`."""


def decoded_images(
    pictures: Pictures,
    form: Form,
    *,
    limit: int | None = None,
    keep: bool = True,
    progress: ProgressCallback = no_progress,
) -> Decoded:
    """Return preprocessed pictures from the cache; read them all first if they are not cached.

    Unreadable pictures are left out and named in `problems`.

    Args:
        pictures: the pictures.
        form: size, channels and value range to preprocess to.
        limit: number of usable pictures to take, the first ones; None for all.
        keep: whether to cache pixels. If not, only metadata is cached and the images are lazy:
            decoded on each access.
        progress: reports the progress.

    Raises:
        DataError: a file changes or disappears while it is read.
        StorageError: the cache is not writable.
    """
    readers = [PIL.__version__, heif_version()]
    text = [VERSION, readers, asdict(form), limit, pictures.key()]
    key = hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()
    entry = cache_folder() / f"{'images' if keep else 'facts'}-{key[:32]}"

    def read() -> Decoded | None:
        return _read(entry, pictures, form, keep=keep, progress=progress)

    with cache_errors(entry.parent):
        found = read()
        if found is None:
            count = min(len(pictures), limit or len(pictures))
            facts: dict[str, Any] = {}
            if not keep:  # Reading may take days; a temporary folder would look abandoned by then.
                check_writable(entry.parent)
                with closing(pictures.read_all(form)) as images:
                    facts = _take(progress(images, count, "reading"), lambda pixels: None, limit)
            with new_entry(entry, is_whole=lambda: read() is not None) as folder:
                if keep:
                    _check_room(folder, count, form)
                    with closing(pictures.read_all(form)) as images:
                        tracked = progress(images, count, "decoding")
                        facts = _write_images(folder / PIXELS, tracked, form, limit)
                stated = {"facts": facts, "facts_sha256": _digest(facts)}
                write_json(folder / ENTRY, stated, indent=None)
                pictures.listing.check_unchanged()
            found = read()
    if found is None:
        raise StorageError(f"{entry} differs from what was just written; check the disk")
    mark_used(entry)
    return found


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _check_room(folder: Path, count: int, form: Form) -> None:
    """Check that the disk has room for the decoded images.

    Raises:
        StorageError: it has not.
    """
    wanted, free = count * int(np.prod(form.shape)), shutil.disk_usage(folder).free
    if wanted > free:
        raise StorageError(
            f"the decoded images need {wanted / 1e6:,.1f} MB, but the disk of the cache "
            f"{folder.parent} has {free / 1e6:,.1f} MB free; set DCGAN_CACHE to a folder on "
            "another disk, or give data.cache=false, which decodes the images again in each epoch"
        )


def _write_images(
    path: Path, images: Iterable[ReadImage], form: Form, limit: int | None
) -> dict[str, Any]:
    """Write the pixels as an `.npy` file and return the facts for `entry.json`.

    Writes image by image: on a full disk a memory map would kill the process.
    """
    with path.open("xb") as stream:
        _write_header(stream, (0, *form.shape))
        facts = _take(images, stream.write, limit)
        stream.seek(0)
        # NumPy pads the header, so a larger count fits.
        _write_header(stream, (facts["count"], *form.shape))
        flush_to_disk(stream)
    return facts


def _take(
    images: Iterable[ReadImage], write: Callable[[bytes], Any], limit: int | None
) -> dict[str, Any]:
    """Pass the pixels of up to `limit` usable pictures to `write`; return the facts about them."""
    digest, problems, findings = hashlib.sha256(), {}, Findings()
    labels: list[int | None] = []
    bad: list[int] = []
    for place, image in enumerate(images):
        if image.pixels is None:
            problems[image.file.name] = image.problem
            bad.append(place)
            continue
        pixels = image.pixels.tobytes()
        digest.update(pixels)
        write(pixels)
        findings.add(image)
        labels.append(image.label)
        if len(labels) == limit:
            break
    return {
        "count": len(labels),
        "sha256": digest.hexdigest(),
        "labels": None if None in labels else labels,
        "problems": problems,
        "bad": bad,
        "findings": findings.as_dict(),
    }


def _write_header(stream: Any, shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)


def _read(
    entry: Path, pictures: Pictures, form: Form, *, keep: bool, progress: ProgressCallback
) -> Decoded | None:
    """Read an entry; return None if it is missing or damaged."""
    try:
        written = read_json(entry / ENTRY, MAX_ENTRY_BYTES)
        stated = written["facts"]
        if written["facts_sha256"] != _digest(stated):
            return None
        count, sha256, problems = (stated[name] for name in ("count", "sha256", "problems"))
        labels = None if stated["labels"] is None else np.array(stated["labels"], np.int64)
        if count + len(problems) > len(pictures):
            return None
        places = np.delete(np.arange(count + len(problems)), stated["bad"])
        if len(places) != count:
            return None
        findings = Findings.from_dict(stated["findings"])
        if labels is not None and labels.shape != (count,):
            return None
        images: Images | None
        if keep:
            images = _read_pixels(entry / PIXELS, (count, *form.shape), sha256, progress)
        else:
            images = LazyImages(pictures, places, form)
    except (FileNotFoundError, NotADirectoryError, EOFError):
        return None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    except (OverflowError, RecursionError):
        return None
    if images is None:
        return None
    return Decoded(images, str(sha256), labels, dict(problems), findings, entry)


def _read_pixels(
    path: Path, shape: tuple[int, ...], sha256: str, progress: ProgressCallback
) -> np.ndarray | None:
    """Memory-map the pixels; return None if their dtype, shape or sha256 is wrong."""
    if shape[0] == 0:
        return np.zeros(shape, np.uint8)
    images = np.load(path, mmap_mode="r", allow_pickle=False)
    if images.dtype != np.uint8 or images.shape != shape:
        return None
    pixels = images.reshape(-1)
    parts = range(0, len(pixels), PART_BYTES)
    digest = hashlib.sha256()
    for first in progress(parts, len(parts), "checking"):
        digest.update(pixels[first : first + PART_BYTES])
    mapped: np.ndarray = images
    return mapped if digest.hexdigest() == sha256 else None
