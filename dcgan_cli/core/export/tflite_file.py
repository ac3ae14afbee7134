"""`.tflite`: the computation for LiteRT (TensorFlow Lite), made by TensorFlow's converter."""

import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    # Keras goes by way of a SavedModel. From a function, TensorFlow loses the weights in silence.
    generator.model.export(path, format="litert", verbose=False, **options)
    # The format's own way to hold other files: a zip archive after the model.
    # https://ai.google.dev/edge/litert/models/metadata
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FACTS_FILE, json.dumps(generator.facts, indent=2))


def open_file(path: Path) -> Images:
    """Load the model with LiteRT; see `FormatModule`."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter  # noqa: N806
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # TensorFlow's own is to become LiteRT's.
        run = Interpreter(str(path)).get_signature_runner()

    def images(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return run(**inputs)[IMAGE]

    return images
