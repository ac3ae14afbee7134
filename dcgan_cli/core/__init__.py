"""The DCGAN itself: data, networks, training, run folders. Knows nothing of the command line.

Modules that need TensorFlow import it at their top; call `load_tensorflow()` before importing one.
"""

import importlib
import os
import sys
import tempfile

from dcgan_cli.core.environment import keras_defaults, remove_foreign_variables
from dcgan_cli.errors import ConfigError


def load_tensorflow(*, quiet: bool = True) -> tuple[str, ...]:
    """Import TensorFlow and Keras, with arithmetic of their own and without notices on the way.

    Some of them (oneDNN's, the missing CUDA driver's) are written by its C++ libraries before they
    look at any setting, so standard error goes to a file meanwhile. It is shown after all if the
    import fails.

    Args:
        quiet: False leaves TensorFlow's log as it is.

    Returns:
        Environment variables that would have changed results, and were removed.

    Raises:
        ConfigError: this process has imported Keras before, on something else.
    """
    removed = remove_foreign_variables()
    if "keras" in sys.modules:
        _check_backend()
        return removed
    if not quiet:
        _import()
        return removed
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            _import()
        except Exception:
            notices.seek(0)
            os.write(terminal, notices.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
    return removed


def silence_tensorflow() -> None:
    """Hide what TensorFlow's C++ libraries log; failures still arrive as exceptions.

    They read the level once, so call this before TensorFlow is imported, and not in a caller's
    process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _import() -> None:
    with keras_defaults():
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()  # It has something to say of a missing GPU.
        importlib.import_module("keras")


def _check_backend() -> None:
    backend = importlib.import_module("keras").config.backend()
    if backend != "tensorflow":
        raise ConfigError(
            f"this process has imported Keras on {backend}; start dcgan in a process of its own"
        )
