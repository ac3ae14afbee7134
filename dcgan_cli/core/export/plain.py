"""The plain generator: Keras's own layers, float32, from latent vectors to uint8 images.

All formats are written from it, so all have the same interface.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dcgan_cli.core.export.facts import facts_of
from dcgan_cli.core.networks.blocks import Blocks
from dcgan_cli.core.networks.build import generate
from dcgan_cli.core.networks.device import building
from dcgan_cli.core.networks.weights import assign, named_variables
from dcgan_cli.core.plugin_errors import plugin_errors
from dcgan_cli.core.sampling.latents import latents
from dcgan_cli.core.sampling.sampler import LoadedGenerator, weights
from dcgan_cli.errors import ConfigError

LATENT, LABEL, IMAGE = "latent", "label", "image"
"""Names of the inputs and of the output in every format."""
ONE_HOT, JOINED, LEVELS, ROUNDED = "class_one_hot", "latent_and_class", "grey_levels", "uint8"
"""Names of the layers before and after those of the network."""


class PlainBlocks(Blocks):
    """A layer factory that uses Keras's LeakyReLU, which other programs know."""

    def leaky_relu(self, name: str) -> keras.layers.Layer:
        return keras.layers.LeakyReLU(negative_slope=self.model.leaky_relu_slope, name=name)


@dataclass(frozen=True)
class PlainGenerator:
    """A trained generator for export."""

    model: keras.Model
    """Maps {"latent": float32 [n, noise_dim]} to {"image": uint8 [n, H, W, C]}; a conditional one
    has a second input, "label": int32 [n].

    Its layers, in order: inputs, `ONE_HOT` and `JOINED` if it is conditional, those of the network
    up to `tanh`, which returns float32 in [-1, 1], then `LEVELS` and `ROUNDED`.
    """
    loaded: LoadedGenerator
    facts: dict[str, Any]
    """What JSON can say about it: see `facts_of`."""

    @property
    def classes(self) -> int:
        """Number of classes; 0 if it is not conditional."""
        return self.loaded.config.num_classes

    def inputs(self, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the inputs that give the same images as `dcgan sample` with these seeds."""
        given = {LATENT: latents(seeds, self.loaded.config.noise_dim)}
        if self.classes:
            given[LABEL] = np.array([seed % self.classes for seed in seeds], np.int32)
        return given

    def check_own_layers(self, what: str) -> None:
        """Check that Keras can build all layers without other code.

        Args:
            what: the kind of file that needs this, such as "a .keras file".

        Raises:
            ConfigError: a plug-in's model has a layer of its own.
        """
        for layer in self.model._flatten_layers():  # Keras has no public way to the inner layers.
            kind = type(layer)
            # A Lambda layer holds Python code, which Keras refuses to load.
            if kind.__module__.partition(".")[0] != "keras" or kind is keras.layers.Lambda:
                name = self.loaded.config.model.name
                raise ConfigError(
                    f"{what} can only hold Keras's own layers; model={name} has {layer.name} "
                    f"({kind.__name__}); export .onnx or .tflite, which hold its computation"
                )


def plain_generator(loaded: LoadedGenerator) -> PlainGenerator:
    """Return a loaded generator as Keras's own layers that compute in float32.

    A run that computes in bfloat16 is rebuilt in float32 with the same weights, which are float32
    in any case: no other runtime computes bfloat16.
    """
    config = loaded.config
    with plugin_errors(config.model), building("float32"):
        latent = keras.Input((config.noise_dim,), name=LATENT)
        inputs, vector = {LATENT: latent}, latent
        if config.num_classes:
            label = keras.Input((), dtype="int32", name=LABEL)
            inputs[LABEL] = label
            # A table lookup, because all runtimes refuse a label that is out of range there.
            table = keras.layers.Embedding(
                config.num_classes, config.num_classes, trainable=False, name=ONE_HOT
            )
            vector = keras.layers.Concatenate(name=JOINED)([latent, table(label)])
            table.set_weights([np.eye(config.num_classes, dtype=np.float32)])
        image = generate(vector, config, PlainBlocks)
        # From [-1, 1] to [0.5, 255.5]; the conversion to uint8 cuts the fraction off.
        image = keras.layers.Rescaling(127.5, offset=128.0, name=LEVELS)(image)
        image = keras.layers.Identity(dtype="uint8", name=ROUNDED)(image)
        model = keras.Model(inputs, {IMAGE: image}, name="generator")
    network = {
        name: variable
        for name, variable in named_variables(model).items()
        if not name.startswith(f"{ONE_HOT}/")
    }
    assign(network, weights(loaded), loaded.source)
    return PlainGenerator(model, loaded, facts_of(loaded))
