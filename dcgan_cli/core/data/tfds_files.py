"""Where the files of a tensorflow-datasets data set are on this machine.

https://www.tensorflow.org/datasets. The package is an extra of this one.
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
    """The files of a split."""

    pattern: str
    """Matches them."""
    class_names: tuple[str, ...]
    """What the classes are called, in order of their numbers, where that is known."""


def tfds_files(name: str, split: str) -> TfdsFiles | None:
    """Find the files of a split, downloading the data set if need be.

    Args:
        name: as tensorflow-datasets takes it: NAME, NAME/CONFIG or NAME:VERSION.
        split: "train" or "test".

    Returns:
        TFRecord files; None if the data set has no such split.

    Raises:
        ConfigError: the package is not installed.
        DataError: there is no such data set, it cannot be downloaded, or is kept in another format.
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
        with contextlib.redirect_stdout(sys.stderr):  # Its bars; standard output is for results.
            builder = tfds.builder(name)
            builder.download_and_prepare()
    except Exception as error:  # Whatever the network and a data set's own code raise.
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"data.path={name} cannot be had from tensorflow-datasets ({reason}); TFDS_DATA_DIR "
            "names the folder of those that are on this machine"
        ) from None
    if split not in builder.info.splits:
        return None
    if (form := builder.info.file_format.value) != "tfrecord":
        raise DataError(f"{builder.data_path} holds {form} files; prepare the data set as tfrecord")
    label = dict(builder.info.features.items()).get("label")
    names = label.names if isinstance(label, tfds.features.ClassLabel) else ()
    pattern = os.path.join(glob.escape(str(builder.data_path)), f"{builder.name}-{split}.tfrecord*")
    return TfdsFiles(pattern, tuple(names))


def _check_home() -> None:
    """Check that the package has a folder for data sets; else it makes one called `~`.

    Raises:
        DataError: there is none.
    """
    if not os.environ.get("TFDS_DATA_DIR"):
        try:
            Path.home()
        except RuntimeError:
            raise DataError(
                "there is no home folder for tensorflow-datasets; set TFDS_DATA_DIR to a folder"
            ) from None
