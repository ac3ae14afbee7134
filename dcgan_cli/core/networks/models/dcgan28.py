"""Networks of TensorFlow's DCGAN tutorial, for 28x28 pixels.

https://www.tensorflow.org/tutorials/generative/dcgan
"""

from typing import TYPE_CHECKING, Any

from dcgan_cli.settings.registry import model

if TYPE_CHECKING:
    from dcgan_cli.core.networks.blocks import Blocks

BASE_SIDE = 7
"""Height and width of the generator's first and the discriminator's last feature maps."""


@model("dcgan28", sizes=(28,), transformed_channels=(1,))
class Dcgan28:
    """The tutorial's pair, for 28x28 pixels."""

    def generator(self, latent: Any, image_shape: tuple[int, int, int], blocks: "Blocks") -> Any:
        """Map latent vectors [B, latent_dim] to images before the tanh: [B, 28, 28, C]."""
        import keras

        c = blocks.model.base_channels
        x = blocks.dense(BASE_SIDE * BASE_SIDE * 4 * c, use_bias=False, name="dense")(latent)
        x = blocks.norm("norm_1")(x)
        x = blocks.leaky_relu("relu_1")(x)
        x = keras.layers.Reshape((BASE_SIDE, BASE_SIDE, 4 * c), name="reshape")(x)
        for index, (channels, strides) in enumerate([(2 * c, 1), (c, 2)], start=1):
            x = blocks.up(x, channels, f"conv_{index}", strides)
            x = blocks.norm(f"norm_{index + 1}")(x)
            x = blocks.leaky_relu(f"relu_{index + 1}")(x)
        return blocks.up(x, image_shape[-1], "conv_3")

    def discriminator(self, image: Any, dropout_key: Any, blocks: "Blocks") -> Any:
        """Map images [B, 28, 28, C] to features [B, 7, 7, 2 * base_channels]."""
        x, c = image, blocks.model.base_channels
        for index, channels in enumerate((c, 2 * c), start=1):
            x = blocks.down(channels, name=f"conv_{index}")(x)
            x = blocks.leaky_relu(f"relu_{index}")(x)
            x = blocks.dropout(index)(x, dropout_key)
        return x

    def transformed(self, generator: Any, discriminator: Any) -> tuple[Any, Any]:
        """Return both Keras models as functions with transformed convolutions."""
        from dcgan_cli.core.networks.fourier_dcgan28 import FourierDiscriminator, FourierGenerator

        return FourierGenerator(generator), FourierDiscriminator(discriminator)
