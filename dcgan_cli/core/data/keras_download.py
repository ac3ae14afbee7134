"""Download files of a known data set into the folder of Keras."""

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.environment import keras_folder
from dcgan_cli.errors import DataError


def keras_download(name: str, folder: Path, files: Iterable[dict[str, Any]], advice: str) -> None:
    """Download files with Keras.

    Args:
        name: the name of the data set, for the message.
        folder: the folder that the files go into, below that of Keras; it is created.
        files: the arguments of `keras.utils.get_file` for each file, without `cache_dir`.
        advice: what to do if it fails, for the message.

    Raises:
        DataError: they cannot be downloaded.
    """
    load_tensorflow()
    import keras

    try:
        folder.mkdir(parents=True, exist_ok=True)  # Otherwise Keras would use /tmp.
        with contextlib.redirect_stdout(sys.stderr):  # Keras prints its progress bar to stdout.
            for file in files:
                keras.utils.get_file(**file, cache_dir=keras_folder())
    except Exception as error:  # Keras passes on all network errors.
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{name} is not in {folder} and cannot be downloaded ({reason}); {advice}"
        ) from None
