"""Layer factory: one initializer, slope and normalization per network."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from dcgan_cli.core.networks.layers import KeyedDropout, LayerNorm, LeakyReLU, SpectralNormalization
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import ModelConfig

KERNEL = 5
"""Height and width of the kernels of `down` and `up`."""
SEEDS = 64
"""Seeds that are drawn at once; initial weights depend on this number from the 65th seed on."""


class Blocks:
    """Creates the layers of one network. Each kernel gets the next seed, so order matters.

    Args:
        model: the model settings.
        seed: the run's seed.
        stream: number of the network, so that no two networks share initial weights.
        batch_norm: whether `norm` is batch normalization; otherwise it is layer normalization.
        spectral_norm: whether kernels are divided by their largest singular value.
    """

    def __init__(
        self,
        model: ModelConfig,
        seed: int,
        stream: int,
        *,
        batch_norm: bool = True,
        spectral_norm: bool = False,
    ) -> None:
        self.model = model
        self.batch_norm = batch_norm
        self.spectral_norm = spectral_norm
        self._seeds = _seeds(seed, stream)

    def dense(self, units: int, **options: Any) -> keras.layers.Layer:
        """Return a dense layer."""
        return self._divided(keras.layers.Dense(units, **self._initial(), **options))

    def conv(
        self, channels: int, kernel: int = 3, strides: int = 1, **options: Any
    ) -> keras.layers.Layer:
        """Return a convolution, with zero padding."""
        return self._divided(
            keras.layers.Conv2D(
                channels, kernel, strides=strides, padding="same", **self._initial(), **options
            )
        )

    def down(self, channels: int, **options: Any) -> keras.layers.Layer:
        """Return a convolution with stride 2."""
        return self.conv(channels, KERNEL, strides=2, **options)

    def up(self, x: Any, channels: int, name: str, strides: int = 2) -> Any:
        """Apply a convolution that multiplies height and width by `strides`.

        `model.upsample` selects a transposed convolution or nearest-neighbour resizing followed by
        a convolution. The latter avoids checkerboard artifacts (Odena et al. 2016, "Deconvolution
        and Checkerboard Artifacts").
        """
        options = {"padding": "same", "use_bias": False, "name": name, **self._initial()}
        if self.model.upsample == "transposed":
            layer = keras.layers.Conv2DTranspose(channels, KERNEL, strides=strides, **options)
            return self._divided(layer)(x)
        if strides > 1:
            x = keras.layers.UpSampling2D(strides, name=f"{name}_resize")(x)
        return self._divided(keras.layers.Conv2D(channels, KERNEL, **options))(x)

    def norm(self, name: str) -> keras.layers.Layer:
        """Return batch normalization, or layer normalization with one scale per channel."""
        if self.batch_norm:
            return keras.layers.BatchNormalization(name=name)
        return LayerNorm(name=name)

    def leaky_relu(self, name: str) -> keras.layers.Layer:
        """Return a LeakyReLU with `model.leaky_relu_slope`."""
        return LeakyReLU(self.model.leaky_relu_slope, name=name)

    def dropout(self, index: int) -> keras.layers.Layer:
        """Return the network's `index`-th dropout layer, with rate `model.dropout`."""
        return KeyedDropout(self.model.dropout, index, name=f"dropout_{index}")

    def _initial(self) -> dict[str, Any]:
        """Return the next kernel's initializer.

        It is a normal distribution with the standard deviation that the model is registered with;
        `dcgan` has 0.02 (Radford et al. 2016, section 4). Without one it is Keras's default (Glorot
        & Bengio 2010, equation 16), as the tutorial has it.
        """
        seed = next(self._seeds)
        stddev = entry("model", self.model.name).initial_stddev
        if stddev is None:
            return {"kernel_initializer": keras.initializers.GlorotUniform(seed=seed)}
        return {"kernel_initializer": keras.initializers.RandomNormal(stddev=stddev, seed=seed)}

    def _divided(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        return SpectralNormalization(layer, next(self._seeds)) if self.spectral_norm else layer


def _seeds(seed: int, stream: int) -> Iterator[int]:
    """Yield the seeds of a network's kernels, without end."""
    sequence = np.random.SeedSequence([seed, stream])
    drawn = sequence
    while True:
        yield from drawn.generate_state(SEEDS).tolist()
        (drawn,) = sequence.spawn(1)
