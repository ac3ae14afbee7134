"""Describe a run, a checkpoint, a picture or a data file as a plain dictionary.

Needs TensorFlow only for TFRecord files: `run.json` describes a run's networks.
"""

import dataclasses
from pathlib import Path
from typing import Any

from dcgan_cli import __version__
from dcgan_cli.commands.file_facts import (
    ANIMATIONS,
    EVENTS,
    PICTURES,
    RUN_TEXTS,
    describe_file,
    describe_picture,
    describe_run_folder,
)
from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.comparison.describe import describe_sweep
from dcgan_cli.core.data.array_inspection import describe_arrays, describe_idx_file
from dcgan_cli.core.data.arrays.idx_folder import is_idx_folder
from dcgan_cli.core.data.folder_inspection import describe_pictures, is_image_folder
from dcgan_cli.core.data.image_set import ProgressCallback, no_progress
from dcgan_cli.core.data.pictures.class_folders import as_written
from dcgan_cli.core.data.pictures.folder import FolderPictures, folder_pictures
from dcgan_cli.core.data.pictures.listing import ENDINGS
from dcgan_cli.core.data.pictures.reading import Pictures
from dcgan_cli.core.data.records.shards import holds_records
from dcgan_cli.core.runs import checkpoints, retention
from dcgan_cli.core.runs.checkpoints import Checkpoint, Damaged
from dcgan_cli.core.runs.find import BUNDLED, enclosing_run
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.lock import current_status
from dcgan_cli.core.runs.sweeps import is_sweep
from dcgan_cli.core.sampling.pictures import grid_picture, write_png
from dcgan_cli.core.storage import replacing
from dcgan_cli.errors import ConfigError, DataError
from dcgan_cli.hints import command, new_run_command, resume_command, run_word, train_command
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import defaults, flatten, keys

Facts = dict[str, Any]


def describe_target(
    path: Path, sheet: Path | None = None, progress: ProgressCallback = no_progress
) -> Facts:
    """Describe the target at `path`; the entry "kind" names its kind.

    Args:
        path: a run, a checkpoint, a picture, a folder of pictures or a data file; of TFRecord files
            a pattern or their folder, too.
        sheet: where to write a contact sheet of pictures, if that is what it is.
        progress: is shown how far it is with those.

    Raises:
        DcganError: there is nothing, or nothing that dcgan knows.
    """
    facts = _describe(as_written(path), sheet, progress)
    if (trainings := facts.pop("trainings", None)) is not None:
        facts["commands"] = {name: train_command(one) for name, one in trainings.items()}
    return facts


def _describe(path: Path, sheet: Path | None, progress: ProgressCallback) -> Facts:
    if not path.exists() and not holds_records(path):
        raise DataError(f"{path} is not there")
    if path.is_dir():
        if RunFolder(path).has_run_data():
            return describe_run(RunFolder(path))
        if is_sweep(path) and not _has_pictures(path):
            return describe_sweep(path)
        if facts := describe_run_folder(path):
            return facts
        pictures = is_image_folder(path)
        if (path / "manifest.json").exists() and not pictures:
            return describe_checkpoint(checkpoints.read(path))
        if is_idx_folder(path):
            return describe_arrays(path)
        if pictures:
            return _with_sheet(path, folder_pictures(path), sheet, progress)
        if not holds_records(path):
            raise DataError(
                f"{path} is neither a run, a checkpoint nor a folder of pictures, TFRecord or IDX "
                "files"
            )
    if holds_records(path):
        load_tensorflow()
        from dcgan_cli.core.data.records.tfrecords import RecordPictures

        return _with_sheet(path, RecordPictures(str(path)), sheet, progress)
    ending = path.suffix.lower()
    if ending in PICTURES:
        return describe_picture(path)
    if ending == ".npz" and path.parent.parent.name == "checkpoints" and enclosing_run(path):
        return describe_file(path)
    if ending in (".npz", ".npy"):
        return describe_arrays(path)
    known = ending in RUN_TEXTS or path.name.startswith(EVENTS)
    if ending in ANIMATIONS or (known and path.is_file()):
        return describe_file(path)
    return describe_idx_file(path)


def _with_sheet(
    path: Path, pictures: Pictures, sheet: Path | None, progress: ProgressCallback
) -> Facts:
    folder = pictures.listing.folder
    in_folder = isinstance(pictures, FolderPictures)
    if in_folder and sheet and sheet.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            f"--out {sheet} is in {folder}, whose pictures are trained on; choose another place"
        )
    facts, shown = describe_pictures(path, pictures, progress)
    if sheet is not None and shown is not None:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        with replacing(sheet) as stream:
            write_png(stream, grid_picture(shown), {"contact_sheet_of": str(path)})
        facts["sheet"] = str(sheet)
    return facts


def _has_pictures(folder: Path) -> bool:
    """Return whether the folder itself holds pictures; runs below it may be trained on them."""
    return any(path.suffix.lower() in ENDINGS for path in folder.iterdir())


def describe_run(run: RunFolder) -> Facts:
    """Describe a run: progress, settings that differ from the defaults, integrity."""
    record = run.record()
    run.check_contents()
    own = run.config()
    config, default = flatten(own), defaults(own)
    status = current_status(run)
    found = [(one, describe_checkpoint(one)) for one in checkpoints.find(run.checkpoints)]
    described = [facts for one, facts in found if facts["verified"] or one.still_exists()]
    return {
        "kind": "run",
        "path": str(run.path),
        "created": record.get("created"),
        "dcgan_version": record["dcgan_version"],
        "bundled": record["bundled"] if run == BUNDLED else None,
        "status": status,
        "health": _health(status),
        "precision": record.get("precision"),
        "changed_settings": {
            name: {"value": value, "default": default[name]}
            for name, value in config.items()
            if value != default[name]
        },
        "settings": config,
        "networks": record.get("networks", {}),
        "metrics": run.metrics(),
        "frames": len(run.frames()),
        "checkpoints": described,
        "set_aside": retention.quarantined_names(run.checkpoints),
        "commands": _commands(run, own, status, described) | against(run, status),
    }


def describe_checkpoint(checkpoint: Checkpoint | Damaged) -> Facts:
    """Describe a checkpoint, and compare every file's hash."""
    problems = checkpoint.problems()
    facts = {
        "kind": "checkpoint",
        "path": str(checkpoint.path),
        "verified": not problems,
        "problems": problems,
    }
    if isinstance(checkpoint, Checkpoint):
        facts |= {
            "epoch": checkpoint.progress.epoch,
            "epoch_step": checkpoint.progress.epoch_step,
            "step": checkpoint.progress.step,
            "score": dataclasses.asdict(checkpoint.score) if checkpoint.score else None,
            "bytes": sum(file["bytes"] for file in checkpoint.files.values()),
        }
    return facts


def describe_defaults() -> Facts:
    """Describe what `dcgan train` would do, if there is no run yet."""
    return {
        "kind": "defaults",
        "dcgan_version": __version__,
        "settings": flatten(TrainConfig()),
        "commands": {
            "train": "dcgan train",
            "train in a few minutes": "dcgan train experiment=quick",
            "see digits at once": "dcgan sample --n 16 --out grid.png",
        },
    }


def _health(status: Facts) -> list[Facts]:
    """Return the health findings of a run, without malformed entries."""
    found = status.get("health")
    return [
        finding
        for finding in (found if isinstance(found, list) else [])
        if isinstance(finding, dict)
        and all(isinstance(finding.get(name), str) for name in ("kind", "text", "advice"))
        and isinstance(finding.get("epoch"), int)
    ]


def against(run: RunFolder, status: Facts) -> dict[str, str]:
    """Return the command of a new run with the settings that help against the health findings."""
    found = [finding.get("settings") for finding in _health(status)]
    known = {key.name for key in keys()}
    settings = {
        name: value
        for helping in found
        if isinstance(helping, dict)
        for name, value in helping.items()
        if name in known and isinstance(value, bool | int | float)
    }
    again = new_run_command(run, settings) if settings else None
    return {"try": again} if again else {}


def _commands(
    run: RunFolder, config: TrainConfig, status: Facts, described: list[Facts]
) -> dict[str, str]:
    """Return the commands that apply to a run in its state."""
    if run == BUNDLED:
        return {
            "sample": "dcgan sample --run bundled --out grid.png",
            "animate": "dcgan animate --run bundled",
            "evaluate": "dcgan evaluate --run bundled",
        }
    name = f"--run {run_word(run.path)}"
    whole = any(checkpoint["verified"] for checkpoint in described)
    commands = go_on(run, config, status, whole=whole)
    if whole:
        commands["sample"] = command("sample", name, "--out grid.png")
    if run.frames():
        commands["animate"] = command("animate", name)
    return commands


def go_on(run: RunFolder, config: TrainConfig, status: Facts, *, whole: bool) -> dict[str, str]:
    """Return the command that trains a run on; {} while it trains, or if it cannot be resumed.

    Args:
        run: the run.
        config: its settings.
        status: its status.
        whole: whether it has an intact checkpoint.
    """
    state = status["state"]
    if state == "finished" and whole:
        early = isinstance(status.get("epoch"), int) and status["epoch"] < config.epochs
        more = "patience=null" if early else f"epochs={2 * config.epochs}"
        if early and status.get("reason") == "max_time" and config.max_time:
            more = f"max_time={config.max_time}"
        return {"train longer": f"{resume_command(run.path)} {more}"}
    if state not in ("running", "finished") and (whole or run.never_had_checkpoint()):
        return {"resume": resume_command(run.path)}
    return {}
