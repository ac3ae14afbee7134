"""Two fully connected networks, as in the first paper on GANs, for images of any size.

Goodfellow et al. 2014, "Generative Adversarial Nets", section 5, with LeakyReLU where they have
ReLU, sigmoid and maxout.
"""

import math
from typing import TYPE_CHECKING, Any

from dcgan_cli.settings.registry import model

if TYPE_CHECKING:
    from dcgan_cli.core.networks.blocks import Blocks

LAYERS = 2
"""Hidden layers of each network."""


@model("mlp")
class Mlp:
    """Fully connected networks, for images of any size."""

    def generator(self, latent: Any, image_shape: tuple[int, int, int], blocks: "Blocks") -> Any:
        """Turn latents [B, noise_dim] into what tanh makes images of: [B, H, W, C]."""
        import keras

        x = latent
        for index in range(1, LAYERS + 1):
            x = blocks.dense(blocks.model.units, name=f"dense_{index}")(x)
            x = blocks.leaky_relu(f"relu_{index}")(x)
        x = blocks.dense(math.prod(image_shape), name=f"dense_{LAYERS + 1}")(x)
        return keras.layers.Reshape(image_shape, name="reshape")(x)

    def discriminator(self, image: Any, dropout_key: Any, blocks: "Blocks") -> Any:
        """Turn images [B, H, W, C] into features [B, units]."""
        import keras

        x = keras.layers.Flatten(name="pixels")(image)
        for index in range(1, LAYERS + 1):
            x = blocks.dense(blocks.model.units, name=f"dense_{index}")(x)
            x = blocks.leaky_relu(f"relu_{index}")(x)
            x = blocks.dropout(index)(x, dropout_key)
        return x
