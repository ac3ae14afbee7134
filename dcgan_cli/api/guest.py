"""Leave the caller's process unchanged."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dcgan_cli.core.environment import foreign_variables_return
from dcgan_cli.errors import PluginError, storage_error
from dcgan_cli.plugins import explain_missing_in_python, load_installed


@contextmanager
def as_guest() -> Iterator[None]:
    """Restore environment variables after the block, and turn system errors into dcgan's errors.

    Raises:
        StorageError: the block raised an OSError, or memory ran out.
    """
    for warning in load_installed():
        warnings.warn(warning, stacklevel=4)
    try:
        with foreign_variables_return():
            yield
    except PluginError as error:
        error.args = (explain_missing_in_python(error),)
        raise
    except Exception as error:
        if found := storage_error(error):
            raise found from error
        raise
