"""Facts that `dcgan inspect` shows about a folder of pictures, with suggested settings."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dcgan_cli.core.data.image_set import ProgressCallback, no_progress
from dcgan_cli.core.data.load import MIN_SCORED_IMAGES
from dcgan_cli.core.data.pictures.decoding import ReadImage
from dcgan_cli.core.data.pictures.findings import Findings
from dcgan_cli.core.data.pictures.folder import FolderPictures
from dcgan_cli.core.data.pictures.listing import list_images
from dcgan_cli.core.data.pictures.preprocessing import Form, is_deep_mode, is_grey_mode
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.settings.registry import entry

Facts = dict[str, Any]
SHEET_IMAGES = 64
SHEET_SIZE = 64
SIZES = (64, 32)
"""Image sizes to suggest, the largest first. 64 is the DCGAN paper's and trains fast enough for a
first run."""
STEP_TIMES = {32: 1, 64: 5, 128: 24, 256: 140}
"""Time of a training step of model=dcgan by image size, relative to 32x32 (docs/performance.md)."""
FEW_PICTURES = 1000
"""Below this number, the discriminator soon knows every picture."""
RISKY_SHARE = 0.1
"""Share of pictures from which duplicates are a risk."""
DOMINANT_SHARE = 0.8
"""Share of pictures from which one class is a risk."""
SMALL_GREY_SIZE = 28
"""Size to suggest for smaller grey pictures; it has its own networks (dcgan28)."""
SCORED_FROM = 2 * MIN_SCORED_IMAGES
"""Minimum number of pictures in a folder for scores, which hold out half of them."""
GREY_SPREAD = 8
"""Maximum difference between the channels of a grey picture after JPEG rounding."""


@dataclass
class _Tally:
    """Totals over all pictures."""

    good: list[ReadImage] = field(default_factory=list)
    """Without their pixels."""
    bad: list[ReadImage] = field(default_factory=list)
    by_content: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    findings: Findings = field(default_factory=Findings)
    coloured: int = 0
    sheet: list[np.ndarray] = field(default_factory=list)
    """Pictures of the contact sheet, evenly spread over the folder: uint8 [64, 64, 3] each."""
    sheet_places: list[int] = field(default_factory=list)


def is_image_folder(folder: Path) -> bool:
    """Return whether a folder contains files with the name of an image."""
    return bool(list_images(folder).images)


def describe_pictures(
    path: Path, pictures: Pictures, progress: ProgressCallback = no_progress
) -> tuple[Facts, np.ndarray | None]:
    """Return facts about pictures. Decodes each picture once; writes nothing.

    Args:
        path: the folder or the TFRecord files, as the user named them.
        pictures: the pictures.
        progress: reports the progress.

    Returns:
        The facts, and up to 64 preprocessed pictures for a contact sheet: uint8 [N, 64, 64, C], or
        None if no picture is readable. Of the facts, "trainings" has the settings to train with, by
        what is trained, "step_times" the relative time of each size that fits, and "risks" what
        makes training likely to fail.

    Raises:
        DataError: a file changes while it is read, or is damaged as a whole.
    """
    listing = pictures.listing
    in_folder = isinstance(pictures, FolderPictures)
    images = pictures.read_all(Form(SHEET_SIZE, 3, "crop"))
    tally = _tally(progress(images, len(pictures), "reading"), len(pictures))
    suggested = _suggestion(tally, as_packed=not in_folder)
    classes = _classes(tally.good, pictures.class_names)
    train = _training("image_folder" if in_folder else "tfrecord", path, tally, suggested)
    trainings = {"train on it": train} if tally.good else {}
    if in_folder and tally.findings.further_pages:
        trainings["every page"] = train | {"data.pages": "all"}
    if len(classes) > 1 and all(
        image.label is not None and image.label >= 0 for image in tally.good
    ):
        trainings["class by class"] = train | {"model.conditional": True}
    facts: Facts = {
        "kind": "image_folder" if in_folder else "tfrecord",
        "path": str(path),
        "files": len(listing.images),
        "pictures": len(pictures),
        "images": len(tally.good),
        "megabytes": round(sum(file.size for file in listing.images) / 1e6, 1),
        "sizes": _sizes(tally.good),
        "modes": dict(Counter(image.mode for image in tally.good).most_common()),
        "unusable": {image.file.name: image.problem for image in tally.bad},
        "other_files": listing.others,
        "duplicates": [names for names in tally.by_content.values() if len(names) > 1],
        "classes": classes,
        "findings": tally.findings.as_dict(),
        "notes": [*pictures.notes, *map(str, tally.findings.notes(has_pages=in_folder))],
        "coloured": tally.coloured,
        "suggested": suggested,
        "changes": _changes(tally.good, suggested),
        "trainings": trainings,
        "step_times": _step_times(tally.good, suggested),
        "risks": _risks(tally, classes, suggested) if tally.good else [],
    }
    if not tally.good:
        return facts, None
    if tally.findings.suggested() and pictures.can_seek:
        tally.sheet = _reread(pictures, tally)
    return facts, _in_channels(tally.sheet, suggested["channels"])


def _tally(images: Iterable[ReadImage], count: int) -> _Tally:
    tally = _Tally()
    shown = {round(number * count / SHEET_IMAGES) for number in range(SHEET_IMAGES)}
    for index, image in enumerate(images):
        if image.pixels is None:
            tally.bad.append(image)
            continue
        tally.by_content[image.sha256].append(image.file.name)
        spread = np.ptp(image.pixels.astype(np.int16), axis=-1)
        tally.coloured += bool(spread.max() > GREY_SPREAD)
        if index in shown:
            tally.sheet.append(image.pixels)
            tally.sheet_places.append(index)
        tally.findings.add(image)
        tally.good.append(dataclasses.replace(image, pixels=None))
    return tally


def _reread(pictures: Pictures, tally: _Tally) -> list[np.ndarray]:
    """Read the pictures of the contact sheet again, with the suggested value range."""
    ends = tally.findings.suggested()
    form = Form(SHEET_SIZE, 3, "crop", ends.get("data.black", 0.0), ends.get("data.white"))
    images = (pictures.read(place, form).pixels for place in tally.sheet_places)
    return [pixels for pixels in images if pixels is not None]


def _suggestion(tally: _Tally, *, as_packed: bool) -> Facts:
    """Return suggested settings: a size that half of the pictures reach, grey if all are grey.

    Args:
        tally: the pictures.
        as_packed: whether to keep the size of pictures that were packed at one size.
    """
    if not tally.good:
        return {"image_size": SIZES[0], "channels": 3}
    channels = 3 if tally.coloured else 1
    sizes = {(image.width, image.height) for image in tally.good}
    width, height = min(sizes)
    if as_packed and len(sizes) == 1 and width == height and has_own_networks(width):
        return {"image_size": width, "channels": channels}
    shorter = float(np.median([min(image.width, image.height) for image in tally.good]))
    smallest = SIZES[-1] if tally.coloured else SMALL_GREY_SIZE
    size = next((size for size in SIZES if size <= shorter), smallest)
    return {"image_size": size, "channels": channels}


def has_own_networks(size: int) -> bool:
    """Whether convolutional networks are made for images of just this size."""
    return any(size in entry("model", name).sizes for name in ("dcgan28", "dcgan"))


def _classes(good: list[ReadImage], names: Sequence[str]) -> dict[str, int]:
    """Return the number of pictures of each class, by its name, or its number if unnamed."""
    counts = Counter(image.label for image in good)
    if None in counts:
        return {}
    return {
        names[label] if 0 <= label < len(names) else str(label): count
        for label, count in sorted((int(str(label)), count) for label, count in counts.items())
    }


def _sizes(good: list[ReadImage]) -> Facts:
    """Return the most common sizes and the ranges of widths and heights."""
    if not good:
        return {}
    common = Counter((image.width, image.height) for image in good).most_common()
    widths, heights = ([size[axis] for size, _ in common] for axis in (0, 1))
    return {
        "different": len(common),
        "width": [min(widths), max(widths)],
        "height": [min(heights), max(heights)],
        "common": [{"width": w, "height": h, "images": n} for (w, h), n in common[:10]],
    }


def _changes(good: list[ReadImage], suggested: Facts) -> dict[str, int]:
    """Return how many pictures each preprocessing step changes with the suggested settings."""
    size, channels = suggested["image_size"], suggested["channels"]
    shorter = [min(image.width, image.height) for image in good]
    counts = {
        f"scaled down to {size}x{size}": sum(side > size for side in shorter),
        f"scaled up to {size}x{size}": sum(side < size for side in shorter),
        "cropped to the central square": sum(image.width != image.height for image in good),
        "rotated by their EXIF orientation": sum(image.turned for image in good),
        "composited onto white where transparent": sum(image.transparent for image in good),
        "used without their alpha, which is 0 everywhere": sum(i.alpha_unused for i in good),
        "converted to 8 bits": sum(is_deep_mode(image.mode) for image in good),
        "converted to colour": sum(channels == 3 and is_grey_mode(image.mode) for image in good),
        "converted to grey": sum(channels == 1 and not is_grey_mode(i.mode) for i in good),
    }
    return {name: count for name, count in counts.items() if count}


def _step_times(good: list[ReadImage], suggested: Facts) -> dict[str, int]:
    """Return the relative time of a step at each size that half of the pictures reach."""
    shorter = float(np.median([min(image.width, image.height) for image in good] or [0]))
    fitting = [size for size in STEP_TIMES if size <= shorter or size == suggested["image_size"]]
    return {str(size): STEP_TIMES[size] for size in fitting}


def _risks(tally: _Tally, classes: dict[str, int], suggested: Facts) -> list[str]:
    """Return what makes training on these pictures likely to fail, in words."""
    count, size = len(tally.good), suggested["image_size"]
    found = []
    if count < FEW_PICTURES:
        found.append(
            f"few pictures: with fewer than {FEW_PICTURES:,}, samples may become copies of them; "
            "training augments them against that"
        )
    again = sum(len(names) - 1 for names in tally.by_content.values())
    if again >= RISKY_SHARE * count:
        found.append(f"{again:,} of {count:,} pictures are copies of others; remove them")
    if len(classes) > 1 and (most := max(classes.values())) >= DOMINANT_SHARE * count:
        name = next(name for name, number in classes.items() if number == most)
        found.append(f"class {name} has {most / count:.0%} of the pictures; the others may be lost")
    small = sum(min(image.width, image.height) < size for image in tally.good)
    if small > count / 2:
        found.append(f"{small:,} pictures are smaller than {size}x{size} and would be scaled up")
    return found


def _training(kind: str, path: Path, tally: _Tally, suggested: Facts) -> Facts:
    """Return the settings to train on the pictures with that are not defaults."""
    settings: Facts = {"data": kind, "data.path": str(path)}
    if suggested["image_size"] == SMALL_GREY_SIZE:
        settings["model"] = "dcgan28"
    if suggested["image_size"] != SIZES[0]:
        settings["data.image_size"] = suggested["image_size"]
    if suggested["channels"] != 3:
        settings["data.channels"] = suggested["channels"]
    settings |= tally.findings.suggested()
    if tally.bad:
        settings["data.skip_bad"] = True
    if len(tally.good) < SCORED_FROM:
        settings["evaluate_every"] = 0
    return settings


def _in_channels(images: list[np.ndarray], channels: int) -> np.ndarray:
    """Stack colour images uint8 [64, 64, 3]; convert them to grey if `channels` is 1."""
    if channels == 3:
        return np.stack(images)
    grey = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
    return np.stack(grey)[..., np.newaxis]
