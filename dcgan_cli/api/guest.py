"""How the functions behave in a process that is not their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from dcgan_cli.core.environment import put_back_foreign_variables
from dcgan_cli.errors import storage_error


@contextmanager
def as_guest() -> Iterator[None]:
    """Put environment variables back after the block, and raise errors of the system as dcgan's.

    Raises:
        StorageError: the block raised an OSError, or memory ran out.
    """
    try:
        yield
    except Exception as error:
        if found := storage_error(error):
            raise found from error
        raise
    finally:
        put_back_foreign_variables()
