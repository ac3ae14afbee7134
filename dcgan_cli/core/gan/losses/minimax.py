"""The loss of the first paper on GANs, as it is analysed there."""

from typing import Any

from dcgan_cli.core.gan.losses import DRAW, LossTerms, smoothed_minimum
from dcgan_cli.settings.registry import loss

ALARM = 0.2
"""The discriminator's loss if it outputs probability 0.9 for the correct answer on every image."""


@loss("minimax", label_smoothing=True, draw=DRAW, alarm=ALARM, minimum=smoothed_minimum)
def minimax(real: Any, fake: Any, settings: Any) -> LossTerms:
    """Cross-entropy; the generator minimises log(1 - sigmoid(D(G(z)))).

    Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1. Its gradient vanishes if
    the discriminator is confident. Label smoothing as in `non_saturating`.
    """
    from dcgan_cli.core.gan.cross_entropy import cross_entropy

    return LossTerms(
        cross_entropy(real, 1 - settings.label_smoothing),
        cross_entropy(fake, 0),
        -cross_entropy(fake, 0),
    )
