"""Checkpoints: written atomically and verified before use. Needs no TensorFlow.

A checkpoint is a folder `step_<number>` with one `.npz` of named arrays for each part of the state
and a `manifest.json` with the sha256 of each. It is written under a temporary name, flushed to disk
and renamed, so a folder with the final name is always a complete checkpoint.
"""

import dataclasses
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_cli import __version__
from dcgan_cli.core.arrays import Arrays, read_stored
from dcgan_cli.core.runs.progress import CHECKPOINT_NAME, Progress, Score, check_types
from dcgan_cli.core.storage import (
    entries,
    flush_folder,
    flush_to_disk,
    read_json,
    reading,
    temporary_beside,
)
from dcgan_cli.errors import CheckpointError, DamagedError

FORMAT_VERSION = 1
NO_FILE = {None, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}
"""Errors that mean damage: the file is missing or is a link, a pipe or a socket."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint with the content of its manifest."""

    path: Path
    progress: Progress
    files: dict[str, dict[str, Any]]
    run: str = ""
    """The identity of its run (see `runs/identity.py`)."""
    score: Score | None = None

    @property
    def ends_epoch(self) -> bool:
        """Whether it was saved at the end of an epoch, not within one."""
        return self.progress.epoch_step == 0 and self.progress.epoch > 0

    def still_exists(self) -> bool:
        """Return whether the folder still exists: a run that trains may have just pruned it."""
        return os.path.lexists(self.path)

    def problems(self) -> list[str]:
        """Return one line per file that is damaged; [] for an intact checkpoint."""
        return [line for name in self.files if (line := self._problem(name))]

    def load(self, part: str) -> Arrays:
        """Return the arrays of one part, such as "generator", by name.

        Raises:
            DamagedError: the file is missing or damaged.
            OSError: the file cannot be read for another reason, such as its permissions.
        """
        if problem := self._problem(f"{part}.npz"):
            raise DamagedError(f"{self.path}: {problem}; use another checkpoint")
        try:
            return read_stored(self.path / f"{part}.npz")
        except (OSError, MemoryError):
            raise
        except Exception as error:  # A forged file: zipfile and numpy raise almost any exception.
            raise DamagedError(f"{self.path}: {part}.npz cannot be read ({error})") from None

    def _problem(self, name: str) -> str:
        if name not in self.files:
            return f"{name} is not in its manifest"
        try:
            with reading(self.path / name) as stream:
                if os.fstat(stream.fileno()).st_size != self.files[name]["bytes"]:
                    return f"{name} is damaged (its length differs)"
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            return f"{name} cannot be read ({_reason_if_damage(error)})"
        return "" if digest == self.files[name]["sha256"] else f"{name} is damaged (sha256 differs)"


@dataclass(frozen=True)
class Damaged:
    """A checkpoint that cannot be used."""

    path: Path
    reasons: list[str]

    def still_exists(self) -> bool:
        """See `Checkpoint.still_exists`."""
        return os.path.lexists(self.path)

    def problems(self) -> list[str]:
        """Return one line per problem; see `Checkpoint.problems`."""
        return self.reasons

    def __str__(self) -> str:
        return f"{self.path.name}: {', '.join(self.reasons)}"


def save(
    folder: Path,
    parts: dict[str, Arrays],
    progress: Progress,
    run: str = "",
    score: Score | None = None,
) -> Checkpoint:
    """Write a checkpoint atomically and return it.

    Args:
        folder: the checkpoints folder of a run.
        parts: arrays by part and name.
        progress: the progress of the run.
        run: the identity of the run.
        score: the score of the generator, if it was scored.

    Raises:
        OSError: the disk is full or not writable, or a checkpoint of this step exists. Existing
            checkpoints are unchanged.
    """
    final = folder / f"step_{progress.step:010d}"
    temporary = temporary_beside(final)
    try:
        temporary.mkdir()
        files = {}
        for part, arrays in parts.items():
            path = temporary / f"{part}.npz"
            with path.open("xb") as stream:
                np.savez(stream, allow_pickle=False, **arrays)
                flush_to_disk(stream)
            files[path.name] = {"sha256": _file_digest(path), "bytes": path.stat().st_size}
        manifest: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "dcgan_version": __version__,
            "run": run,
            "progress": dataclasses.asdict(progress),
            "score": dataclasses.asdict(score) if score else None,
            "files": files,
        }
        manifest["sha256"] = _manifest_digest(manifest)
        with (temporary / "manifest.json").open("xb") as stream:
            stream.write(json.dumps(manifest, indent=2).encode())
            flush_to_disk(stream)
        flush_folder(temporary)
        os.rename(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    flush_folder(folder)
    # A copy, because training continues to change `progress`.
    return Checkpoint(final, dataclasses.replace(progress), files, run, score)


def find(folder: Path) -> list[Checkpoint | Damaged]:
    """Return the checkpoints in a folder, newest first. Reads manifests, no arrays.

    Raises:
        CheckpointError: a checkpoint has a newer format.
    """
    checkpoints = map(read_or_damaged, paths(folder))
    return [checkpoint for checkpoint in checkpoints if checkpoint.still_exists()]


def paths(folder: Path) -> list[Path]:
    """Return the paths with the name of a checkpoint, newest first."""
    named = [path for path in entries(folder) if CHECKPOINT_NAME.fullmatch(path.name)]
    return sorted(named, key=lambda path: int(path.name.removeprefix("step_")), reverse=True)


def newest_intact(folder: Path) -> tuple[Checkpoint | None, list[Damaged]]:
    """Return the newest intact checkpoint (None if there is none) and the newer, damaged ones.

    Raises:
        CheckpointError: a checkpoint has a newer format.
        OSError: a checkpoint cannot be read, for a reason other than damage.
    """
    damaged: list[Damaged] = []
    for checkpoint in find(folder):
        problems = checkpoint.problems()
        if isinstance(checkpoint, Checkpoint) and not problems:
            return checkpoint, damaged
        if checkpoint.still_exists():
            damaged.append(Damaged(checkpoint.path, problems))
    return None, damaged


def best(
    checkpoints: Iterable[Checkpoint | Damaged],
    problems: Callable[[Checkpoint], list[str]] = Checkpoint.problems,
) -> Checkpoint | None:
    """Return the intact checkpoint with the best score, the newest of equals; None without scores.

    Args:
        checkpoints: checkpoints, newest first. Only scores comparable with the newest one count.
        problems: returns what is wrong with a checkpoint.
    """
    scored = [c for c in checkpoints if isinstance(c, Checkpoint) and c.score is not None]
    newest = next((checkpoint.score for checkpoint in scored), None)
    candidates = [
        (checkpoint.score.frechet_distance, index, checkpoint)
        for index, checkpoint in enumerate(scored)
        if checkpoint.score and newest and checkpoint.score.comparable(newest)
    ]
    return next((c for _, _, c in sorted(candidates) if not problems(c)), None)


def with_comparable_score(
    checkpoints: Iterable[Checkpoint | Damaged], kind: Score
) -> list[Checkpoint]:
    """Return the checkpoints whose score is comparable with `kind`."""
    return [
        checkpoint
        for checkpoint in checkpoints
        if isinstance(checkpoint, Checkpoint)
        and checkpoint.score
        and checkpoint.score.comparable(kind)
    ]


def damaged_with_better_score(
    checkpoints: Iterable[Checkpoint | Damaged], best: Checkpoint
) -> list[Damaged]:
    """Return the damaged checkpoints that have a better score than `best`."""
    return [
        Damaged(checkpoint.path, problems)
        for checkpoint in checkpoints
        if isinstance(checkpoint, Checkpoint)
        and checkpoint.score
        and best.score
        and checkpoint.score.comparable(best.score)
        and checkpoint.score.frechet_distance < best.score.frechet_distance
        and (problems := checkpoint.problems())
        and checkpoint.still_exists()
    ]


def read(path: Path) -> Checkpoint:
    """Return the checkpoint in folder `path`. Reads its manifest, no arrays.

    Raises:
        DamagedError: the manifest is missing or damaged.
        CheckpointError: the checkpoint has a newer format.
    """
    checkpoint = read_or_damaged(path)
    if isinstance(checkpoint, Damaged):
        raise DamagedError(f"{path}: {', '.join(checkpoint.reasons)}")
    return checkpoint


def read_or_damaged(path: Path) -> Checkpoint | Damaged:
    """Return the checkpoint in folder `path`, as `Damaged` if its manifest cannot be used.

    Raises:
        CheckpointError: the checkpoint has a newer format.
    """
    try:
        manifest = read_json(path / "manifest.json")
        version = manifest["format_version"]
        if version > FORMAT_VERSION:
            raise CheckpointError(
                f"{path} was made by dcgan {manifest.get('dcgan_version')} (format {version}); "
                f"this is dcgan {__version__} (format {FORMAT_VERSION}); update dcgan"
            )
        if manifest.pop("sha256") != _manifest_digest(manifest):
            raise ValueError("its sha256 differs")
        progress = Progress(**manifest["progress"])
        score = Score(**manifest["score"]) if manifest.get("score") else None
        check_types(path.name, progress, score, manifest["files"])
        return Checkpoint(path, progress, manifest["files"], str(manifest.get("run", "")), score)
    except OSError as error:
        return Damaged(path, [f"manifest.json cannot be read ({_reason_if_damage(error)})"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Damaged(path, [f"manifest.json is damaged ({error})"])


def _reason_if_damage(error: OSError) -> str:
    """Return the message of an error that means damage; raise any other error."""
    if error.errno not in NO_FILE:
        raise error
    return str(error.strerror)


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the sha256 of a manifest that does not contain its own sha256."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
