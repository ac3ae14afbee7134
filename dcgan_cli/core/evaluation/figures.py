"""How good generated images are, in figures that each stand beside their floor.

The floor of a figure is what real images that were not trained on get in the generated ones' place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dcgan_cli.core.data.image_set import Images, ImageSet, Watch, unwatched
from dcgan_cli.core.data.load import check_enough_to_score, load_held_out_images
from dcgan_cli.core.evaluation.distances import (
    Moments,
    frechet_distance,
    kernel_distance,
    total_variation,
)
from dcgan_cli.core.evaluation.features import FeatureNetwork, Seen, feature_network
from dcgan_cli.settings.schema import DataConfig

NEAREST_COUNT = 1000
"""Images whose nearest training image is looked for."""
MEAN_COUNT = 10_000
"""Training images whose mean is taken; that of more would look the same."""
PART_VALUES = 2**26
"""Pixel values looked at together in a search of all training images."""


@dataclass(frozen=True)
class Figure:
    """One figure of an evaluation."""

    value: float
    floor: float
    """What held-out real images get."""
    count: int
    """Images of each kind that it was made from."""


class Chosen:
    """Some images of a set, which are taken from it whenever they are looked at.

    Args:
        images: the set, which may be larger than memory.
        places: int64 [N], which of them, in which order.
    """

    def __init__(self, images: Images, places: np.ndarray) -> None:
        self._images = images
        self._places = places

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield them one by one, uint8 [H, W, C]."""
        length = _part_length(self._images)
        for first in range(0, len(self._places), length):
            yield from self._images[self._places[first : first + length]]

    def first(self, count: int) -> np.ndarray:
        """Return the first ones, uint8 [M, H, W, C], where M is `count` or less."""
        return np.asarray(self._images[self._places[:count]])


class Evaluation:
    """Compares generated images with real ones.

    Args:
        network: makes the features.
        train: uint8 [N, H, W, C], what the generator was trained on.
        held_out: uint8 [M, H, W, C], real images for the floor. Where there are none, `train` is
            halved: one half is compared with, the other makes the floor.
        count: images of each kind to compare; fewer if there are not as many real ones.
        train_labels: [N], the classes of `train`, where known.
        held_out_labels: [M], those of `held_out`.
        watch: is shown how far a search of all training images is.

    Raises:
        DataError: there are not enough real images.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        train: Images,
        held_out: Images | None,
        count: int,
        train_labels: np.ndarray | None = None,
        held_out_labels: np.ndarray | None = None,
        watch: Watch = unwatched,
    ) -> None:
        # Images are told by their places: `train` may be larger than memory.
        compared, floor = np.arange(len(train)), np.arange(0 if held_out is None else len(held_out))
        if held_out is None:
            mixed, half = _mixed(compared), len(train) // 2
            compared, floor, held_out = mixed[:half], mixed[half:], train
            held_out_labels = train_labels
        self.network = network
        self.watch = watch
        self.train = train
        self.compared = compared
        """int64 [K], the places of the images in `train` that are not held out."""
        self.count = min(count, len(compared), len(floor))
        check_enough_to_score(len(compared), len(floor))
        # Data sets are often in some order; MNIST's test split has the neater writers first.
        compared, floor = _mixed(compared)[: self.count], _mixed(floor)[: self.count]
        self.held_out = Chosen(held_out, floor)
        """The images that make the floor."""
        self.held_out_labels = None if held_out_labels is None else held_out_labels[floor]
        self.reference = Chosen(train, compared)
        """The training images that are compared with."""
        self.labels = None if train_labels is None else train_labels[compared]
        """Their classes, where known."""

    @cached_property
    def mean(self) -> np.ndarray:
        """The mean of up to `MEAN_COUNT` training images not held out, rounded: uint8 [H, W, C]."""
        chosen = _mixed(self.compared)[:MEAN_COUNT]
        total = np.zeros(self.train.shape[1:], np.int64)
        for part in _parts(self.train, chosen):
            total += part.sum(axis=0, dtype=np.int64)
        return np.rint(total / len(chosen)).astype(np.uint8)

    @cached_property
    def real(self) -> Seen:
        """What the network sees in the training images that are compared with."""
        return self.network.see(self.reference)

    @cached_property
    def seen_held_out(self) -> Seen:
        """What the network sees in the held-out images."""
        return self.network.see(self.held_out)

    @cached_property
    def moments(self) -> Moments:
        """The normal distribution of their features."""
        return Moments.of(self.real.features)

    def distance(self, seen: Seen) -> float:
        """Return the Fréchet distance of `count` images from the training images."""
        return frechet_distance(Moments.of(seen.features), self.moments)

    @cached_property
    def distance_floor(self) -> float:
        """The Fréchet distance of the held-out images."""
        return self.distance(self.seen_held_out)

    def figures(self, images: np.ndarray, seen: Seen) -> dict[str, Figure]:
        """Measure everything there is to measure.

        Args:
            images: uint8 [N, H, W, C], the first of them, `NEAREST_COUNT` if there are as many.
            seen: what the network sees in all.

        Returns:
            By name: `frechet_distance`, `kernel_distance`, `precision`, `recall`, `density`,
            `coverage`, `nearest_training_image` and, where the network knows classes,
            `class_distance` and `confidence`.
        """
        everywhere = np.arange(len(self.train))
        values, floors = self._measure(images, seen, everywhere), self._floors
        return {
            name: Figure(value, floors[name], self._count_of(name))
            for name, value in values.items()
        }

    def class_shares(self, seen: Seen) -> tuple[np.ndarray, np.ndarray] | None:
        """Return each class's share of the images seen and of the training images.

        Returns:
            Two of float64 [classes], or None if the network knows no classes.
        """
        if seen.probabilities is None or self.real.probabilities is None:
            return None
        return _shares(seen.probabilities), _shares(self.real.probabilities)

    @cached_property
    def _floors(self) -> dict[str, float]:
        nearest = self.held_out.first(NEAREST_COUNT)
        return self._measure(nearest, self.seen_held_out, self.compared)

    def _count_of(self, name: str) -> int:
        return min(self.count, NEAREST_COUNT) if name == "nearest_training_image" else self.count

    def _measure(self, images: np.ndarray, seen: Seen, searched: np.ndarray) -> dict[str, float]:
        """Measure images; the nearest training image is looked for at the places `searched`."""
        from dcgan_cli.core.evaluation.neighbours import nearest_distances, overlap

        overlapping = overlap(self.real.features, seen.features)
        values = {
            "frechet_distance": self.distance(seen),
            "kernel_distance": kernel_distance(seen.features, self.real.features),
            "precision": overlapping.precision,
            "recall": overlapping.recall,
            "density": overlapping.density,
            "coverage": overlapping.coverage,
        }
        shares = self.class_shares(seen)
        if shares is not None and seen.probabilities is not None:
            values["class_distance"] = total_variation(*shares)
            values["confidence"] = float(seen.probabilities.max(axis=1).mean())
        count = -(-len(searched) // _part_length(self.train))
        parts = self.watch(_parts(self.train, searched), count, "comparing")
        nearest = [nearest_distances(images, part) for part in parts]
        values["nearest_training_image"] = float(np.median(np.min(nearest, axis=0)))
        return values


def evaluation_of(
    config: DataConfig, data: ImageSet, features: str, count: int, watch: Watch = unwatched
) -> Evaluation:
    """Compare with the training images of a run.

    Args:
        config: the settings that say where they are.
        data: the images themselves.
        features: which network's; see `feature_network`.
        count: images of each kind to compare.
        watch: is shown how far a search of all training images is.

    Raises:
        DataError: the network cannot be had, or there are not enough real images.
    """
    network = feature_network(features, data.dataset, data.images.shape[1:])
    held_out = load_held_out_images(config)
    if held_out is None:
        return Evaluation(network, data.images, None, count, data.labels, watch=watch)
    return Evaluation(
        network, data.images, held_out.images, count, data.labels, held_out.labels, watch
    )


def _mixed(places: np.ndarray) -> np.ndarray:
    """Return the places in another order, always the same for the same number of them."""
    order = np.random.Generator(np.random.Philox(key=0)).permutation(len(places))
    return places[order]


def _parts(images: Images, places: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the images at the places, as many at a time as fit into `PART_VALUES`."""
    length = _part_length(images)
    places = np.sort(places)  # So that a memory map is read from its start to its end.
    for first in range(0, len(places), length):
        yield images[places[first : first + length]]


def _part_length(images: Images) -> int:
    return max(1, PART_VALUES // int(np.prod(images.shape[1:])))


def _shares(probabilities: np.ndarray) -> np.ndarray:
    """Return the share of images that each class is the likeliest for: float64 [classes]."""
    classes = probabilities.shape[1]
    counts = np.bincount(probabilities.argmax(axis=1), minlength=classes)
    shares: np.ndarray = counts / len(probabilities)
    return shares
