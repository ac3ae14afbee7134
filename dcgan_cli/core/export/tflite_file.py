"""`.tflite`: the computation for LiteRT (TensorFlow Lite), made by TensorFlow's converter."""

import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli.core.export.facts import FACTS_FILE
from dcgan_cli.core.export.formats import Images
from dcgan_cli.core.export.plain import IMAGE, PlainGenerator


def write(generator: PlainGenerator, path: Path, *, half: bool) -> None:
    """Write the file; see `FormatModule`."""
    options: dict[str, Any] = {}
    if half:
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
        options["target_spec"] = {"supported_types": [tf.float16]}
    model = keras.models.clone_model(generator.model, clone_function=_of_known_size)
    # Keras goes by way of a SavedModel. From a function, TensorFlow loses the weights in silence.
    model.export(path, format="litert", verbose=False, **options)
    # The format's own way to hold other files: a zip archive after the model.
    # https://ai.google.dev/edge/litert/models/metadata
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FACTS_FILE, json.dumps(generator.facts, indent=2))


def _of_known_size(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Return a layer that makes images of a size that the converter knows.

    Keras's UpSampling2D computes the size from the input's, so the convolution after it would need
    TensorFlow to run. For whole factors, nearest neighbours of a given size are the same.
    """
    if isinstance(layer, keras.layers.UpSampling2D) and layer.interpolation == "nearest":
        _, height, width, _ = layer.output.shape
        return keras.layers.Resizing(height, width, interpolation="nearest", name=layer.name)
    return layer


def open_file(path: Path) -> Images:
    """Load the model with LiteRT; see `FormatModule`."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter  # noqa: N806
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # TensorFlow's own is to become LiteRT's.
        # Not by its name, which it does not take if it is no text.
        run = Interpreter(model_content=path.read_bytes()).get_signature_runner()

    def images(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return run(**inputs)[IMAGE]

    return images
