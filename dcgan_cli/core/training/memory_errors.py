"""Turn out-of-memory errors into a message with what to change."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.errors import ResumeHint, StorageError
from dcgan_cli.settings.schema import TrainConfig

LESS_MEMORY = {"convolution": "direct", "precision": "bfloat16"}
"""Settings that a resumed run may change to use less memory per step on a CPU."""


@contextlib.contextmanager
def memory_errors(config: TrainConfig, run: RunFolder) -> Iterator[None]:
    """Turn out-of-memory errors in the block into a StorageError."""
    try:
        yield
    except (tf.errors.OpError, MemoryError) as error:
        if isinstance(error, tf.errors.OpError) and not _is_out_of_memory(error):
            raise
        raise _out_of_memory(config, run) from error


def _is_out_of_memory(error: tf.errors.OpError) -> bool:
    """Return whether memory ran out. For a constant, TensorFlow reports a parse error instead."""
    parsed = "Cannot parse tensor from proto" in error.message
    return parsed or isinstance(error, tf.errors.ResourceExhaustedError)


def _out_of_memory(config: TrainConfig, run: RunFolder) -> StorageError:
    if not config.resume:
        if config.batch_size == 1:
            return StorageError("out of memory; use a smaller model or a machine with more memory")
        return StorageError(
            f"out of memory; try a smaller batch_size than {config.batch_size} in a new run"
        )
    record = run.record()
    changes = {key: value for key, value in LESS_MEMORY.items() if record.get(key) != value}
    return StorageError(
        "out of memory; close other programs or use a machine with more memory (only a new run "
        "can have another batch_size)",
        ResumeHint(run.path, settings=changes),
    )
