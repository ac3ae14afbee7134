"""Expected errors and their exit codes.

A message is one line: what is wrong, where, and what to do. If the remedy is a command, the
error holds the facts for it, because `core` does not know the command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ResumeHint:
    """Facts for the command that resumes a run, which is appended to an error's message."""

    run: Path
    """The run folder."""
    text: str = ", then resume with"
    """Text between the error's message and the command."""
    settings: Mapping[str, str | float] = field(default_factory=dict)
    """Settings to change, by name."""


class DcganError(Exception):
    """An expected error; the user sees only its message.

    Args:
        message: one line.
        resume_hint: facts for a resume command; None if there is no run to resume.
    """

    exit_code = 1

    def __init__(self, message: str = "", resume_hint: ResumeHint | None = None) -> None:
        super().__init__(message)
        self.resume_hint = resume_hint


class ConfigError(DcganError, ValueError):
    """A setting, option or argument is invalid."""

    exit_code = 2


class DataError(DcganError):
    """Training data is missing, damaged or does not match the settings."""

    exit_code = 3


class UnusablePicturesError(DataError):
    """Some pictures are not readable.

    Args:
        what: which pictures, as the beginning of the message.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; remove them, or skip them with data.skip_bad=true")
        self.what = what


class NotHereError(DataError):
    """A data set is not on this machine and must not be downloaded without a request.

    Args:
        message: what is missing.
        kind: the value of `data.name`.
        name: the value of `data.path`, or None.
    """

    def __init__(self, message: str, kind: str, name: str | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.name = name


class CheckpointError(DcganError):
    """A checkpoint or run folder is missing, damaged or does not match the settings."""

    exit_code = 4


class DamagedError(CheckpointError):
    """A checkpoint is corrupt; the caller may try another one."""


class NoRunError(CheckpointError):
    """There is no run in `./runs`."""


class UnreadableRunsError(CheckpointError):
    """There are runs in `./runs`, but none is readable.

    Args:
        message: one line.
        run: the folder of one of them.
    """

    def __init__(self, message: str, run: Path) -> None:
        super().__init__(message)
        self.run = run


class NoScoreError(CheckpointError):
    """The best checkpoint was requested, but none has a score."""


class SweepError(CheckpointError):
    """A sweep folder was given where a single run is needed.

    Args:
        folder: the sweep folder.
        count: the number of runs in it.
    """

    def __init__(self, folder: Path, count: int) -> None:
        runs = "1 run" if count == 1 else f"{count} runs"
        super().__init__(
            f"{folder} is not a run folder but holds {runs}, as a sweep does; name one"
        )
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
        self.run = run
        self.files = files
        self.packages = packages


class StorageError(DcganError):
    """Disk space, memory or permissions are insufficient."""

    exit_code = 5


OUT_OF_MEMORY = (
    "out of memory; close other programs, ask for fewer images, or use a machine with more memory"
)


def storage_error(error: BaseException) -> StorageError | None:
    """Return the StorageError for a disk or memory error; None for other errors."""
    if isinstance(error, OSError):
        return StorageError(f"{error}; check the path, its permissions and free space")
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return StorageError(OUT_OF_MEMORY)
    return None


class NumericalError(DcganError):
    """A loss or gradient is not finite."""

    exit_code = 6


class LockedError(DcganError):
    """Another process is training in the run folder."""

    exit_code = 7


class Interrupted(DcganError):  # noqa: N818 (nothing went wrong)
    """A signal stopped the run after its state was saved.

    Args:
        message: the signal, and what was saved.
        exit_code: 128 plus the number of the signal.
        resume_hint: facts for the resume command.
    """

    def __init__(self, message: str, exit_code: int, resume_hint: ResumeHint | None = None) -> None:
        super().__init__(message, resume_hint)
        self.exit_code = exit_code
