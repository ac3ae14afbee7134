"""Find or download the files of a tensorflow-datasets data set.

https://www.tensorflow.org/datasets. The package is an optional dependency.
"""

import contextlib
import glob
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dcgan_cli.core import load_tensorflow
from dcgan_cli.errors import ConfigError, DataError


@dataclass(frozen=True)
class TfdsFiles:
    """The files of one split."""

    pattern: str
    """Glob pattern of the files."""
    class_names: tuple[str, ...]
    """Names of the classes, in order of their numbers; empty if unknown."""


def tfds_files(name: str, split: str) -> TfdsFiles | None:
    """Return the TFRecord files of a split; download the data set if it is missing.

    Args:
        name: name in tensorflow-datasets: NAME, NAME/CONFIG or NAME:VERSION.
        split: "train" or "test".

    Returns:
        The files, or None if the data set has no such split.

    Raises:
        ConfigError: the package is not installed.
        DataError: the data set is unknown, cannot be downloaded, or is stored in another format.
    """
    _check_home()
    load_tensorflow()
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ConfigError(
            f"data=tfds needs the package tensorflow-datasets ({error}); install dcgan-cli[tfds]"
        ) from None
    try:
        with contextlib.redirect_stdout(sys.stderr):  # It prints progress bars to stdout.
            builder = tfds.builder(name)
            builder.download_and_prepare()
    except Exception as error:  # The network and a data set's own code raise anything.
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"data.path={name} cannot be loaded from tensorflow-datasets ({reason}); if it is on "
            "this machine, set TFDS_DATA_DIR to the folder that contains it"
        ) from None
    if split not in builder.info.splits:
        return None
    if (form := builder.info.file_format.value) != "tfrecord":
        raise DataError(
            f"{builder.data_path} contains {form} files; prepare the data set as tfrecord"
        )
    label = dict(builder.info.features.items()).get("label")
    names = label.names if isinstance(label, tfds.features.ClassLabel) else ()
    pattern = os.path.join(glob.escape(str(builder.data_path)), f"{builder.name}-{split}.tfrecord*")
    return TfdsFiles(pattern, tuple(names))


def _check_home() -> None:
    """Check that the package finds a folder for data sets; otherwise it creates one named `~`.

    Raises:
        DataError: there is no home folder and no TFDS_DATA_DIR.
    """
    if not os.environ.get("TFDS_DATA_DIR"):
        try:
            Path.home()
        except RuntimeError:
            raise DataError(
                "there is no home folder for tensorflow-datasets; set TFDS_DATA_DIR to a folder"
            ) from None
