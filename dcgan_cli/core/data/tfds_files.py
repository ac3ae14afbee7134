"""Find or download the files of a tensorflow-datasets data set.

https://www.tensorflow.org/datasets. The package is an optional dependency. It runs a data set's own
code to prepare its files, so that is done only for names that the user typed. The JSON files beside
prepared files are enough to read them.
"""

import contextlib
import glob
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.storage import entries, read_json, read_text
from dcgan_cli.errors import ConfigError, DataError, NotHereError

NAME = re.compile(r"(\w+)(?:/(\w[\w.+-]*))?(?::(\d+\.\d+\.\d+))?", re.ASCII)
VERSION = re.compile(r"\d+\.\d+\.\d+")

_prepared: dict[str, Path] = {}
"""The folders that this process has had prepared, by the names that were typed."""


@dataclass(frozen=True)
class TfdsFiles:
    """The files of one split."""

    pattern: str
    """Glob pattern of the files."""
    class_names: tuple[str, ...]
    """Names of the classes, in order of their numbers; empty if unknown."""


def prepare(name: str) -> None:
    """Prepare a data set with tensorflow-datasets, which may download it and runs its own code.

    Args:
        name: name in tensorflow-datasets: NAME, NAME/CONFIG or NAME:VERSION.

    Raises:
        ConfigError: the package is not installed.
        DataError: the data set is unknown or cannot be downloaded.
    """
    _data_folder()
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
    _prepared[name] = Path(builder.data_path)


def tfds_files(name: str, split: str) -> TfdsFiles | None:
    """Return the TFRecord files of a split that are on this machine. Runs no code of the data set.

    Args:
        name: NAME, NAME/CONFIG or NAME:VERSION.
        split: "train" or "test".

    Returns:
        The files, or None if the data set has no such split.

    Raises:
        NotHereError: the data set is not on this machine, or only its own code knows where.
        DataError: it is stored in another format, or the files that describe it are damaged.
    """
    folder = _prepared.get(name) or _folder_of(name)
    if folder is None:
        raise NotHereError(f"{name} of tensorflow-datasets is not on this machine", "tfds", name)
    path = folder / "dataset_info.json"
    try:
        info = read_json(path)
        splits = [str(one["name"]) for one in info["splits"]]
        form, own_name = str(info.get("fileFormat", "tfrecord")), str(info["name"])
        class_names = _class_names(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); prepare the data set anew") from None
    if split not in splits:
        return None
    if form != "tfrecord":
        raise DataError(f"{folder} holds {form} files; prepare the data set as tfrecord")
    pattern = os.path.join(glob.escape(str(folder)), f"{glob.escape(own_name)}-{split}.tfrecord*")
    return TfdsFiles(pattern, class_names)


def _class_names(folder: Path) -> tuple[str, ...]:
    """Return what the classes of the feature `label` are called; nothing if it is none of classes.

    They are numbers where the data set does not name them.
    """
    names = folder / "label.labels.txt"
    if names.is_file():
        return tuple(read_text(names).decode().splitlines())
    features: Any = read_json(folder / "features.json")
    label = features.get("featuresDict", {}).get("features", {}).get("label", {})
    return tuple(map(str, range(int(label.get("classLabel", {}).get("numClasses", 0)))))


def _folder_of(name: str) -> Path | None:
    """Return the folder of a prepared data set: of its newest version, if the name states none."""
    if (match := NAME.fullmatch(name)) is None:
        return None
    dataset, config, version = match.groups()
    folder = _data_folder() / dataset
    if config is None and not _versions(folder):
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
            stated = read_json(folder / ".config" / "metadata.json").get("default_config_name")
            config = stated if re.fullmatch(r"\w[\w.+-]*", str(stated)) else None
    if config is not None:
        folder /= config
    versions = _versions(folder)
    if version is not None:
        return folder / version if version in versions else None
    newest = max(versions, key=lambda one: [int(part) for part in one.split(".")], default=None)
    return None if newest is None else folder / newest


def _versions(folder: Path) -> list[str]:
    return [path.name for path in entries(folder) if VERSION.fullmatch(path.name)]


def _data_folder() -> Path:
    """Return the folder in which the package keeps data sets.

    Raises:
        DataError: there is none; the package would make one called `~`.
    """
    if stated := os.environ.get("TFDS_DATA_DIR"):
        return Path(stated).expanduser()
    try:
        return Path.home() / "tensorflow_datasets"
    except RuntimeError:
        raise DataError(
            "there is no home folder for tensorflow-datasets; set TFDS_DATA_DIR to a folder"
        ) from None
