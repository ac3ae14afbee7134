"""What the system says of a disk that is full, protected or away, as one line with its remedy."""

import contextlib
from collections.abc import Iterator

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.storage import REMEDIES
from dcgan_cli.errors import StorageError, WayOn


@contextlib.contextmanager
def disk_errors(run: RunFolder) -> Iterator[None]:
    """Turn an OSError of writing into `run` into a StorageError that says how to go on."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "allow it")
        message = f"cannot write {run.path}: {error.strerror or error}; {remedy}"
        if not run.exists():
            raise StorageError(f"{message}, then start again") from error
        raise StorageError(message, WayOn(run.path)) from error
