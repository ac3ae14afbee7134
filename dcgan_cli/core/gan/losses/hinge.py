"""The hinge loss."""

from typing import Any

from dcgan_cli.core.gan.losses import LossTerms
from dcgan_cli.settings.registry import loss


@loss("hinge", draw=2.0, alarm=0.1)
def hinge(real: Any, fake: Any, settings: Any) -> LossTerms:
    """Margins of 1: max(0, 1 - D(x)) and max(0, 1 + D(G(z))); the generator minimises -D(G(z)).

    Lim & Ye 2017, "Geometric GAN"; Miyato et al. 2018, "Spectral Normalization for Generative
    Adversarial Networks", equations 16 and 17.
    """
    import tensorflow as tf

    return LossTerms(tf.nn.relu(1 - real), tf.nn.relu(1 + fake), -fake)
