"""Compute the pictures of a written page in NumPy, to check the page without a browser."""

import base64
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_cli.core.export.formats import Images
from dcgan_cli.core.export.plain import LABEL, LATENT
from dcgan_cli.core.sampling.pictures import to_uint8

AT_ONCE = 8
"""Images that are computed at once, which limits the memory."""


def open_page(path: Path) -> Images:
    """Return the generator in a page as a function."""
    elements = _Elements()
    elements.feed(path.read_text("utf-8"))
    generator = json.loads(elements.texts["generator"])
    weights = base64.b64decode(elements.texts["weights"], validate=True)
    layers = _with_weights(generator["layers"], weights)

    def images(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        vectors = inputs[LATENT]
        if generator["classes"]:
            one_hot = np.eye(generator["classes"], dtype=np.float32)[inputs[LABEL]]
            vectors = np.concatenate([vectors, one_hot], axis=1)
        computed = [
            _compute(layers, vectors[first : first + AT_ONCE])
            for first in range(0, len(vectors), AT_ONCE)
        ]
        return to_uint8(np.concatenate(computed).reshape(-1, *generator["image"]))

    return images


class _Elements(HTMLParser):
    """Collects the text of the elements that have an id."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self._id: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._id = dict(attrs).get("id")

    def handle_endtag(self, tag: str) -> None:
        self._id = None

    def handle_data(self, data: str) -> None:
        if self._id:
            self.texts[self._id] = self.texts.get(self._id, "") + data


Layer = tuple[dict[str, Any], np.ndarray, np.ndarray]
"""Description, kernel and bias."""


def _with_weights(descriptions: list[dict[str, Any]], weights: bytes) -> list[Layer]:
    layers, position = [], 0
    for layer in descriptions:
        shape = (layer["size"], layer["size"], layer["input"][2], layer["output"][2])
        count = int(np.prod(shape))
        kernel = np.frombuffer(weights, "<f2", count, position).astype(np.float32)
        position += 2 * count
        bias = np.frombuffer(weights, "<f4", shape[3], position)
        position += 4 * shape[3]
        layers.append((layer, np.ldexp(kernel, layer["exponent"]).reshape(shape), bias))
    if position != len(weights):
        raise ValueError(f"{len(weights)} bytes of weights, {position} expected")
    return layers


def _compute(layers: list[Layer], vectors: np.ndarray) -> np.ndarray:
    """Return the output of the last layer: float32 [N, ...]."""
    x = vectors
    for layer, kernel, bias in layers:
        x = x.reshape(-1, *layer["input"])
        if layer["kind"] == "transposed":
            x = _transposed(x, kernel, layer["strides"])
        else:
            x = x.repeat(layer["resize"], axis=1).repeat(layer["resize"], axis=2)
            x = _convolution(x, kernel, layer["strides"])
        x = x + bias
        if layer["activation"] == "tanh":
            x = np.tanh(x)
        elif layer["activation"] == "leaky_relu":
            x = np.where(x < 0, x * np.float32(layer["slope"]), x)
    return x


def _convolution(x: np.ndarray, kernel: np.ndarray, strides: int) -> np.ndarray:
    """Convolve images [N, H, W, inputs] with "same" padding; dense layers have H = W = size = 1."""
    size = len(kernel)
    outputs = [-(-length // strides) for length in x.shape[1:3]]
    totals = [
        max((count - 1) * strides + size - length, 0)
        for count, length in zip(outputs, x.shape[1:3], strict=True)
    ]
    x = np.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in totals), (0, 0)))
    y = np.zeros((len(x), *outputs, kernel.shape[3]), np.float32)
    for row, column in np.ndindex(size, size):
        rows = slice(row, row + outputs[0] * strides, strides)
        columns = slice(column, column + outputs[1] * strides, strides)
        y += x[:, rows, columns][:, : outputs[0], : outputs[1]] @ kernel[row, column]
    return y


def _transposed(x: np.ndarray, kernel: np.ndarray, strides: int) -> np.ndarray:
    """Apply a transposed convolution with "same" padding, to [N, H * strides, W * strides, C]."""
    size = len(kernel)
    count, height, width, _ = x.shape
    before = max(size - strides, 0) // 2
    room = ((height + size) * strides, (width + size) * strides)
    y = np.zeros((count, *room, kernel.shape[3]), np.float32)
    for row, column in np.ndindex(size, size):
        rows = slice(row, row + height * strides, strides)
        columns = slice(column, column + width * strides, strides)
        y[:, rows, columns] += x @ kernel[row, column]
    ends = before + height * strides, before + width * strides
    return y[:, before : ends[0], before : ends[1]]
