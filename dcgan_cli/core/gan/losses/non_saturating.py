"""The loss of the first paper on GANs, as it is trained in practice."""

from typing import Any

from dcgan_cli.core.gan.losses import DRAW, LossTerms, smoothed_minimum
from dcgan_cli.settings.registry import loss

ALARM = 0.2
"""The discriminator's loss if it outputs probability 0.9 for the correct answer on every image."""


@loss("non_saturating", label_smoothing=True, draw=DRAW, alarm=ALARM, minimum=smoothed_minimum)
def non_saturating(real: Any, fake: Any, settings: Any) -> LossTerms:
    """Cross-entropy; the generator minimises -log sigmoid(D(G(z))).

    Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1 and section 3. One-sided label
    smoothing: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4.
    """
    from dcgan_cli.core.gan.cross_entropy import cross_entropy

    return LossTerms(
        cross_entropy(real, 1 - settings.label_smoothing),
        cross_entropy(fake, 0),
        cross_entropy(fake, 1),
    )
