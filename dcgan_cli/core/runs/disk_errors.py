"""What the system says of a full or protected disk, as one line with its remedy."""

import contextlib
from collections.abc import Iterator

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.storage import REMEDIES
from dcgan_cli.errors import StorageError


@contextlib.contextmanager
def disk_errors(run: RunFolder) -> Iterator[None]:
    """Turn an OSError of writing into `run` into a StorageError that says how to go on."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "allow it")
        again = f"then go on with: {run.resume_command()}" if run.exists() else "then start again"
        raise StorageError(
            f"cannot write {run.path}: {error.strerror or error}; {remedy}, {again}"
        ) from error
