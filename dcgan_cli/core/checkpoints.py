"""Checkpoints: committed whole or not at all, verified before they are used. Needs no TensorFlow.

A checkpoint is a folder `step_<number>` with one `.npz` of named arrays for each part of the state
and a `manifest.json` that holds the sha256 of each. It is written under another name, flushed to
disk, then renamed, so that a folder with the right name is a finished checkpoint whatever happens.
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_cli import __version__
from dcgan_cli.core.storage import flush_folder, flush_to_disk
from dcgan_cli.errors import CheckpointError

FORMAT_VERSION = 1
Arrays = dict[str, np.ndarray]


@dataclass
class Progress:
    """How far a run has come, with the sums that the current epoch's metrics are made from."""

    step: int = 0
    """Steps done since the run began."""
    epoch: int = 0
    """Epochs finished."""
    epoch_step: int = 0
    """Steps done of the epoch after them."""
    seconds: float = 0.0
    """Wall time spent on that epoch."""
    generator_loss_sum: float = 0.0
    discriminator_loss_sum: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """A committed checkpoint and what its manifest says."""

    path: Path
    progress: Progress
    files: dict[str, dict[str, Any]]

    @property
    def ends_epoch(self) -> bool:
        """Whether it was written between two epochs rather than in the middle of one."""
        return self.progress.epoch_step == 0

    def problems(self) -> list[str]:
        """Return what is wrong with its files, one line each; an empty list if nothing is."""
        return [line for name in self.files if (line := self._problem(name))]

    def load(self, part: str) -> Arrays:
        """Read the arrays of one part, such as "generator".

        Raises:
            CheckpointError: the file is missing or is not the one that was written.
        """
        if problem := self._problem(f"{part}.npz"):
            raise CheckpointError(f"{self.path}: {problem}; use another checkpoint")
        with np.load(self.path / f"{part}.npz", allow_pickle=False) as archive:
            return {name: archive[name] for name in archive}

    def _problem(self, name: str) -> str:
        if name not in self.files:
            return f"{name} is not in its manifest"
        try:
            digest = _file_digest(self.path / name)
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
        return "" if digest == self.files[name]["sha256"] else f"{name} is damaged (sha256 differs)"


def save(folder: Path, parts: dict[str, Arrays], progress: Progress) -> Checkpoint:
    """Commit a checkpoint.

    Args:
        folder: where a run keeps its checkpoints.
        parts: arrays by part and name.
        progress: how far the run has come.

    Raises:
        OSError: the disk is full or may not be written; earlier checkpoints are untouched.
    """
    final = folder / f"step_{progress.step:010d}"
    temporary = folder / f".{final.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        files = {}
        for part, arrays in parts.items():
            path = temporary / f"{part}.npz"
            with path.open("wb") as stream:
                np.savez(stream, allow_pickle=False, **arrays)
                flush_to_disk(stream)
            files[path.name] = {"sha256": _file_digest(path), "bytes": path.stat().st_size}
        manifest: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "dcgan_version": __version__,
            "progress": dataclasses.asdict(progress),
            "files": files,
        }
        manifest["sha256"] = _manifest_digest(manifest)
        with (temporary / "manifest.json").open("wb") as stream:
            stream.write(json.dumps(manifest, indent=2).encode())
            flush_to_disk(stream)
        flush_folder(temporary)
        if final.exists():  # The same step saved again, after going back to an earlier one.
            shutil.rmtree(final)
        os.rename(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    flush_folder(folder)
    return Checkpoint(final, progress, files)


def find(folder: Path) -> list[Checkpoint]:
    """Return the committed checkpoints of a run, newest first.

    Raises:
        CheckpointError: a manifest cannot be read.
    """
    if not folder.is_dir():
        return []
    paths = [path for path in folder.iterdir() if re.fullmatch(r"step_\d{10,}", path.name)]
    return [read(path) for path in sorted(paths, key=lambda path: int(path.name[5:]), reverse=True)]


def read(path: Path) -> Checkpoint:
    """Read the manifest of the checkpoint in folder `path`.

    Raises:
        CheckpointError: it is missing, damaged or of a newer format.
    """
    try:
        manifest = json.loads((path / "manifest.json").read_bytes())
        version = manifest["format_version"]
        if version > FORMAT_VERSION:
            raise CheckpointError(
                f"{path} was made by dcgan {manifest.get('dcgan_version')} (format {version}); "
                f"this is dcgan {__version__} (format {FORMAT_VERSION}): update it"
            )
        if manifest.pop("sha256") != _manifest_digest(manifest):
            raise ValueError("its sha256 differs")
        progress = Progress(**manifest["progress"])
        _check_types(path, progress, manifest["files"])
        return Checkpoint(path, progress, manifest["files"])
    except OSError as error:
        raise CheckpointError(f"{path} has no readable manifest.json ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}/manifest.json is damaged ({error})") from None


def prune(folder: Path, newest: Checkpoint, keep_every: int) -> None:
    """Remove all but `newest` and those at the end of every `keep_every`-th epoch."""
    for checkpoint in find(folder):
        kept = checkpoint.ends_epoch and checkpoint.progress.epoch % keep_every == 0
        if not kept and checkpoint.path != newest.path:
            shutil.rmtree(checkpoint.path)


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the sha256 of a manifest without its own."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _check_types(path: Path, progress: Progress, files: Any) -> None:
    """Raise ValueError for a manifest that cannot be of the checkpoint in `path`."""
    for setting in dataclasses.fields(Progress):
        value = getattr(progress, setting.name)
        kinds = int if setting.type is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(f"{setting.name} is {value!r}")
    if path.name.startswith("step_") and path.name != f"step_{progress.step:010d}":
        raise ValueError(f"it is of step {progress.step}")
    for name, file in files.items():
        if Path(name).name != name or not {"sha256", "bytes"} <= set(file):
            raise ValueError(f"its entry {name!r} is not a file's")
