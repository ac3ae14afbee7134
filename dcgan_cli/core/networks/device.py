"""Devices, threads, precision and distribution strategy."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.python.framework.config import disable_op_determinism, is_op_determinism_enabled

from dcgan_cli.core.environment import core_count
from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import StrategyConfig, TrainConfig

BFLOAT16_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Flags in /proc/cpuinfo for bfloat16 multiplication: two on x86, one on Arm."""
LARGEST_TRANSFORMED = 128
"""Largest image size whose convolutions are transformed unasked. A step of 16 images of 256x256
takes 0.7 of the time of a direct one, but 7 GiB of memory, more than twice as much."""
BFLOAT16_COMPUTE_CAPABILITY = (8, 0)
"""Compute capability of the first NVIDIA GPUs with bfloat16 (Ampere)."""


def describe_devices() -> str:
    """Return the training devices, such as "2 x NVIDIA A100" or "CPU (AMD EPYC, 8 cores)"."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU ({_cpu_name()}, {core_count()} cores)"
    names = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus
    ]
    return names[0] if len(names) == 1 else f"{len(names)} x {names[0]}"


def thread_counts() -> list[int]:
    """Return TensorFlow's intra-op and inter-op thread counts; 0 means one per core."""
    threading = tf.config.threading
    return [
        threading.get_intra_op_parallelism_threads() or _environment_number("INTRA"),
        threading.get_inter_op_parallelism_threads() or _environment_number("INTER"),
    ]


def onednn() -> str:
    """Return oneDNN's configuration: on, off or default, and the limit on its instruction set."""
    used = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default")
    newest = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA")
    return f"{used}, up to {newest}" if newest else used


def resolve_precision(precision: str) -> str:
    """Resolve `auto`: bfloat16 where the hardware multiplies it, otherwise float32."""
    if precision != "auto":
        return precision
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        capable = details.get("compute_capability", (0, 0)) >= BFLOAT16_COMPUTE_CAPABILITY
    else:
        capable = bool(BFLOAT16_CPU_FLAGS & set(_cpuinfo("flags", "Features").split()))
    return "bfloat16" if capable else "float32"


def resolve_convolution(config: TrainConfig) -> str:
    """Resolve `auto`: transformed on a CPU where that is faster, otherwise direct.

    Direct convolutions are fast enough on GPUs. Transformed values of large images take too much
    memory. In small batches, the transforms of the kernels can take longer than they save.
    """
    if config.convolution != "auto":
        return config.convolution
    if not config.can_transform or tf.config.list_physical_devices("GPU"):
        return "direct"
    size = config.data.image_size
    enough = 0
    if resolve_precision(config.precision) == "float32":
        enough = entry("model", config.model.name).transformed_pixels
    pays = config.batch_size * size**2 >= enough and size <= LARGEST_TRANSFORMED
    return "transformed" if pays else "direct"


@contextmanager
def building(precision: str) -> Iterator[None]:
    """Set the precision (float32 or bfloat16) of networks that are built inside the block.

    Weights, batch statistics, losses and optimizers always use float32 (Micikevicius et al. 2018,
    "Mixed Precision Training"; bfloat16 needs no loss scaling). After the block, Keras's settings
    are restored, and so is the state of Python's random numbers, from which Keras draws seeds for
    some layers: the process may be a notebook. Other threads wait, because all of these belong to
    the process.
    """
    with _BUILDING:
        numbers = random.getstate()
        before = (
            keras.config.dtype_policy(),
            keras.config.floatx(),
            keras.config.image_data_format(),
        )
        _set_up_keras(
            "mixed_bfloat16" if precision == "bfloat16" else "float32", "float32", "channels_last"
        )
        try:
            yield
        finally:
            _set_up_keras(*before)
            random.setstate(numbers)


_BUILDING = threading.RLock()


def _set_up_keras(policy: str | keras.DTypePolicy, floatx: str, image_format: str) -> None:
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx(floatx)
    keras.config.set_image_data_format(image_format)


@contextmanager
def deterministic_ops() -> Iterator[None]:
    """Make TensorFlow use deterministic kernels inside the block, on a CPU.

    Equal bits must not depend on which kernels happen to be deterministic. On a CPU that costs
    nothing (docs/performance.md); on a GPU it does, and nothing is promised there.

    The switch belongs to the process, and TensorFlow's random operations without a seed raise
    errors while it is on. TensorFlow does not export the function that turns it off.
    """
    global _deterministic_blocks, _was_deterministic
    if tf.config.list_physical_devices("GPU"):
        yield
        return
    with _DETERMINISM:
        if not _deterministic_blocks:
            _was_deterministic = is_op_determinism_enabled()
        _deterministic_blocks += 1
        tf.config.experimental.enable_op_determinism()
    try:
        yield
    finally:
        with _DETERMINISM:
            _deterministic_blocks -= 1
            if not _deterministic_blocks and not _was_deterministic:
                disable_op_determinism()


_DETERMINISM = threading.Lock()
_deterministic_blocks = 0
"""How many threads are in such a block."""
_was_deterministic = False


def build_strategy(strategy: StrategyConfig, batch_size: int) -> tf.distribute.Strategy:
    """Build TensorFlow's distribution strategy.

    Raises:
        ConfigError: `batch_size` is not a multiple of the number of replicas.
    """
    if strategy.name == "default":
        return tf.distribute.get_strategy()
    mirrored = tf.distribute.MirroredStrategy()
    replicas = mirrored.num_replicas_in_sync
    if batch_size % replicas:
        raise ConfigError(
            f"batch_size must be a multiple of the {replicas} devices of strategy=mirrored, "
            f"got {batch_size}; or give strategy=default"
        )
    return mirrored


def _environment_number(kind: str) -> int:
    value = os.environ.get(f"TF_NUM_{kind}OP_THREADS", "0")
    return int(value) if value.isdecimal() else 0


def _cpuinfo(*names: str) -> str:
    """Return the first value in /proc/cpuinfo under one of these names; "" if there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""


def _cpu_name() -> str:
    return _cpuinfo("model name") or "unknown"
