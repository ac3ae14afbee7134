"""The score of a generator during training, and the sample statistics for the health checks."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.evaluation.distances import Moments
from dcgan_cli.core.evaluation.features import ImageFeatures
from dcgan_cli.core.evaluation.figures import WATCHED_COUNT, evaluation_of
from dcgan_cli.core.runs.progress import Score
from dcgan_cli.core.sampling.sampler import Sampler
from dcgan_cli.settings.schema import TrainConfig

SEEDS_FROM = 2**40
"""First seed of the scored samples. Grids and `dcgan evaluate` use other seeds, so the best
checkpoint is not evaluated on the samples that selected it."""
OVERLAP_COUNT = 1000
"""Maximum number of images that precision and recall are computed from after an epoch: their time
grows with its square."""
MISSING_SHARE = 0.1
"""A class is missing if its share of the samples is below this part of its share of the data."""
WATCHED_SET = 10_000
"""Copies are looked for only in smaller sets of training images: larger ones are not learned by
heart."""
WATCHED_VALUES = 2**26
"""Copies are looked for only in sets of at most this many pixel values, all kept in memory."""
ENOUGH_IMAGES = 10
"""Minimum number of real images of a class, among those compared, for it to count as missing.

Suppose a generator produces a class at the right rate. With L expected images, the counts R among
the real images and G among as many samples are independent binomial variables, whose tails are no
heavier than those of a Poisson distribution with mean L (Anderson & Samuels 1967, "Some
inequalities among binomial and Poisson probabilities"). A false alarm is R >= 10 and G < R / 10.
Ten is the smallest number that keeps its probability below 0.001 for every L; the worst case is
0.0008, near L = 6.5. (The real share is an estimate. If it were known, 7 would be enough, since
exp(-7) = 0.0009 is the probability of no sample where 7 are expected.)
"""


class Scorer:
    """Scores a generator's samples.

    Args:
        config: the settings of the run.
        data: the training images.

    Raises:
        DataError: the feature extractor is not available, or there are too few images.
    """

    def __init__(self, config: TrainConfig, data: ImageSet) -> None:
        images, setting = data.images, config.evaluation
        size = math.prod(images.shape)
        self._watches = len(images) < WATCHED_SET and size <= WATCHED_VALUES
        if self._watches and not isinstance(images, np.ndarray):
            data = replace(data, images=images[np.arange(len(images))])
        self._evaluation = evaluation_of(config.data, data, setting.features, setting.samples)
        self.kind = Score(0.0, self._evaluation.network.name, self._evaluation.count)
        """Feature extractor and sample count that all scores share."""

    @property
    def scored_by(self) -> dict[str, Any]:
        """What scores must share to be comparable, for the run's record."""
        return {"features": self.kind.features, "samples": self.kind.samples}

    def describe(self) -> str:
        """Return a description of the score and its baseline, in words."""
        size = self._evaluation.network.scaled_to
        features = f"{self.kind.features} features" + (f" at {size}x{size}" if size else "")
        halves = self._evaluation.halves
        baseline = "one half of the images against the other" if halves else "real images"
        return (
            f"Fréchet distance of {self.kind.samples:,} samples by {features}, "
            f"lower is better; baseline ({baseline}) {self._evaluation.distance_baseline:.1f}"
        )

    def precompute_real_statistics(self) -> None:
        """Precompute statistics of real images, so that scores do not read them later."""
        _ = self.nothing_learned, self._evaluation.distance_baseline

    @cached_property
    def nothing_learned(self) -> float:
        """Fréchet distance of the mean training image, repeated: a generator without variety."""
        mean = self._evaluation.mean
        return self._evaluation.distance(self._evaluation.network.extract(np.stack([mean, mean])))

    def score(self, sampler: Sampler) -> dict[str, float]:
        """Return the scores of a generator, as columns of `metrics.csv`.

        Returns:
            `frechet_distance`, and the values that `health.py` checks: `diversity`, the spread of
            the samples' features, and `contrast`, the mean standard deviation of the pixels within
            an image, both relative to the training images; if the feature extractor is a
            classifier, `missing_classes`, the number of classes with almost no samples (see
            `MISSING_SHARE` and `ENOUGH_IMAGES`); for small sets (see `WATCHED_SET`), `nearest`,
            the distance to the nearest training image (see `Evaluation.nearest_ratio`); and
            `precision` and `recall` of up to `OVERLAP_COUNT` images.
        """
        evaluation = self._evaluation
        seeds = range(SEEDS_FROM, SEEDS_FROM + evaluation.count)
        watched: list[np.ndarray] = []

        def draw() -> Iterator[np.ndarray]:
            for _, chunk in sampler.stream(seeds):
                watched.extend(chunk[: WATCHED_COUNT - len(watched)])
                yield from chunk

        values = self._figures(evaluation.network.extract(draw()))
        if self._watches:
            values["nearest"] = evaluation.nearest_ratio(np.stack(watched))
        return values

    def real_facts(self) -> dict[str, Any]:
        """Return the figures of held-out real images, for `real.json`.

        Returns:
            `features`, `samples`, `halves` (whether the held-out images are half of the training
            images), `nothing_learned` and `figures`, by the names of `score`.
        """
        return {
            **self.scored_by,
            "halves": self._evaluation.halves,
            "nothing_learned": self.nothing_learned,
            "figures": self._figures(self._evaluation.held_out_features),
        }

    def _figures(self, extracted: ImageFeatures) -> dict[str, float]:
        """Return the figures of `count` images, real or generated."""
        from dcgan_cli.core.evaluation.neighbours import overlap

        evaluation = self._evaluation
        moments = Moments.of(extracted.features)
        overlapping = overlap(
            evaluation.real.features[:OVERLAP_COUNT], extracted.features[:OVERLAP_COUNT]
        )
        values = {
            "frechet_distance": evaluation.distance(extracted),
            "diversity": _ratio(moments.spread, evaluation.moments.spread),
            "contrast": _ratio(extracted.contrast, evaluation.real.contrast),
            "precision": overlapping.precision,
            "recall": overlapping.recall,
        }
        shares = evaluation.class_shares(extracted)
        if shares is not None:
            generated, real = shares
            frequent = real >= ENOUGH_IMAGES / evaluation.count
            missing = generated < MISSING_SHARE * real
            values["missing_classes"] = int(np.sum(frequent & missing))
        return values


def _ratio(value: float, whole: float) -> float:
    return value / whole if whole else 1.0
