"""Checkpoints: committed whole or not at all, verified before they are used. Needs no TensorFlow.

A checkpoint is a folder `step_<number>` with one `.npz` of named arrays for each part of the state
and a `manifest.json` that holds the sha256 of each. It is written under another name, flushed to
disk, then renamed, so that a folder with the right name is a finished checkpoint whatever happens.
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
"""The errors of what is missing, or is a link, a pipe or a socket. Others need not be damage."""


@dataclass(frozen=True)
class Checkpoint:
    """A committed checkpoint and what its manifest says."""

    path: Path
    progress: Progress
    files: dict[str, dict[str, Any]]
    run: str = ""
    """The identity of the run that it is of (see `runs/identity.py`)."""
    score: Score | None = None

    @property
    def ends_epoch(self) -> bool:
        """Whether it was written at the end of an epoch rather than in the middle of one."""
        return self.progress.epoch_step == 0 and self.progress.epoch > 0

    def still_exists(self) -> bool:
        """Whether it still has its name. What a run that trains has just pruned is not damaged."""
        return os.path.lexists(self.path)

    def problems(self) -> list[str]:
        """Return what is wrong with its files, one line each; an empty list if nothing is."""
        return [line for name in self.files if (line := self._problem(name))]

    def load(self, part: str) -> Arrays:
        """Read the arrays of one part, such as "generator".

        Raises:
            DamagedError: the file is missing or is not the one that was written.
            OSError: it cannot be read for another reason, such as its permissions.
        """
        if problem := self._problem(f"{part}.npz"):
            raise DamagedError(f"{self.path}: {problem}; use another checkpoint")
        try:
            return read_stored(self.path / f"{part}.npz")
        except (OSError, MemoryError):
            raise
        except Exception as error:  # Made to look whole: zipfile and numpy raise nearly anything.
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
        """Return what is wrong, as `Checkpoint.problems` does."""
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
    """Commit a checkpoint.

    Args:
        folder: where a run keeps its checkpoints.
        parts: arrays by part and name.
        progress: how far the run has come.
        run: the identity of the run.
        score: that of its generator, if it was scored.

    Raises:
        OSError: the disk is full or may not be written, or there is a checkpoint of this step
            already; what was there is untouched.
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
    # Training counts on in the progress that it gave.
    return Checkpoint(final, dataclasses.replace(progress), files, run, score)


def find(folder: Path) -> list[Checkpoint | Damaged]:
    """Return what stands under a checkpoint's name, newest first. Manifests are read, no arrays.

    Raises:
        CheckpointError: one is of a newer format.
    """
    return [found for found in map(read_or_damaged, paths(folder)) if found.still_exists()]


def paths(folder: Path) -> list[Path]:
    """Return what has a checkpoint's name, newest first."""
    named = [path for path in entries(folder) if CHECKPOINT_NAME.fullmatch(path.name)]
    return sorted(named, key=lambda path: int(path.name.removeprefix("step_")), reverse=True)


def newest_intact(folder: Path) -> tuple[Checkpoint | None, list[Damaged]]:
    """Return the newest checkpoint that is whole, and the damaged ones that are newer.

    Raises:
        CheckpointError: one is of a newer format.
        OSError: one cannot be read for another reason than damage.
    """
    damaged: list[Damaged] = []
    for found in find(folder):
        problems = found.problems()
        if isinstance(found, Checkpoint) and not problems:
            return found, damaged
        if found.still_exists():
            damaged.append(Damaged(found.path, problems))
    return None, damaged


def best(
    found: Iterable[Checkpoint | Damaged],
    problems: Callable[[Checkpoint], list[str]] = Checkpoint.problems,
) -> Checkpoint | None:
    """Return the whole checkpoint with the best score, the newest of equals, or None.

    Args:
        found: checkpoints, newest first. Only scores made like the newest one are compared.
        problems: tells what is wrong with one.
    """
    scored = [one for one in found if isinstance(one, Checkpoint) and one.score is not None]
    newest = next((one.score for one in scored), None)
    candidates = [
        (one.score.frechet_distance, index, one)
        for index, one in enumerate(scored)
        if one.score and newest and one.score.comparable(newest)
    ]
    return next((one for _, _, one in sorted(candidates) if not problems(one)), None)


def with_comparable_score(found: Iterable[Checkpoint | Damaged], kind: Score) -> list[Checkpoint]:
    """Return the checkpoints among `found` whose score may be compared with `kind`."""
    return [
        one
        for one in found
        if isinstance(one, Checkpoint) and one.score and one.score.comparable(kind)
    ]


def damaged_with_better_score(
    found: Iterable[Checkpoint | Damaged], best: Checkpoint
) -> list[Damaged]:
    """Return the damaged checkpoints among `found` that have a better score than `best`."""
    return [
        Damaged(one.path, problems)
        for one in found
        if isinstance(one, Checkpoint)
        and one.score
        and best.score
        and one.score.comparable(best.score)
        and one.score.frechet_distance < best.score.frechet_distance
        and (problems := one.problems())
        and one.still_exists()
    ]


def read(path: Path) -> Checkpoint:
    """Read the manifest of the checkpoint in folder `path`.

    Raises:
        DamagedError: it is missing or damaged.
        CheckpointError: it is of a newer format.
    """
    found = read_or_damaged(path)
    if isinstance(found, Damaged):
        raise DamagedError(f"{path}: {', '.join(found.reasons)}")
    return found


def read_or_damaged(path: Path) -> Checkpoint | Damaged:
    """Read the manifest of what stands at a checkpoint's place.

    Raises:
        CheckpointError: it is of a newer format.
    """
    try:
        manifest = read_json(path / "manifest.json")
        version = manifest["format_version"]
        if version > FORMAT_VERSION:
            raise CheckpointError(
                f"{path} was made by dcgan {manifest.get('dcgan_version')} (format {version}); "
                f"this is dcgan {__version__} (format {FORMAT_VERSION}): update it"
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
    """Return what is wrong with a file that is not there or is no file; raise what else it is."""
    if error.errno not in NO_FILE:
        raise error
    return str(error.strerror)


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the sha256 of a manifest without its own."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
