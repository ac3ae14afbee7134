"""Isolate TensorFlow and Keras from environment variables and configuration files.

The bits of a run depend on its settings, its data and the machine facts in `run.json`. Determinism
must not depend on variables and files that were set for other programs.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcgan_cli.errors import DataError

FOREIGN = re.compile(
    r"TF_(AUTO|CONV2D|DATA_EXPERIMENT|DISABLE|ENABLE|FP16|FUNCTION|GRAPH|JIT|JITRT|MATMUL|MKL"
    r"|ONEDNN|OPTIONALS|OVERRIDE|SET|TRT|USE|XLA)_.+"
    r"|TENSORFLOW_USE_.+|MLIR_BRIDGE_.+|XLA_FLAGS|(ONEDNN|DNNL)_DEFAULT_FPMATH_MODE"
)
"""Variables that change how TensorFlow and its libraries compile, round or order operations.

Other variables with TF_ control logs, threads, memory and devices, select GPU kernels, for which
equal bits are not guaranteed, or belong to Terraform.
"""
RECORDED = {"TF_ENABLE_ONEDNN_OPTS"}
"""Variables that users may set: `run.json` records the value, and resuming reports a difference."""


_removed: dict[str, str] = {}
_guests = 0
"""Blocks of `foreign_variables_return` that are running, in all threads."""
_lock = threading.Lock()


def remove_foreign_variables() -> tuple[str, ...]:
    """Remove variables that would change TensorFlow's arithmetic from this process.

    TensorFlow reads some when it is imported and others at its first step, so they stay removed
    until the last block of `foreign_variables_return` ends.

    Returns:
        The names of the removed variables; the same names on every call.
    """
    with _lock:
        for name in list(os.environ):
            if FOREIGN.fullmatch(name) and name not in RECORDED:
                _removed[name] = os.environ.pop(name)
        return tuple(sorted(_removed))


@contextmanager
def foreign_variables_return() -> Iterator[None]:
    """Undo `remove_foreign_variables` after the block, in a process that has other work.

    Variables belong to the process, so they return when no other thread is in such a block either.
    """
    global _guests
    with _lock:
        _guests += 1
    try:
        yield
    finally:
        with _lock:
            _guests -= 1
            while not _guests and _removed:
                name, value = _removed.popitem()
                os.environ.setdefault(name, value)


@contextmanager
def keras_defaults() -> Iterator[None]:
    """Let the block import Keras with its defaults and the TensorFlow backend.

    Keras reads a backend, a float type, an epsilon and an image format from KERAS_* and from
    `keras.json` in its folder, and writes that file if it is missing. With a folder below the null
    device it reads and writes no file. The environment is restored afterwards.
    """
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("KERAS_")}
    own = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.path.join(os.devnull, "keras")}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            os.environ.pop(name, None)
        os.environ.update(before)


def core_count() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keras_folder() -> Path:
    """Return Keras's download folder: `KERAS_HOME` if set, otherwise `~/.keras`.

    Raises:
        DataError: there is no home folder.
    """
    try:
        return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    except RuntimeError:
        raise DataError(
            "there is no home folder for the files of Keras; set KERAS_HOME to a folder"
        ) from None
