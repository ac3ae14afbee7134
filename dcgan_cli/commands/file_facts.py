"""Describe single files: pictures, animations, and the text files of a run folder."""

from pathlib import Path
from typing import Any

from PIL import Image

from dcgan_cli.core.runs.find import enclosing_run
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.sampling.pictures import OTHER_FORMATS, facts_in, open_png
from dcgan_cli.core.storage import reading
from dcgan_cli.errors import DataError

Facts = dict[str, Any]
PICTURES = (".png", *OTHER_FORMATS)
ANIMATIONS = (".gif", ".mp4")
RUN_TEXTS = (".json", ".csv", ".log", ".yaml", ".lock", ".html")
RUN_FOLDERS = {
    "checkpoints": "the checkpoints of a run",
    ".hydra": "Hydra's record of the command that began a run",
    "wandb": "what Weights & Biases stores of a run (tracking=wandb)",
}
"""What the folders in a run folder are."""
RUN_FILES = {
    "run.json": "the settings, versions and networks of a run",
    "status.json": "how far a run is, and how it ended",
    "metrics.csv": "the metrics of a run, a row an epoch",
    "real.json": "the figures of held-out real images, by which a run's scores are read",
    "evaluation.json": "what dcgan evaluate measured of a run",
    "report.html": "the report of a run, a page for a browser",
    "train.log": "what a run said as it trained",
    "run.lock": "held by the process that trains",
    "evaluation.lock": "held while evaluation.json is written",
    "manifest.json": "the hashes of a checkpoint's files",
}
"""What the text files of a run folder are."""
EVENTS = "events.out.tfevents."
"""How the names of TensorBoard's files begin."""


def describe_picture(path: Path) -> Facts:
    """Describe a picture, with its metadata if it has any.

    Raises:
        DataError: it is not a picture, or is damaged.
    """
    formats = ("PNG", *set(OTHER_FORMATS.values()))
    if enclosing_run(path):  # Which is untrusted: no decoder but the one that the name promises.
        formats = (OTHER_FORMATS.get(path.suffix.lower(), "PNG"),)
    try:
        picture = open_png(path, formats)
    except OSError as error:
        raise DataError(f"{path} is not a readable picture ({error})") from None
    return {
        "kind": "png",
        "path": str(path),
        "width": picture.width,
        "height": picture.height,
        "mode": picture.mode,
        "made_by": facts_in(picture),
    }


def describe_run_folder(path: Path) -> Facts | None:
    """Describe a folder inside a run folder; None for any other folder."""
    parent = RunFolder(path.absolute().parent)
    if path.name not in RUN_FOLDERS or not parent.exists():
        return None
    run = str(shown_path(parent.path))
    return {"kind": "file", "path": str(path), "run": run, "what": RUN_FOLDERS[path.name]}


def describe_file(path: Path) -> Facts:
    """Describe an animation or a text file of a run folder.

    Raises:
        DataError: it is neither.
    """
    run = enclosing_run(path)
    facts: Facts = {"kind": "file", "path": str(path), "run": str(run.path) if run else None}
    name = path.name
    if path.suffix.lower() in ANIMATIONS:
        return facts | {"what": "an animation", **_frames(path)}
    if run is not None and path.suffix == ".npz":
        return facts | {"what": "a part of a checkpoint: weights or optimizer state"}
    if run is not None and path.parent.name == ".hydra":
        return facts | {"what": RUN_FOLDERS[".hydra"]}
    if run is not None and name.startswith(EVENTS):
        return facts | {"what": "what TensorBoard shows of a run (tracking=tensorboard)"}
    if run is None or name not in RUN_FILES:
        raise DataError(
            f"{path} is no file that inspect knows; it takes a run folder, a sweep, a checkpoint, "
            "a picture, a folder of pictures, an .npz or IDX files"
        )
    return facts | {"what": RUN_FILES[name]}


def _frames(path: Path) -> Facts:
    """Return size, frames and seconds of a GIF or WebP; {} if it cannot be opened."""
    try:
        with reading(path) as stream, Image.open(stream, formats=["GIF", "WEBP"]) as picture:
            frames = getattr(picture, "n_frames", 1)
            return {"width": picture.width, "height": picture.height, "frames": frames}
    except Exception:  # An MP4, or a damaged file.
        return {}
