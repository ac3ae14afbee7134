"""The score of a generator while it trains, and what else its samples say about its health."""

from functools import cached_property
from typing import Any

import numpy as np

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.evaluation.distances import Moments
from dcgan_cli.core.evaluation.figures import evaluation_of
from dcgan_cli.core.runs.progress import Score
from dcgan_cli.core.sampling.sampler import Sampler
from dcgan_cli.settings.schema import TrainConfig

SEEDS_FROM = 2**40
"""Seeds of the samples that are scored: not those of grids, nor of `dcgan evaluate`, so that the
best checkpoint was not chosen by the samples that it is then judged by."""
MISSING_SHARE = 0.1
"""A class is missing if the samples have less than this part of its share of the data."""
ENOUGH_IMAGES = 10
"""Only a class with as many images among the real ones that are compared with can be missing.

A class that a generator makes as often as it should is found about L times among the real images
and, independently, L times among as many samples: two binomial numbers, whose tails are no heavier
than Poisson's of mean L (Anderson & Samuels 1967, "Some inequalities among binomial and Poisson
probabilities"). Ten is the least number that keeps the chance of such a class being found missing,
which is that of R >= 10 and G < R / 10, below one in a thousand whatever L is: at the worst one,
near 6.5, it is 0.0008. (The real share being an estimate matters: were it known, 7 would do, since
exp(-7) = 0.0009 is the chance of no sample where 7 are due.)
"""


class Scorer:
    """Scores what one generator makes.

    Args:
        config: the settings of the run.
        data: what it trains on.

    Raises:
        DataError: the feature network cannot be had, or there are too few images.
    """

    def __init__(self, config: TrainConfig, data: ImageSet) -> None:
        setting = config.evaluation
        self._evaluation = evaluation_of(config.data, data, setting.features, setting.samples)
        self.kind = Score(0.0, self._evaluation.network.name, self._evaluation.count)
        """What its scores have in common."""

    @property
    def scored_by(self) -> dict[str, Any]:
        """What scores must have in common to be compared, for the run's record."""
        return {"features": self.kind.features, "samples": self.kind.samples}

    def describe(self) -> str:
        """Say in words what a score is, and which one real images get."""
        return (
            f"Frechet distance by {self.kind.features} features of {self.kind.samples:,} samples, "
            f"lower is better; real images get {self._evaluation.distance_floor:.1f}"
        )

    def look_at_real_images(self) -> None:
        """See now what scores need of real images, so that none has to be read for them later."""
        _ = self.nothing_learned, self._evaluation.distance_floor

    @cached_property
    def nothing_learned(self) -> float:
        """The Fréchet distance of one picture repeated: the mean of the training images."""
        mean = self._evaluation.mean
        return self._evaluation.distance(self._evaluation.network.see(np.stack([mean, mean])))

    def score(self, sampler: Sampler) -> dict[str, float]:
        """Return a generator's columns of `metrics.csv`.

        Returns:
            `frechet_distance`, and what `health.py` goes by: `diversity`, the spread of the
            samples' features, and `contrast`, the mean standard deviation of pixels within an
            image, both as a share of the training images'; `missing_classes`, the number of classes
            that they all but lack, where the feature network knows classes. See `ENOUGH_IMAGES`.
        """
        evaluation = self._evaluation
        seeds = range(SEEDS_FROM, SEEDS_FROM + evaluation.count)
        drawn = (image for _, chunk in sampler.stream(seeds) for image in chunk)
        seen = evaluation.network.see(drawn)
        moments = Moments.of(seen.features)
        values = {
            "frechet_distance": evaluation.distance(seen),
            "diversity": _ratio(moments.spread, evaluation.moments.spread),
            "contrast": _ratio(seen.contrast, evaluation.real.contrast),
        }
        shares = evaluation.class_shares(seen)
        if shares is not None:
            generated, real = shares
            judged = real >= ENOUGH_IMAGES / evaluation.count
            missing = generated < MISSING_SHARE * real
            values["missing_classes"] = int(np.sum(judged & missing))
        return values


def _ratio(value: float, whole: float) -> float:
    return value / whole if whole else 1.0
