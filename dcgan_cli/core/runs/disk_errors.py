"""What the system says of a disk that is full, protected or away, as one line with its remedy."""

import contextlib
from collections.abc import Iterator

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.storage import REMEDIES
from dcgan_cli.errors import ResumeHint, StorageError


@contextlib.contextmanager
def disk_errors(run: RunFolder, verb: str = "write") -> Iterator[None]:
    """Turn an OSError into a StorageError that says how to resume.

    Args:
        run: the run that is written, or begun.
        verb: what cannot be done: "write" the run, or "read" what it needs.
    """
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "look at the disk")
        path = error.filename if verb == "read" and error.filename else run.path
        message = f"cannot {verb} {path}: {error.strerror or error}; {remedy}"
        if not run.exists():
            raise StorageError(f"{message}, then start again") from error
        raise StorageError(message, ResumeHint(run.path)) from error
