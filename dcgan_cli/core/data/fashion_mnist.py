"""Find or download the IDX files of Fashion-MNIST.

Xiao et al. 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms".
"""

import contextlib
import os
from pathlib import Path

from dcgan_cli.core.data.keras_download import keras_download
from dcgan_cli.core.environment import keras_folder
from dcgan_cli.errors import NotHereError

FILE = "train-images-idx3-ubyte"
SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
"""The address that `keras.datasets.fashion_mnist` downloads from."""
FILES = [
    f"{split}-{kind}-ubyte.gz"
    for split in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]


def fashion_mnist_folder() -> Path:
    """Return the folder of the files on this machine.

    The package `dataset-fashion-mnist` of Debian and Ubuntu installs them in
    `datasets/fashion-mnist` below one of `XDG_DATA_DIRS`. Keras downloads them to its own folder.

    Raises:
        NotHereError: they are in neither folder.
    """
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    packaged = [Path(base) / "datasets" / "fashion-mnist" for base in shared.split(":") if base]
    for base in packaged:
        if _has(base, FILE):
            return base
    downloaded = _download_folder()
    # An earlier download may be incomplete.
    if all(_has(downloaded, name.removesuffix(".gz")) for name in FILES):
        return downloaded
    raise NotHereError(f"Fashion-MNIST is not in {downloaded}", "fashion_mnist", None)


def download_fashion_mnist() -> None:
    """Download the files into the folder of Keras, unless they are on this machine.

    Raises:
        DataError: they cannot be downloaded.
    """
    with contextlib.suppress(NotHereError):
        fashion_mnist_folder()
        return
    subfolder = Path("datasets", "fashion-mnist")
    files = [{"fname": n, "origin": SOURCE + n, "cache_subdir": subfolder} for n in FILES]
    advice = (
        "install the package dataset-fashion-mnist, or give data.path=FOLDER with its IDX files"
    )
    keras_download("Fashion-MNIST", _download_folder(), files, advice)


def _download_folder() -> Path:
    return keras_folder() / "datasets" / "fashion-mnist"


def _has(folder: Path, name: str) -> bool:
    return any((folder / file).is_file() for file in (name, f"{name}.gz"))
