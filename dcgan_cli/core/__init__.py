"""Data, networks, training, sampling, run folders. Does not know the command line.

Modules that need TensorFlow import it at the top; call `load_tensorflow()` before importing one.
"""

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator

from dcgan_cli.core.environment import keras_defaults, remove_foreign_variables
from dcgan_cli.errors import ConfigError, DcganError


def load_tensorflow(*, quiet: bool = True) -> tuple[str, ...]:
    """Import TensorFlow and Keras, without effects of the environment and without their notices.

    TensorFlow's C++ libraries write some notices (of oneDNN, of a missing CUDA driver) before they
    read any setting. So standard error is redirected to a file during the import, and shown if the
    import fails.

    Args:
        quiet: False shows the notices.

    Returns:
        Names of removed environment variables that would have changed results.

    Raises:
        ConfigError: this process has imported Keras with another backend.
    """
    removed = remove_foreign_variables()
    if "keras" in sys.modules:
        _check_backend()
        return removed
    if not quiet:
        _import()
        return removed
    with hiding_notices():
        _import()
    return removed


@contextlib.contextmanager
def hiding_notices() -> Iterator[None]:
    """Hide what C++ libraries write to standard error, unless the block fails unexpectedly."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            yield
        except DcganError:
            raise
        except Exception:
            notices.seek(0)
            os.write(terminal, notices.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def silence_tensorflow() -> None:
    """Hide the log of TensorFlow's C++ libraries; failures still raise exceptions.

    They read the log level once, so call this before TensorFlow is imported. Do not call it in a
    process that belongs to a caller of the Python interface.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _import() -> None:
    with keras_defaults():
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()  # Logs that there is no GPU.
        importlib.import_module("keras")


def _check_backend() -> None:
    backend = importlib.import_module("keras").config.backend()
    if backend != "tensorflow":
        raise ConfigError(
            f"this process has imported Keras with the backend {backend}; start dcgan in another "
            "process"
        )
