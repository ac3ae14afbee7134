"""What can go wrong, and the exit code that each kind of trouble ends with.

A message is one line: what is wrong, where, and what to do about it.
"""


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


class StorageError(DcganError):
    """The disk, the memory or the permissions do not allow it."""

    exit_code = 5


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
