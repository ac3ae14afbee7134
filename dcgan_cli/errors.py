"""What can go wrong, and the exit code that each kind of trouble ends with.

A message is one line: what is wrong, where, and what to do about it. Where a command is what to do,
the error holds the facts for it: `core` does not know how commands are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class WayOn:
    """A run that can be resumed."""

    run: Path
    """Its folder."""
    text: str = ", then go on with"
    """What stands between an error's message and the command."""
    settings: Mapping[str, str | float] = field(default_factory=dict)
    """Settings to give another value then."""


class DcganError(Exception):
    """An expected failure, shown to the user as its message alone.

    Args:
        message: one line.
        way_on: the run to resume afterwards, if there is one.
    """

    exit_code = 1

    def __init__(self, message: str = "", way_on: WayOn | None = None) -> None:
        super().__init__(message)
        self.way_on = way_on


class ConfigError(DcganError, ValueError):
    """A setting, an option or an argument that cannot be used."""

    exit_code = 2


class DataError(DcganError):
    """Training data that is missing, damaged or of another kind than asked for."""

    exit_code = 3


class UnusablePicturesError(DataError):
    """Pictures that cannot be read.

    Args:
        what: which ones, of how many.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; remove them, or skip them with data.skip_bad=true")
        self.what = what


class NotHereError(DataError):
    """A data set that is not on this machine, and is not to be fetched unasked.

    Args:
        message: what is missing.
        kind: its `data.name`.
        name: its `data.path`; None if it has none.
    """

    def __init__(self, message: str, kind: str, name: str | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.name = name


class CheckpointError(DcganError):
    """A checkpoint or run folder that is missing, damaged or does not fit."""

    exit_code = 4


class DamagedError(CheckpointError):
    """A checkpoint that is not what was written; another one may do."""


class NoRunError(CheckpointError):
    """There is no run where runs are looked for."""


class UnreadableRunsError(CheckpointError):
    """There are runs, and none can be read.

    Args:
        message: says so.
        run: the folder of one.
    """

    def __init__(self, message: str, run: Path) -> None:
        super().__init__(message)
        self.run = run


class NoScoreError(CheckpointError):
    """No checkpoint has a score, where the best one is asked for."""


class SweepError(CheckpointError):
    """A folder of several runs, where one run is asked for.

    Args:
        folder: the folder.
        count: how many runs are in it.
    """

    def __init__(self, folder: Path, count: int) -> None:
        runs = "1 run" if count == 1 else f"{count} runs"
        super().__init__(f"{folder} is not a run folder but holds {runs}, as a sweep's; name one")
        self.folder = folder


class PluginError(CheckpointError):
    """A run needs code from outside this program that is not loaded.

    Args:
        run: the run folder.
        choices: what the code registers, such as "loss=relativistic".
        files: names of the files to name with `--plugin`.
        packages: names of packages to install.
    """

    def __init__(
        self, run: Path, choices: list[str], files: list[str], packages: list[str]
    ) -> None:
        names = " and ".join([*files, *packages])
        source = f" from {names}" if names else ""
        super().__init__(f"{run} was made with {' '.join(choices)}{source}, which is not loaded")
        self.files = files
        self.packages = packages


class StorageError(DcganError):
    """The disk, the memory or the permissions do not allow it."""

    exit_code = 5


OUT_OF_MEMORY = (
    "out of memory; close other programs, ask for fewer images, or use a machine with more memory"
)


def storage_error(error: BaseException) -> StorageError | None:
    """Return what an error of the system means, in one line; None for other errors."""
    if isinstance(error, OSError):
        return StorageError(f"{error}; check the path, its permissions and free space")
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return StorageError(OUT_OF_MEMORY)
    return None


class NumericalError(DcganError):
    """A loss or a gradient is no longer a finite number."""

    exit_code = 6


class LockedError(DcganError):
    """Another process is training in this run folder."""

    exit_code = 7


class Interrupted(DcganError):  # noqa: N818 (nothing went wrong)
    """A signal stopped the run after its state was saved.

    Args:
        message: what was saved.
        exit_code: 128 plus the signal's number, as shells report it.
        way_on: the run.
    """

    def __init__(self, message: str, exit_code: int, way_on: WayOn | None = None) -> None:
        super().__init__(message, way_on)
        self.exit_code = exit_code
