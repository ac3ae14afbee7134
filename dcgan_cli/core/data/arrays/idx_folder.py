"""A folder of IDX files with the names of MNIST's files or common variants."""

import os
import re
from pathlib import Path

import numpy as np

from dcgan_cli.core.arrays import Header
from dcgan_cli.core.data.arrays.idx import read_idx, read_idx_shape
from dcgan_cli.core.data.arrays.names import SplitArrays
from dcgan_cli.core.data.image_set import NoSplitError
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.errors import DataError

SPLITS = {"train": re.compile("train"), "test": re.compile("t10k|test")}


class IdxFolder:
    """A folder of IDX files, named like MNIST's: `*images*idx3*`, `*labels*idx1*`.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """See `ArrayFile`."""
        return idx_names(self.path)

    def choose(self, split: str) -> SplitArrays:
        """See `ArrayFile`."""
        names = self.names()
        images = [name for name in names if _says(name, "images", "idx3")]
        chosen = [name for name in images if SPLITS[split].search(name.lower())]
        if not chosen and split == "train":
            chosen = [n for n in images if not SPLITS["test"].search(n.lower())]
        usual = {"train": "train", "test": "t10k"}[split] + "-images-idx3-ubyte"
        chosen = [name for name in chosen if name.removesuffix(".gz") == usual] or chosen
        if len(chosen) > 1:
            raise NoSplitError(
                f"{self.path} has several sets of images ({first_names(chosen)}); put one set and "
                "its labels into a folder of their own"
            )
        if not chosen:
            raise NoSplitError(
                f"{self.path} has no {usual} or {usual}.gz; for a folder of pictures, give "
                "data=image_folder"
            )
        name = chosen[0]
        labels = [n for n in names if _says(n, "labels", "idx1") and _stem(n) == _stem(name)]
        # If both spellings exist, prefer the one that matches the images.
        labels.sort(key=lambda n: ".idx" in n != ".idx" in name)
        return SplitArrays(name, tuple(labels[:1]))

    def header(self, name: str) -> Header:
        """See `ArrayFile`."""
        shape = read_idx_shape(self.path / name)
        return Header(shape, fortran_order=False, dtype=np.dtype(np.uint8))

    def read(self, name: str) -> np.ndarray:
        """See `ArrayFile`."""
        return read_idx(self.path / name)


def idx_names(folder: Path) -> list[str]:
    """Return the IDX files in a folder; a plain file replaces its `.gz`.

    Raises:
        DataError: there is no read permission on the folder.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise DataError(
            f"{folder} is not readable ({error.strerror}); change its permissions"
        ) from None
    known = [name for name in names if is_idx_name(name)]
    return [name for name in known if name.removesuffix(".gz") == name or name[:-3] not in known]


def is_idx_folder(path: Path) -> bool:
    """Return whether a folder contains IDX files of images, by their names."""
    return path.is_dir() and any(_says(name, "images", "idx3") for name in idx_names(path))


def is_idx_name(name: str) -> bool:
    """Return whether a file is named like an IDX file of images or labels."""
    return _says(name, "images", "idx3") or _says(name, "labels", "idx1")


def _says(name: str, what: str, kind: str) -> bool:
    lower = name.lower()
    return what in lower and kind in lower and not name.startswith(".")


def _stem(name: str) -> str:
    """Return the words that the names of images and of their labels share."""
    words = re.findall(r"[a-z0-9]+", name.lower().removesuffix(".gz"))
    return " ".join(word for word in words if word not in ("images", "labels", "idx1", "idx3"))
