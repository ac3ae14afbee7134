"""Turn disk errors (full, no permission, disconnected) into a message with a remedy."""

import contextlib
from collections.abc import Iterator

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.storage import REMEDIES
from dcgan_cli.errors import ResumeHint, StorageError


@contextlib.contextmanager
def disk_errors(run: RunFolder, verb: str = "write") -> Iterator[None]:
    """Turn an OSError in the block into a StorageError that says how to resume.

    Args:
        run: the run that is trained or about to start.
        verb: what the block does: "write" the run, or "read" what it needs.
    """
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "check the disk")
        path = error.filename if verb == "read" and error.filename else run.path
        message = f"cannot {verb} {path}: {error.strerror or error}; {remedy}"
        if not run.exists():
            raise StorageError(f"{message}, then start again") from error
        raise StorageError(message, ResumeHint(run.path)) from error
