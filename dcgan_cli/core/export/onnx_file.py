"""`.onnx`: the computation as an ONNX graph, made by tf2onnx.

https://github.com/onnx/tensorflow-onnx
"""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from dcgan_cli.core.export.facts import FACTS_KEY
from dcgan_cli.core.export.formats import Images
from dcgan_cli.core.export.half import halved
from dcgan_cli.core.export.plain import IMAGE, PlainGenerator

OPSET = 17
"""Version of the operators; onnxruntime has it since 1.12 (2022)."""


def write(generator: PlainGenerator, path: Path, *, half: bool) -> None:
    """Write the file; see `FormatModule`."""
    generator.model(generator.inputs([0]))  # Keras exports only what has been called.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras adapts tf2onnx to NumPy 2.
        generator.model.export(path, format="onnx", verbose=False, opset_version=OPSET)
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    if half:
        _halve_weights(model.graph)
    facts = model.metadata_props.add()
    facts.key, facts.value = FACTS_KEY, json.dumps(generator.facts)
    model.graph.name = generator.model.name
    onnx.checker.check_model(model)
    onnx.save(model, path)


def open_file(path: Path) -> Images:
    """Load the graph with onnxruntime; see `FormatModule`."""
    import onnxruntime

    # Not by its name, which it does not take if it is no text.
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])

    def images(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return session.run([IMAGE], dict(inputs))[0]

    return images


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Store kernels in float16, each with a cast to float32 before its use."""
    casts = []
    for weight in graph.initializer:
        array = onnx.numpy_helper.to_array(weight)
        half = halved(array)
        if half.dtype == array.dtype:
            continue
        name = f"{weight.name}_float16"
        casts.append(
            onnx.helper.make_node("Cast", [name], [weight.name], to=onnx.TensorProto.FLOAT)
        )
        weight.CopyFrom(onnx.numpy_helper.from_array(half, name))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
