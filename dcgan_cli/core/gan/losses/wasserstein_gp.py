"""The loss of Wasserstein GANs, with a gradient penalty."""

from typing import Any

from dcgan_cli.core.gan.losses import LossTerms
from dcgan_cli.settings.registry import loss


@loss("wasserstein_gp", gradient_penalty=True)
def wasserstein_gp(real: Any, fake: Any, settings: Any) -> LossTerms:
    """The mean of D(G(z)) less that of D(x), with a penalty of gradients other than 1.

    Arjovsky et al. 2017, "Wasserstein GAN", equations 2 and 3; for the penalty see
    `gan/penalties.py`.
    """
    return LossTerms(-real, fake, -fake)
