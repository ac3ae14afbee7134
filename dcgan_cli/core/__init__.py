"""The DCGAN itself: data, networks, training, run folders. Knows nothing of the command line.

Modules that need TensorFlow import it at their top; call `load_tensorflow()` before importing one.
"""

import importlib
import os
import sys
import tempfile


def load_tensorflow(*, quiet: bool = True) -> None:
    """Import TensorFlow without the notices it prints on the way.

    Some of them (oneDNN's, the missing CUDA driver's) are written by its C++ libraries before they
    look at any setting, so standard error goes to a file meanwhile. It is shown after all if the
    import fails.

    Args:
        quiet: False leaves TensorFlow's log as it is.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if not quiet:
        importlib.import_module("tensorflow")
        return
    # Level 3 hides what C++ logs later; failures still arrive as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except Exception:
            notices.seek(0)
            os.write(terminal, notices.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
