"""Networks of the DCGAN paper, for image sizes that are a power of two.

Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", arXiv 1511.06434, section 3 and figure 1: convolutions with stride 2, batch
normalization except in the generator's last and the discriminator's first layer, ReLU in the
generator, LeakyReLU in the discriminator, no fully connected hidden layers. The smallest feature
maps are 4x4. With `base_channels` 128 and 64x64 pixels the generator is the paper's figure 1.
"""

from typing import TYPE_CHECKING, Any

from dcgan_cli.settings.registry import model

if TYPE_CHECKING:
    from dcgan_cli.core.networks.blocks import Blocks

DCGAN_SIZES = (32, 64, 128, 256)
BASE_SIDE = 4
"""Height and width of the generator's first and the discriminator's last feature maps."""
MAX_CHANNEL_FACTOR = 16
"""Maximum number of channels, in multiples of `base_channels`."""


@model(
    "dcgan",
    sizes=DCGAN_SIZES,
    initial_stddev=0.02,
    transformed_channels=(1, 3),
    transformed_pixels=24 * 32 * 32,
)
class Dcgan:
    """The DCGAN paper's pair, for 32x32 to 256x256 pixels."""

    def generator(self, latent: Any, image_shape: tuple[int, int, int], blocks: "Blocks") -> Any:
        """Map latent vectors [B, latent_dim] to images before the tanh: [B, H, W, C]."""
        import keras

        first, *others = reversed(_channels(image_shape[0], blocks))
        x = blocks.dense(BASE_SIDE * BASE_SIDE * first, use_bias=False, name="dense")(latent)
        x = keras.layers.Reshape((BASE_SIDE, BASE_SIDE, first), name="reshape")(x)
        x = blocks.norm("norm_1")(x)
        x = keras.layers.ReLU(name="relu_1")(x)
        for index, channels in enumerate(others, start=1):
            x = blocks.up(x, channels, f"conv_{index}")
            x = blocks.norm(f"norm_{index + 1}")(x)
            x = keras.layers.ReLU(name=f"relu_{index + 1}")(x)
        return blocks.up(x, image_shape[-1], f"conv_{len(others) + 1}")

    def discriminator(self, image: Any, dropout_key: Any, blocks: "Blocks") -> Any:
        """Map images [B, H, W, C] to features [B, 4, 4, channels]."""
        x = image
        for index, channels in enumerate(_channels(image.shape[1], blocks), start=1):
            # Normalization subtracts the mean and so cancels a bias.
            x = blocks.down(channels, use_bias=index == 1, name=f"conv_{index}")(x)
            if index > 1:
                x = blocks.norm(f"norm_{index}")(x)
            x = blocks.leaky_relu(f"relu_{index}")(x)
            x = blocks.dropout(index)(x, dropout_key)
        return x

    def transformed(self, generator: Any, discriminator: Any) -> tuple[Any, Any]:
        """Return both Keras models as functions with transformed convolutions."""
        from dcgan_cli.core.networks.winograd_dcgan import (
            WinogradDiscriminator,
            WinogradGenerator,
        )

        return WinogradGenerator(generator), WinogradDiscriminator(discriminator)


def _channels(size: int, blocks: "Blocks") -> list[int]:
    """Return the channels at size / 2, size / 4, ... 4 pixels, doubling up to the maximum."""
    halvings = size.bit_length() - BASE_SIDE.bit_length()
    return [
        blocks.model.base_channels * min(2**index, MAX_CHANNEL_FACTOR) for index in range(halvings)
    ]
