"""Where Fashion-MNIST's IDX files are on this machine.

Xiao et al. 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms".
"""

import contextlib
import os
import sys
from pathlib import Path

from dcgan_cli.core import load_tensorflow
from dcgan_cli.errors import DataError

FILE = "train-images-idx3-ubyte"


def fashion_mnist_folder() -> Path:
    """Return the folder of the files, downloading them if it has to be.

    The package `dataset-fashion-mnist` of Debian and Ubuntu has them in `datasets/fashion-mnist`
    below one of `XDG_DATA_DIRS`; Keras keeps them in its own folder, and downloads them.

    Raises:
        DataError: they are in neither place and cannot be downloaded.
    """
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    packaged = [Path(base) / "datasets" / "fashion-mnist" for base in shared.split(":") if base]
    keras_home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    downloaded = keras_home / "datasets" / "fashion-mnist"
    for folder in (*packaged, downloaded):
        if any((folder / name).is_file() for name in (FILE, f"{FILE}.gz")):
            return folder
    load_tensorflow()
    import keras

    try:
        with contextlib.redirect_stdout(sys.stderr):  # Its bar; standard output is for results.
            keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # Keras passes on whatever the network raises.
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"Fashion-MNIST is not in {downloaded} and cannot be downloaded ({reason}); install "
            "the package dataset-fashion-mnist, or give data.path=FOLDER with its IDX files"
        ) from None
    return downloaded
