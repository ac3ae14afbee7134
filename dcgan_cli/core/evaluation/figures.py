"""Metrics of generated images, each with its baseline.

The baseline is the value for held-out real images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dcgan_cli.core.data.image_set import Images, ImageSet, ProgressCallback, no_progress
from dcgan_cli.core.data.load import check_enough_to_score, load_held_out_images
from dcgan_cli.core.evaluation.distances import (
    Moments,
    frechet_distance,
    kernel_distance,
    total_variation,
)
from dcgan_cli.core.evaluation.features import FeatureExtractor, ImageFeatures, feature_extractor
from dcgan_cli.settings.schema import DataConfig

NEAREST_COUNT = 1000
"""Number of images whose nearest training image is searched."""
WATCHED_COUNT = 200
"""Number of images whose nearest training image is searched after an epoch."""
MEAN_COUNT = 10_000
"""Maximum number of training images in the mean image; more would give the same picture."""
PART_VALUES = 2**26
"""Number of pixel values in memory at a time in a search of all training images."""


@dataclass(frozen=True)
class Figure:
    """One metric of an evaluation."""

    value: float
    baseline: float
    """The value for held-out real images."""
    count: int
    """Number of generated images, and of real ones, that it was computed from."""


class ImageSubset:
    """A lazy selection of images: each is read when it is used.

    Args:
        images: all images, which may be larger than memory.
        places: int64 [N], the indices of the selected images, in order.
    """

    def __init__(self, images: Images, places: np.ndarray) -> None:
        self._images = images
        self._places = places

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the images one by one, uint8 [H, W, C]."""
        length = _part_length(self._images)
        for first in range(0, len(self._places), length):
            yield from self._images[self._places[first : first + length]]

    def first(self, count: int) -> np.ndarray:
        """Return the first images, uint8 [M, H, W, C], with M at most `count`."""
        return np.asarray(self._images[self._places[:count]])


class Evaluation:
    """Compares generated images with real ones.

    Args:
        network: the feature extractor.
        train: uint8 [N, H, W, C], the training images.
        held_out: uint8 [M, H, W, C], real images for the baseline. If None, `train` is split at
            random: one half is the reference, the other half gives the baseline.
        count: number of generated and of real images to compare; fewer if there are fewer real
            images.
        train_labels: [N], the classes of `train`, where known.
        held_out_labels: [M], the classes of `held_out`, where known.
        progress: reports the progress of a search of all training images.

    Raises:
        DataError: there are not enough real images.
    """

    def __init__(
        self,
        network: FeatureExtractor,
        train: Images,
        held_out: Images | None,
        count: int,
        train_labels: np.ndarray | None = None,
        held_out_labels: np.ndarray | None = None,
        progress: ProgressCallback = no_progress,
    ) -> None:
        # Work with indices: `train` may be larger than memory.
        self.halves = held_out is None
        """Whether the baseline compares one half of the training images with the other."""
        compared, baseline = (
            np.arange(len(train)),
            np.arange(0 if held_out is None else len(held_out)),
        )
        if held_out is None:
            shuffled, half = _shuffled(compared), len(train) // 2
            compared, baseline, held_out = shuffled[:half], shuffled[half:], train
            held_out_labels = train_labels
        self.network = network
        self.progress = progress
        self.train = train
        self.compared = compared
        """int64 [K], the indices in `train` of the images that are not held out."""
        self.count = min(count, len(compared), len(baseline))
        check_enough_to_score(len(compared), len(baseline))
        # Data sets are often sorted: MNIST's test split has the neater writers first.
        compared, baseline = _shuffled(compared)[: self.count], _shuffled(baseline)[: self.count]
        self.held_out = ImageSubset(held_out, baseline)
        """The images for the baseline."""
        self.held_out_labels = None if held_out_labels is None else held_out_labels[baseline]
        self.reference = ImageSubset(train, compared)
        """The training images that generated images are compared with."""
        self.labels = None if train_labels is None else train_labels[compared]
        """The classes of `reference`, where known."""

    @cached_property
    def mean(self) -> np.ndarray:
        """The rounded mean of up to `MEAN_COUNT` images of `compared`: uint8 [H, W, C]."""
        chosen = _shuffled(self.compared)[:MEAN_COUNT]
        total = np.zeros(self.train.shape[1:], np.int64)
        for part in _parts(self.train, chosen):
            total += part.sum(axis=0, dtype=np.int64)
        return np.rint(total / len(chosen)).astype(np.uint8)

    @cached_property
    def real(self) -> ImageFeatures:
        """Features of the training images in `reference`."""
        return self.network.extract(self.reference)

    @cached_property
    def held_out_features(self) -> ImageFeatures:
        """Features of the images in `held_out`."""
        return self.network.extract(self.held_out)

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the features of `reference`."""
        return Moments.of(self.real.features)

    def distance(self, extracted: ImageFeatures) -> float:
        """Return the Fréchet distance between `count` images and the training images."""
        return frechet_distance(Moments.of(extracted.features), self.moments)

    @cached_property
    def distance_baseline(self) -> float:
        """The baseline of `frechet_distance`."""
        return self.distance(self.held_out_features)

    def figures(self, images: np.ndarray, extracted: ImageFeatures) -> dict[str, Figure]:
        """Compute all metrics of generated images.

        Args:
            images: uint8 [N, H, W, C], the first `NEAREST_COUNT` generated images, or all if there
                are fewer.
            extracted: features of all generated images.

        Returns:
            By name: `frechet_distance`, `kernel_distance`, `precision`, `recall`, `density`,
            `coverage`, `nearest_training_image` and, if the network is a classifier,
            `class_distance` and `confidence`.
        """
        everywhere = np.arange(len(self.train))
        values, baselines = self._measure(images, extracted, everywhere), self._baselines
        return {
            name: Figure(value, baselines[name], self._count_of(name))
            for name, value in values.items()
        }

    def nearest_ratio(self, images: np.ndarray) -> float:
        """Return how near generated images are to training images, relative to held-out images.

        Args:
            images: uint8 [N, H, W, C], at most `WATCHED_COUNT` generated images.

        Returns:
            The median distance of `images` to the nearest training image, divided by that of as
            many held-out images. Copies of training images give nearly 0.
        """
        return self._nearest(images, np.arange(len(self.train))) / self._nearest_baseline

    @cached_property
    def _nearest_baseline(self) -> float:
        distance = self._nearest(self.held_out.first(WATCHED_COUNT), self.compared)
        return max(distance, 1e-6)

    def class_shares(self, extracted: ImageFeatures) -> tuple[np.ndarray, np.ndarray] | None:
        """Return each class's share of the given images and of the training images.

        Returns:
            Two arrays of float64 [classes], or None if the network is not a classifier.
        """
        if extracted.probabilities is None or self.real.probabilities is None:
            return None
        return _shares(extracted.probabilities), _shares(self.real.probabilities)

    @cached_property
    def _baselines(self) -> dict[str, float]:
        nearest = self.held_out.first(NEAREST_COUNT)
        return self._measure(nearest, self.held_out_features, self.compared)

    def _count_of(self, name: str) -> int:
        return min(self.count, NEAREST_COUNT) if name == "nearest_training_image" else self.count

    def _measure(
        self, images: np.ndarray, extracted: ImageFeatures, searched: np.ndarray
    ) -> dict[str, float]:
        """Compute all metrics; search the nearest training image at the indices `searched`."""
        from dcgan_cli.core.evaluation.neighbours import overlap

        overlapping = overlap(self.real.features, extracted.features)
        values = {
            "frechet_distance": self.distance(extracted),
            "kernel_distance": kernel_distance(extracted.features, self.real.features),
            "precision": overlapping.precision,
            "recall": overlapping.recall,
            "density": overlapping.density,
            "coverage": overlapping.coverage,
        }
        shares = self.class_shares(extracted)
        if shares is not None and extracted.probabilities is not None:
            values["class_distance"] = total_variation(*shares)
            values["confidence"] = float(extracted.probabilities.max(axis=1).mean())
        values["nearest_training_image"] = self._nearest(images, searched)
        return values

    def _nearest(self, images: np.ndarray, searched: np.ndarray) -> float:
        """Return the median distance of images to the nearest of the training images `searched`."""
        from dcgan_cli.core.evaluation.neighbours import nearest_distances

        count = -(-len(searched) // _part_length(self.train))
        parts = self.progress(_parts(self.train, searched), count, "comparing")
        nearest = [nearest_distances(images, part) for part in parts]
        return float(np.median(np.min(nearest, axis=0)))


def evaluation_of(
    config: DataConfig,
    data: ImageSet,
    features: str,
    count: int,
    progress: ProgressCallback = no_progress,
) -> Evaluation:
    """Return an `Evaluation` against the training images of a run.

    Args:
        config: the data settings.
        data: the training images.
        features: the setting `evaluation.features`; see `feature_extractor`.
        count: number of generated and of real images to compare.
        progress: reports the progress of a search of all training images.

    Raises:
        DataError: the feature extractor is not available, or there are not enough real images.
    """
    network = feature_extractor(features, data.dataset, data.images.shape[1:])
    held_out = load_held_out_images(config)
    if held_out is None:
        return Evaluation(network, data.images, None, count, data.labels, progress=progress)
    return Evaluation(
        network, data.images, held_out.images, count, data.labels, held_out.labels, progress
    )


def _shuffled(places: np.ndarray) -> np.ndarray:
    """Return the indices in a random order that depends on their number alone."""
    order = np.random.Generator(np.random.Philox(key=0)).permutation(len(places))
    return places[order]


def _parts(images: Images, places: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the images at the indices, as many at a time as fit into `PART_VALUES`."""
    length = _part_length(images)
    places = np.sort(places)  # Reads a memory map from start to end.
    for first in range(0, len(places), length):
        yield images[places[first : first + length]]


def _part_length(images: Images) -> int:
    return max(1, PART_VALUES // int(np.prod(images.shape[1:])))


def _shares(probabilities: np.ndarray) -> np.ndarray:
    """Return the share of images assigned to each class: float64 [classes]."""
    classes = probabilities.shape[1]
    counts = np.bincount(probabilities.argmax(axis=1), minlength=classes)
    shares: np.ndarray = counts / len(probabilities)
    return shares
