"""The two networks of the DCGAN paper, for sizes that are a power of two.

Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", arXiv 1511.06434, section 3 and figure 1: convolutions that step over two
pixels, batch normalisation but for the generator's last layer and the discriminator's first, ReLU
in the generator, LeakyReLU in the discriminator, nothing fully connected between. Both meet at 4x4
positions. With `base_channels` 128 and 64x64 pixels the generator is the paper's figure 1.
"""

from typing import TYPE_CHECKING, Any

from dcgan_cli.settings.registry import model

if TYPE_CHECKING:
    from dcgan_cli.core.networks.blocks import Blocks

DCGAN_SIZES = (32, 64, 128, 256)
CELLS = 4
"""Height and width that the generator begins and the discriminator ends with."""
MOST = 16
"""Channels at most, in multiples of `base_channels`."""


@model("dcgan", sizes=DCGAN_SIZES, initial_stddev=0.02)
class Dcgan:
    """The DCGAN paper's pair, for 32x32 to 256x256 pixels."""

    def generator(self, latent: Any, image_shape: tuple[int, int, int], blocks: "Blocks") -> Any:
        """Turn latents [B, noise_dim] into what tanh makes images of: [B, H, W, C]."""
        import keras

        first, *others = reversed(_channels(image_shape[0], blocks))
        x = blocks.dense(CELLS * CELLS * first, use_bias=False, name="dense")(latent)
        x = keras.layers.Reshape((CELLS, CELLS, first), name="reshape")(x)
        x = blocks.norm("norm_1")(x)
        x = keras.layers.ReLU(name="relu_1")(x)
        for index, channels in enumerate(others, start=1):
            x = blocks.up(x, channels, f"conv_{index}")
            x = blocks.norm(f"norm_{index + 1}")(x)
            x = keras.layers.ReLU(name=f"relu_{index + 1}")(x)
        return blocks.up(x, image_shape[-1], f"conv_{len(others) + 1}")

    def discriminator(self, image: Any, dropout_key: Any, blocks: "Blocks") -> Any:
        """Turn images [B, H, W, C] into features [B, 4, 4, channels]."""
        x = image
        for index, channels in enumerate(_channels(image.shape[1], blocks), start=1):
            # A normalisation takes the mean away, and a bias with it.
            x = blocks.down(channels, use_bias=index == 1, name=f"conv_{index}")(x)
            if index > 1:
                x = blocks.norm(f"norm_{index}")(x)
            x = blocks.leaky_relu(f"relu_{index}")(x)
            x = blocks.dropout(index)(x, dropout_key)
        return x


def _channels(size: int, blocks: "Blocks") -> list[int]:
    """Return the channels at size / 2, size / 4, ... 4 pixels, twice as many each time."""
    halvings = size.bit_length() - CELLS.bit_length()
    return [blocks.model.base_channels * min(2**index, MOST) for index in range(halvings)]
