"""The layers of a page: dense and convolution layers, with normalization folded into them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from dcgan_cli.core.export.plain import JOINED, LATENT, LEVELS, PlainGenerator
from dcgan_cli.errors import ConfigError

FLOAT16_EXPONENT = 14
"""Kernels are scaled so that their largest weight has this exponent, near the top of float16, which
leaves room for weights that are a billion times smaller."""
LEAKY_RELU, LINEAR, TANH = "leaky_relu", "linear", "tanh"


@dataclass(frozen=True)
class PageLayer:
    """One layer. `live_page/network.js` describes the fields and computes with them."""

    kind: str
    """dense, convolution or transposed."""
    input: tuple[int, ...]
    """Height, width, channels; a vector is (1, 1, length)."""
    output: tuple[int, ...]
    kernel: np.ndarray
    """float [size, size, inputs, outputs]."""
    bias: np.ndarray
    """float [outputs]."""
    strides: int = 1
    resize: int = 1
    """Factor of nearest-neighbour enlargement before a convolution."""
    activation: str = LINEAR
    slope: float = 0.0

    def description(self, exponent: int) -> dict[str, Any]:
        """Return what JSON says of the layer, whose stored kernel is multiplied by 2**exponent."""
        return {
            "kind": self.kind,
            "input": self.input,
            "output": self.output,
            "size": len(self.kernel),
            "strides": self.strides,
            "resize": self.resize,
            "activation": self.activation,
            "slope": self.slope,
            "exponent": exponent,
        }


def pack(layers: list[PageLayer]) -> tuple[list[dict[str, Any]], bytes]:
    """Return the descriptions of layers and their weights: float16 kernels, float32 biases."""
    descriptions, weights = [], []
    for layer in layers:
        largest = float(np.abs(layer.kernel).max())
        exponent = math.frexp(largest)[1] - 1 - FLOAT16_EXPONENT if largest else 0
        kernel = np.ldexp(layer.kernel, -exponent).astype("<f2")
        descriptions.append(layer.description(exponent))
        weights += [kernel.tobytes(), layer.bias.astype("<f4").tobytes()]
    return descriptions, b"".join(weights)


def page_layers(generator: PlainGenerator) -> list[PageLayer]:
    """Return the layers of a generator, from the latent vector to the tanh.

    Raises:
        ConfigError: it has a layer that pages do not have, or its layers are not a chain.
    """
    layers: list[PageLayer] = []
    shape: tuple[int, ...] = (1, 1, generator.loaded.config.latent_dim)
    resize = 1
    for layer in _chain(generator):
        last = layers[-1] if layers else None
        match layer:
            case keras.layers.Dense() | keras.layers.Conv2D() | keras.layers.Conv2DTranspose():
                added = _linear(layer, shape, resize)
                if added is None:
                    raise _refused(generator, layer)
                resize = 1
                layers.append(added)
                shape = added.output
            case keras.layers.UpSampling2D(interpolation="nearest", size=(rows, columns)) if (
                rows == columns and resize == 1
            ):
                resize = rows
            case keras.layers.Reshape() if shape[:2] == (1, 1) and len(layer.output.shape) == 4:
                shape = tuple(layer.output.shape[1:])
            case keras.layers.BatchNormalization() if last and last.activation == LINEAR:
                layers[-1] = _normalized(last, layer)
            case _ if last and last.activation == LINEAR and (found := _activation(layer)):
                layers[-1] = replace(last, activation=found[0], slope=found[1])
            case _:
                raise _refused(generator, layer)
    return layers


def _chain(generator: PlainGenerator) -> Iterator[Any]:
    """Yield the network's layers, each of which has the one before as its only input."""
    model = generator.model
    value = model.get_layer(JOINED if generator.classes else LATENT).output
    names = [layer.name for layer in model.layers]
    first = names.index(JOINED if generator.classes else LATENT) + 1
    for layer in model.layers[first : names.index(LEVELS)]:
        if layer.input is not value or len(layer._inbound_nodes) > 1:
            raise _refused(generator, layer)
        value = layer.output
        yield layer


def _refused(generator: PlainGenerator, layer: Any) -> ConfigError:
    return ConfigError(
        f"an .html page cannot hold model={generator.loaded.config.model.name}: its layer "
        f"{layer.name} ({type(layer).__name__}) is of a kind, or is used in a way, that pages do "
        "not support; export an .onnx file instead"
    )


def _linear(layer: Any, shape: tuple[int, ...], resize: int) -> PageLayer | None:
    """Return a Keras layer with weights for a page; None if pages do not have it."""
    kernel = layer.kernel.numpy()
    activation = _activation(keras.layers.Activation(layer.activation))
    if activation is None:
        return None
    if isinstance(layer, keras.layers.Dense):
        if shape[:2] != (1, 1) or resize > 1:
            return None
        kind, strides, kernel = "dense", 1, kernel[np.newaxis, np.newaxis]
        output: tuple[int, ...] = (1, 1, kernel.shape[-1])
    else:
        is_transposed = isinstance(layer, keras.layers.Conv2DTranspose)
        kind = "transposed" if is_transposed else "convolution"
        if is_transposed:
            kernel = kernel.transpose(0, 1, 3, 2)  # Keras has the outputs first.
        strides, other = layer.strides
        output = tuple(layer.output.shape[1:])
        if (
            strides != other
            or kernel.shape[0] != kernel.shape[1]
            or kernel.shape[2] != shape[2]  # Groups.
            or (layer.padding != "same" and len(kernel) > 1)
            or layer.data_format != "channels_last"
            or layer.dilation_rate != (1, 1)
            or (resize > 1 and (is_transposed or strides > 1))
        ):
            return None
    bias = layer.bias.numpy() if layer.use_bias else np.zeros(kernel.shape[-1])
    return PageLayer(kind, shape, output, kernel, bias, strides, resize, *activation)


def _normalized(layer: PageLayer, norm: Any) -> PageLayer:
    """Fold batch normalization into the layer before it: the normalized output is linear too."""
    scale = 1 / np.sqrt(norm.moving_variance.numpy().astype(np.float64) + norm.epsilon)
    if norm.scale:
        scale *= norm.gamma.numpy()
    offset = norm.beta.numpy() if norm.center else 0
    # After a dense layer the vector may have become an image, whose channels are normalized.
    repeats = len(layer.bias) // len(scale)
    shift = np.tile(offset - norm.moving_mean.numpy() * scale, repeats)
    scale = np.tile(scale, repeats)
    return replace(layer, kernel=layer.kernel * scale, bias=layer.bias * scale + shift)


def _activation(layer: Any) -> tuple[str, float] | None:
    """Return the name and the slope of an activation; None if the layer is another one."""
    match layer:
        case keras.layers.LeakyReLU():
            return LEAKY_RELU, float(layer.negative_slope)
        case keras.layers.ReLU(max_value=None, threshold=0):
            return LEAKY_RELU, float(layer.negative_slope)
        case keras.layers.Activation():
            known = {"linear": LINEAR, "relu": LEAKY_RELU, "tanh": TANH}
            name = known.get(layer.activation.__name__)
            return (name, 0.0) if name else None
    return None
