"""Expected errors and their exit codes.

A message is one line: what is wrong, where, and what to do.
"""

from pathlib import Path


class DcganError(Exception):
    """An expected error; the user sees only its message."""

    exit_code = 1


class ConfigError(DcganError, ValueError):
    """A setting, option or argument is invalid."""

    exit_code = 2


class DataError(DcganError):
    """Training data is missing, damaged or not what the settings say."""

    exit_code = 3


class CheckpointError(DcganError):
    """A checkpoint or run folder is missing, damaged or does not match the settings."""

    exit_code = 4


class DamagedError(CheckpointError):
    """A checkpoint is corrupt; the caller may try another one."""


class SweepError(CheckpointError):
    """A sweep folder was given where a single run is needed.

    Args:
        folder: the sweep folder.
        count: the number of runs in it.
    """

    def __init__(self, folder: Path, count: int) -> None:
        runs = "1 run" if count == 1 else f"{count} runs"
        super().__init__(f"{folder} is not a run folder but holds {runs}, as a sweep's; name one")
        self.folder = folder


class PluginError(CheckpointError):
    """A run needs a plug-in that is not loaded.

    Args:
        run: the run folder.
        choices: the entries that the plug-in registers, such as "loss=relativistic".
        files: the names of the `--plugin` files.
        packages: the names of the packages.
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
    """Disk space, memory or permissions are insufficient."""

    exit_code = 5


class NumericalError(DcganError):
    """A loss or gradient is not finite."""

    exit_code = 6


class LockedError(DcganError):
    """Another process is training in the run folder."""

    exit_code = 7


class Interrupted(DcganError):  # noqa: N818 (nothing went wrong)
    """A signal stopped the run after its state was saved.

    Args:
        message: what was saved and how to resume.
        exit_code: 128 plus the number of the signal.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
