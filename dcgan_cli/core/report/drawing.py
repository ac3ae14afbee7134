"""Draw what a report shows of a generator: a walk, each class, and the nearest training images."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.sampling.latent_walk import walk_images
from dcgan_cli.core.sampling.sampler import LoadedGenerator

WALK_COUNT, WALK_STOPS, WALK_FRAMES = 16, 6, 6
"""Images of a frame, stops, and frames from one stop to the next: the walk of `dcgan animate
--walk`, with fewer frames."""
MAX_CLASSES = 20
CLASS_SAMPLES = 8
NEAREST_SAMPLES = 8
YARDSTICKS = 100
"""Number of training images whose own nearest neighbours show what is usual."""
SEARCHED_VALUES, SEARCHED_FILES = 2**28, 5000
"""Most pixel values, and most pictures that are decoded on access, that are searched for nearest
training images."""
PART_VALUES = 2**24


@dataclass(frozen=True)
class Nearest:
    """Samples and the training images that are nearest to them."""

    samples: np.ndarray
    """uint8 [N, H, W, C]."""
    neighbours: np.ndarray
    """uint8 [N, H, W, C]."""
    distances: list[float]
    """Euclidean distances of pixels scaled to [0, 1]."""
    usual: float
    """Median distance of training images to the nearest other one."""
    searched: int
    images: int
    """Number of training images that were searched, and of all."""


@dataclass(frozen=True)
class Drawings:
    """What was drawn with one generator."""

    walk: list[np.ndarray]
    """Frames of a closed walk through latent space: uint8 [N, H, W, C] each."""
    by_class: list[np.ndarray]
    """Samples of each class: uint8 [N, H, W, C] each; empty if unconditional."""
    class_names: list[str]
    nearest: Nearest | None
    real: np.ndarray | None
    """Training images: uint8 [N, H, W, C]; None if they are not available."""
    no_data: str = ""
    """Why the training images are not available."""


def draw(loaded: LoadedGenerator, data: ImageSet | None, no_data: str = "") -> Drawings:
    """Return the drawings of a generator.

    Args:
        loaded: the generator.
        data: the images that it was trained on; None if they are not available.
        no_data: why they are not available.
    """
    sampler, classes = loaded.sampler, loaded.sampler.classes
    shown = min(classes, MAX_CLASSES)
    walk = walk_images(sampler, count=WALK_COUNT, stops=WALK_STOPS, frames_per_stop=WALK_FRAMES)
    names = list(loaded.class_names or map(str, range(classes)))
    count = loaded.config.num_examples_to_generate
    return Drawings(
        walk=list(walk),
        by_class=[sampler.sample(range(CLASS_SAMPLES), label) for label in range(shown)],
        class_names=names[:shown],
        nearest=_nearest(sampler.sample(range(NEAREST_SAMPLES)), data) if data else None,
        real=np.asarray(data.images[data.choose(count, classes)]) if data else None,
        no_data=no_data,
    )


def _nearest(samples: np.ndarray, data: ImageSet) -> Nearest:
    """Search the training images that are nearest to samples, and those nearest to each other."""
    from sklearn.metrics.pairwise import euclidean_distances

    size = int(np.prod(samples.shape[1:]))
    most = SEARCHED_FILES if isinstance(data.images, LazyImages) else SEARCHED_VALUES // size
    random = np.random.Generator(np.random.Philox(key=1))
    places = random.permutation(len(data.images))[:most]
    yardsticks, places = places[:YARDSTICKS], np.sort(places)
    asked = np.concatenate([samples, np.asarray(data.images[yardsticks])])
    flat = _flat(asked)
    own = np.concatenate([np.full(len(samples), -1), yardsticks])
    best = np.full(len(asked), np.inf)
    found = np.zeros(len(asked), np.int64)
    for part_places, part in _parts(data, places, max(1, PART_VALUES // size)):
        distances = euclidean_distances(flat, _flat(part))
        distances[own[:, np.newaxis] == part_places] = np.inf
        nearest = distances.argmin(axis=1)
        values = distances[np.arange(len(asked)), nearest]
        found = np.where(values < best, part_places[nearest], found)
        best = np.minimum(values, best)
    count = len(samples)
    return Nearest(
        samples,
        np.asarray(data.images[found[:count]]),
        [float(length) for length in best[:count]],
        float(np.median(best[count:])),
        len(places),
        len(data.images),
    )


def _parts(
    data: ImageSet, places: np.ndarray, length: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for first in range(0, len(places), length):
        chosen = places[first : first + length]
        yield chosen, np.asarray(data.images[chosen])


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255
