"""Layers with what those of one network have in common: initial weights, slope, normalisation."""

from typing import Any

import keras
import numpy as np

from dcgan_cli.core.networks.layers import KeyedDropout, LeakyReLU, SpectralNormalization
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import ModelConfig

KERNEL = 5
"""Height and width of every kernel."""


class Blocks:
    """Makes the layers of one network, in order: each kernel gets the next seed.

    Args:
        model: the settings.
        seed: the run's seed.
        stream: which network, so that no two begin alike.
        batch_norm: whether `norm` normalises by the batch; else it does each image by itself.
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
        self._seeds = iter(np.random.SeedSequence([seed, stream]).generate_state(64).tolist())

    def dense(self, units: int, **options: Any) -> keras.layers.Layer:
        """Make a dense layer."""
        return self._divided(keras.layers.Dense(units, **self._initial(), **options))

    def conv(
        self, channels: int, kernel: int = 3, strides: int = 1, **options: Any
    ) -> keras.layers.Layer:
        """Make a convolution with zeros around its input."""
        return self._divided(
            keras.layers.Conv2D(
                channels, kernel, strides=strides, padding="same", **self._initial(), **options
            )
        )

    def down(self, channels: int, **options: Any) -> keras.layers.Layer:
        """Make a convolution that halves height and width."""
        return self.conv(channels, KERNEL, strides=2, **options)

    def up(self, x: Any, channels: int, name: str, strides: int = 2) -> Any:
        """Double height and width, or leave them with `strides` 1.

        By a transposed convolution, or by repeating pixels before a convolution, after which there
        are no checkerboards (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
        """
        options = {"padding": "same", "use_bias": False, "name": name, **self._initial()}
        if self.model.upsample == "transposed":
            return keras.layers.Conv2DTranspose(channels, KERNEL, strides=strides, **options)(x)
        if strides > 1:
            x = keras.layers.UpSampling2D(strides, name=f"{name}_resize")(x)
        return keras.layers.Conv2D(channels, KERNEL, **options)(x)

    def norm(self, name: str) -> keras.layers.Layer:
        """Make a batch normalisation, or a layer normalisation with a scale for each channel."""
        if self.batch_norm:
            return keras.layers.BatchNormalization(name=name)
        return keras.layers.GroupNormalization(groups=1, name=name)

    def leaky_relu(self, name: str) -> keras.layers.Layer:
        """Make a LeakyReLU of the settings' slope."""
        return LeakyReLU(self.model.leaky_relu_slope, name=name)

    def dropout(self, index: int) -> keras.layers.Layer:
        """Make a dropout of the settings' rate, the network's `index`-th."""
        return KeyedDropout(self.model.dropout, index, name=f"dropout_{index}")

    def _initial(self) -> dict[str, Any]:
        """Return the next kernel's initialiser.

        The tutorial's is Keras's own (Glorot & Bengio 2010, equation 16), the paper's a normal
        distribution of standard deviation 0.02 (Radford et al. 2016, section 4).
        """
        seed = next(self._seeds)
        stddev = entry("model", self.model.name).initial_stddev
        if stddev is None:
            return {"kernel_initializer": keras.initializers.GlorotUniform(seed=seed)}
        return {"kernel_initializer": keras.initializers.RandomNormal(stddev=stddev, seed=seed)}

    def _divided(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        return SpectralNormalization(layer, next(self._seeds)) if self.spectral_norm else layer
