"""Cache what is known of a run's checkpoints, so that training reads unchanged files once."""

import os
from pathlib import Path

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.checkpoints import Checkpoint, Damaged

Stamp = tuple[tuple[int, ...], ...]
"""Inode, size, mtime and ctime of each file of a checkpoint."""


class CheckpointCache:
    """Caches manifests, and which checkpoints are intact, until one of their files changes.

    Args:
        folder: the checkpoints folder of a run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, tuple[Stamp, Checkpoint]] = {}
        self._intact: dict[Path, Stamp] = {}

    def add(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint that was just saved, as intact."""
        if (stamp := _stamp(checkpoint)) is not None:
            self._known[checkpoint.path] = stamp, checkpoint
            self._intact[checkpoint.path] = stamp

    def find(self) -> list[Checkpoint | Damaged]:
        """Return the checkpoints, newest first; see `checkpoints.find`.

        Raises:
            CheckpointError: a checkpoint has a newer format.
        """
        found = [self._read(path) for path in checkpoints.paths(self.folder)]
        existing = [checkpoint for checkpoint in found if checkpoint.still_exists()]
        deleted = self._known.keys() - {checkpoint.path for checkpoint in existing}
        for path in deleted:
            del self._known[path]
            self._intact.pop(path, None)
        return existing

    def problems(self, checkpoint: Checkpoint | Damaged) -> list[str]:
        """Return `checkpoint.problems()`, without hashing intact files again that are unchanged."""
        stamp = _stamp(checkpoint) if isinstance(checkpoint, Checkpoint) else None
        if stamp is not None and self._intact.get(checkpoint.path) == stamp:
            return []
        problems = checkpoint.problems()
        if stamp is not None and not problems:
            self._intact[checkpoint.path] = stamp
        return problems

    def _read(self, path: Path) -> Checkpoint | Damaged:
        if path in self._known:
            stamp, known = self._known[path]
            if _stamp(known) == stamp:
                return known
        checkpoint = checkpoints.read_or_damaged(path)
        if isinstance(checkpoint, Checkpoint) and (new := _stamp(checkpoint)) is not None:
            self._known[path] = new, checkpoint
        return checkpoint


def _stamp(checkpoint: Checkpoint) -> Stamp | None:
    """Return the stamp of a checkpoint's files; None if a file is missing."""
    try:
        states = [os.lstat(checkpoint.path / name) for name in ("manifest.json", *checkpoint.files)]
    except OSError:
        return None
    return tuple((s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in states)
