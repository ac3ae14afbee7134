"""The checkpoints of a run that trains. What has not changed is read once."""

import os
from pathlib import Path

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.checkpoints import Checkpoint, Damaged

Stamp = tuple[tuple[int, ...], ...]
"""Of each file of a checkpoint: which one it is, its length, when it was changed."""


class CheckpointCache:
    """Remembers manifests, and which checkpoints were whole, until one of their files changes.

    Args:
        folder: where a run keeps its checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, tuple[Stamp, Checkpoint]] = {}
        self._whole: dict[Path, Stamp] = {}

    def add(self, checkpoint: Checkpoint) -> None:
        """Take in a checkpoint that was committed just now: its hashes are of what it holds."""
        if (stamp := _stamp(checkpoint)) is not None:
            self._known[checkpoint.path] = stamp, checkpoint
            self._whole[checkpoint.path] = stamp

    def find(self) -> list[Checkpoint | Damaged]:
        """Return what `checkpoints.find` does.

        Raises:
            CheckpointError: one is of a newer format.
        """
        found = [self._read(path) for path in checkpoints.paths(self.folder)]
        there = [one for one in found if one.still_exists()]
        gone = self._known.keys() - {one.path for one in there}
        for path in gone:
            del self._known[path]
            self._whole.pop(path, None)
        return there

    def problems(self, found: Checkpoint | Damaged) -> list[str]:
        """Return what `found.problems()` does; files that were whole and are as they were are."""
        stamp = _stamp(found) if isinstance(found, Checkpoint) else None
        if stamp is not None and self._whole.get(found.path) == stamp:
            return []
        problems = found.problems()
        if stamp is not None and not problems:
            self._whole[found.path] = stamp
        return problems

    def _read(self, path: Path) -> Checkpoint | Damaged:
        if path in self._known:
            stamp, known = self._known[path]
            if _stamp(known) == stamp:
                return known
        found = checkpoints.read_or_damaged(path)
        if isinstance(found, Checkpoint) and (new := _stamp(found)) is not None:
            self._known[path] = new, found
        return found


def _stamp(checkpoint: Checkpoint) -> Stamp | None:
    """Return the stamp of the files that there are now; None if one is not there."""
    try:
        states = [os.lstat(checkpoint.path / name) for name in ("manifest.json", *checkpoint.files)]
    except OSError:
        return None
    return tuple((s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in states)
