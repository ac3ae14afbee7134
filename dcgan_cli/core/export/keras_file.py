"""`.keras`: the model as Keras saves it.

https://keras.io/api/models/model_saving_apis
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from dcgan_cli.core.export.facts import FACTS_FILE
from dcgan_cli.core.export.formats import Images
from dcgan_cli.core.export.half import halved
from dcgan_cli.core.export.plain import IMAGE, PlainGenerator
from dcgan_cli.core.storage import temporary_folder

WEIGHTS = "model.weights.h5"
"""The weights in a .keras file."""


def write(generator: PlainGenerator, path: Path, *, half: bool) -> None:
    """Write the file; see `FormatModule`."""
    with temporary_folder(path.parent) as folder:
        write_unzipped(generator, folder, half=half)
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)


def write_unzipped(generator: PlainGenerator, folder: Path, *, half: bool) -> None:
    """Write the content of a .keras file, and the facts, into a folder."""
    generator.check_own_layers("a .keras file")
    # An absolute path, because Keras keeps the layers' own files elsewhere for others.
    keras.saving.save_model(generator.model, folder.absolute(), zipped=False)
    (folder / "assets").rmdir()  # No layer of Keras that a generator can have has files.
    if half:
        _halve_weights(folder / WEIGHTS)
    (folder / FACTS_FILE).write_text(json.dumps(generator.facts, indent=2))


def open_file(path: Path) -> Images:
    """Load the model with Keras; see `FormatModule`."""
    # Keras's safe mode refuses code, and this program has just written the file.
    model = keras.saving.load_model(path, compile=False)

    def images(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return model(dict(inputs), training=False)[IMAGE].numpy()

    return images


def _halve_weights(path: Path) -> None:
    """Store kernels in float16. Keras converts them to the dtype of its variables on loading."""
    halves = path.with_suffix(".half")
    with h5py.File(path) as source, h5py.File(halves, "x") as target:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                copied = target.create_dataset(name, data=halved(item[()]))
            else:
                copied = target.require_group(name)
            copied.attrs.update(item.attrs)

        source.visititems(copy)
        target.attrs.update(source.attrs)
    halves.replace(path)
