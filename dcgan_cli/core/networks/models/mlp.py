"""Fully connected networks, as in the first paper on GANs, for images of any size.

Goodfellow et al. 2014, "Generative Adversarial Nets", section 5, with LeakyReLU instead of the
paper's ReLU, sigmoid and maxout.
"""

import math
from typing import TYPE_CHECKING, Any

from dcgan_cli.settings.registry import model

if TYPE_CHECKING:
    from dcgan_cli.core.networks.blocks import Blocks

HIDDEN_LAYERS = 2
"""Number of hidden layers in each network."""


@model("mlp")
class Mlp:
    """Fully connected networks, for images of any size."""

    def generator(self, latent: Any, image_shape: tuple[int, int, int], blocks: "Blocks") -> Any:
        """Map latent vectors [B, latent_dim] to images before the tanh: [B, H, W, C]."""
        import keras

        x = latent
        for index in range(1, HIDDEN_LAYERS + 1):
            x = blocks.dense(blocks.model.units, name=f"dense_{index}")(x)
            x = blocks.leaky_relu(f"relu_{index}")(x)
        x = blocks.dense(math.prod(image_shape), name=f"dense_{HIDDEN_LAYERS + 1}")(x)
        return keras.layers.Reshape(image_shape, name="reshape")(x)

    def discriminator(self, image: Any, dropout_key: Any, blocks: "Blocks") -> Any:
        """Map images [B, H, W, C] to features [B, units]."""
        import keras

        x = keras.layers.Flatten(name="pixels")(image)
        for index in range(1, HIDDEN_LAYERS + 1):
            x = blocks.dense(blocks.model.units, name=f"dense_{index}")(x)
            x = blocks.leaky_relu(f"relu_{index}")(x)
            x = blocks.dropout(index)(x, dropout_key)
        return x
