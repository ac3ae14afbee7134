"""`.safetensors`: the weights by name, with the layers and the facts as JSON in the header.

https://github.com/safetensors/safetensors#format
"""

import json
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from dcgan_cli.core.export.facts import FACTS_KEY
from dcgan_cli.core.export.formats import Images
from dcgan_cli.core.export.half import halved
from dcgan_cli.core.export.plain import IMAGE, PlainGenerator

LAYERS = "keras"
"""The entry of the header that holds the model for `keras.models.model_from_json`."""


def write(generator: PlainGenerator, path: Path, *, half: bool) -> None:
    """Write the file; see `FormatModule`."""
    generator.check_own_layers("a .safetensors file")
    arrays = {variable.path: variable.numpy() for variable in generator.model.variables}
    header = {LAYERS: generator.model.to_json(), FACTS_KEY: json.dumps(generator.facts)}
    if half:
        arrays = {name: halved(array) for name, array in arrays.items()}
    # Not by `save_file`, which makes a file that nobody else may read.
    path.write_bytes(save(arrays, header))


def open_file(path: Path) -> Images:
    """Rebuild the model from the file alone; see `FormatModule`."""
    with safe_open(path, "numpy") as stream:
        model = keras.models.model_from_json(stream.metadata()[LAYERS])
        for variable in model.variables:
            variable.assign(stream.get_tensor(variable.path))

    def images(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return model(dict(inputs), training=False)[IMAGE].numpy()

    return images
