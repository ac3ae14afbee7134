"""The loss of least-squares GANs."""

from typing import Any

from dcgan_cli.core.gan.losses import LossTerms
from dcgan_cli.settings.registry import loss


@loss("least_squares", label_smoothing=True, draw=0.25, alarm=0.01)
def least_squares(real: Any, fake: Any, settings: Any) -> LossTerms:
    """Half the squared distance of logits from 1 (real) and 0 (generated).

    Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 9. Label smoothing
    lowers the 1 of real images in the discriminator's loss.
    """
    real_label = 1 - settings.label_smoothing
    return LossTerms((real - real_label) ** 2 / 2, fake**2 / 2, (fake - 1) ** 2 / 2)
