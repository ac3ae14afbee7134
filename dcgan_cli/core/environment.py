"""Environment variables and files that would change what TensorFlow and Keras compute.

The bits of a run depend on its settings, its data and what `run.json` records of the machine. Other
work's settings for Keras and TensorFlow must not change them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcgan_cli.errors import DataError

FOREIGN = re.compile(
    r"TF_(AUTO|CONV2D|DATA_EXPERIMENT|DISABLE|ENABLE|FP16|FUNCTION|GRAPH|JIT|JITRT|MATMUL|MKL"
    r"|ONEDNN|OPTIONALS|OVERRIDE|SET|TRT|USE|XLA)_.+"
    r"|TENSORFLOW_USE_.+|MLIR_BRIDGE_.+|XLA_FLAGS|(ONEDNN|DNNL)_DEFAULT_FPMATH_MODE"
)
"""Variables by which TensorFlow and its parts compile, round or order operations in another way.

Others that begin with TF_ are of its logs, threads, memory and devices, choose between kernels of
GPUs, for which no bits are promised, or are Terraform's.
"""
RECORDED = {"TF_ENABLE_ONEDNN_OPTS"}
"""Those that a user may well set: `run.json` says how, and resuming says what differs."""


_removed: dict[str, str] = {}


def remove_foreign_variables() -> tuple[str, ...]:
    """Remove variables from this process that would change TensorFlow's arithmetic.

    It reads some of them when it is imported and others at its first step, so they stay removed
    until `put_back_foreign_variables`.

    Returns:
        Their names; the same ones when called again.
    """
    for name in list(os.environ):
        if FOREIGN.fullmatch(name) and name not in RECORDED:
            _removed[name] = os.environ.pop(name)
    return tuple(sorted(_removed))


def put_back_foreign_variables() -> None:
    """Undo `remove_foreign_variables`, in a process that goes on to other work."""
    while _removed:
        name, value = _removed.popitem()
        os.environ.setdefault(name, value)


@contextmanager
def keras_defaults() -> Iterator[None]:
    """Have Keras imported with its defaults and on TensorFlow, and put the environment back after.

    It takes a backend, a float type, an epsilon and an image format from KERAS_* and from
    `keras.json` in its folder, and writes that file if there is none. No file can be in the null
    device, so there it reads and writes nothing.
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
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keras_folder() -> Path:
    """Return the folder in which Keras keeps what it downloads.

    `KERAS_HOME` if it is set, else `~/.keras`.

    Raises:
        DataError: there is no home folder.
    """
    try:
        return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    except RuntimeError:
        raise DataError(
            "there is no home folder for the files of Keras; set KERAS_HOME to a folder"
        ) from None
