"""Facts about a folder of pictures: what is in it, what is wrong with it, and what suits it."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dcgan_cli.core.data.image_set import Watch, unwatched
from dcgan_cli.core.data.load import LEAST_SCORED
from dcgan_cli.core.data.pictures.decoding import ReadImage
from dcgan_cli.core.data.pictures.findings import Findings
from dcgan_cli.core.data.pictures.folder import FolderPictures
from dcgan_cli.core.data.pictures.listing import list_images
from dcgan_cli.core.data.pictures.preprocessing import Form, is_deep_mode, is_grey_mode
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.settings.schema import DCGAN_SIZES

Facts = dict[str, Any]
SHEET_IMAGES = 64
SHEET_SIZE = 64
SIZES = (64, 32)
"""Image sizes to suggest, the largest first: 64 is the DCGAN paper's, and quick enough to begin
with."""
PACKED_SIZES = (28, *DCGAN_SIZES)
SMALL_GREY_SIZE = 28
"""To suggest for grey pictures that are smaller; it has networks of its own."""
SCORED_FROM = 2 * LEAST_SCORED
"""Pictures in a folder from which a half can be held out to score by."""
GREY_SPREAD = 8
"""How much the channels of a grey picture may differ once a JPEG has rounded them."""


@dataclass
class _Tally:
    """What reading the files one by one adds up to."""

    good: list[ReadImage] = field(default_factory=list)
    """Without their pixels."""
    bad: list[ReadImage] = field(default_factory=list)
    by_content: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    findings: Findings = field(default_factory=Findings)
    coloured: int = 0
    sheet: list[np.ndarray] = field(default_factory=list)
    """uint8 [64, 64, 3] each, evenly spread over the folder."""
    sheet_places: list[int] = field(default_factory=list)


def is_image_folder(folder: Path) -> bool:
    """Whether there is anything in a folder that is called like an image."""
    return bool(list_images(folder).images)


def describe_pictures(
    path: Path, pictures: Pictures, watch: Watch = unwatched
) -> tuple[Facts, np.ndarray | None]:
    """Describe pictures in files. Every one is decoded once; they are left as they are.

    Args:
        path: what they were called by: a folder, or TFRecord files.
        pictures: the pictures.
        watch: is shown how far it is.

    Returns:
        The facts, "trainings" among them: settings to train with, by what is to be trained. And up
        to 64 of the pictures as training would see them, for a contact sheet: uint8
        [N, 64, 64, C]; None where none can be read.

    Raises:
        DataError: a file changes meanwhile, or is damaged as a whole.
    """
    listing = pictures.listing
    in_folder = isinstance(pictures, FolderPictures)
    images = pictures.read_all(Form(SHEET_SIZE, 3, "crop"))
    tally = _tally(watch(images, len(pictures), "reading"), len(pictures))
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
    }
    if not tally.good:
        return facts, None
    if tally.findings.suggested() and pictures.can_seek:
        tally.sheet = _again(pictures, tally)
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


def _again(pictures: Pictures, tally: _Tally) -> list[np.ndarray]:
    """Read the pictures of the sheet with what is suggested for their values."""
    ends = tally.findings.suggested()
    form = Form(SHEET_SIZE, 3, "crop", ends.get("data.black", 0.0), ends.get("data.white"))
    images = (pictures.read(place, form).pixels for place in tally.sheet_places)
    return [pixels for pixels in images if pixels is not None]


def _suggestion(tally: _Tally, *, as_packed: bool) -> Facts:
    """Return settings that suit: no larger than half of the pictures are, grey if all are.

    Args:
        tally: the pictures.
        as_packed: whether a size that all have been brought to is theirs for good.
    """
    if not tally.good:
        return {"image_size": SIZES[0], "channels": 3}
    channels = 3 if tally.coloured else 1
    sizes = {(image.width, image.height) for image in tally.good}
    width, height = min(sizes)
    if as_packed and len(sizes) == 1 and width == height in PACKED_SIZES:
        return {"image_size": width, "channels": channels}
    shorter = float(np.median([min(image.width, image.height) for image in tally.good]))
    smallest = SIZES[-1] if tally.coloured else SMALL_GREY_SIZE
    size = next((size for size in SIZES if size <= shorter), smallest)
    return {"image_size": size, "channels": channels}


def _classes(good: list[ReadImage], names: Sequence[str]) -> dict[str, int]:
    """Return how many pictures there are of each class, by its name or else its number."""
    counts = Counter(image.label for image in good)
    if None in counts:
        return {}
    return {
        names[label] if 0 <= label < len(names) else str(label): count
        for label, count in sorted((int(str(label)), count) for label, count in counts.items())
    }


def _sizes(good: list[ReadImage]) -> Facts:
    """Return the commonest sizes, and between what the widths and heights are."""
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
    """Count what training with the suggested settings does to the pictures."""
    size, channels = suggested["image_size"], suggested["channels"]
    shorter = [min(image.width, image.height) for image in good]
    counts = {
        f"scaled down to {size}x{size}": sum(side > size for side in shorter),
        f"scaled up to {size}x{size}": sum(side < size for side in shorter),
        "cropped to the middle square": sum(image.width != image.height for image in good),
        "turned upright by their EXIF orientation": sum(image.turned for image in good),
        "put on white where they are transparent": sum(image.transparent for image in good),
        "shown as they are, with an alpha of 0 everywhere": sum(i.alpha_unused for i in good),
        "brought to 8 bits": sum(is_deep_mode(image.mode) for image in good),
        "converted to colour": sum(channels == 3 and is_grey_mode(image.mode) for image in good),
        "converted to grey": sum(channels == 1 and not is_grey_mode(i.mode) for i in good),
    }
    return {name: count for name, count in counts.items() if count}


def _training(kind: str, path: Path, tally: _Tally, suggested: Facts) -> Facts:
    """Return the settings to train on the pictures with, where they differ from the data's yaml."""
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
    """Stack colour images uint8 [64, 64, 3], in grey if one channel is asked for."""
    if channels == 3:
        return np.stack(images)
    grey = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
    return np.stack(grey)[..., np.newaxis]
