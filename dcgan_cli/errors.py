"""What can go wrong, and the exit code that each kind of trouble ends with.

A message is one line: what is wrong, where, and what to do about it.
"""

from pathlib import Path


class DcganError(Exception):
    """An expected failure, shown to the user as its message alone."""

    exit_code = 1


class ConfigError(DcganError, ValueError):
    """A setting, an option or an argument that cannot be used."""

    exit_code = 2


class DataError(DcganError):
    """Training data that is missing, damaged or of another kind than asked for."""

    exit_code = 3


class CheckpointError(DcganError):
    """A checkpoint or run folder that is missing, damaged or does not fit."""

    exit_code = 4


class DamagedError(CheckpointError):
    """A checkpoint that is not what was written; another one may do."""


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
        message: what was saved and how to go on.
        exit_code: 128 plus the signal's number, as shells report it.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
