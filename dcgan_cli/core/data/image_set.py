"""A set of images with its metadata."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_cli.core.data.pictures.findings import Advice
from dcgan_cli.core.data.pictures.lazy_images import LazyImages
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.errors import DataError

Images = np.ndarray | LazyImages
"""uint8 [N, H, W, C], 0 is black: an array, a read-only memory map, or lazy images. Indexing with
int64 [M] returns an array for all three."""
ProgressCallback = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Yields the given items and reports the progress. Takes the items, their number and a label for
the task."""
MAX_CLASSES = 65536


def no_progress(items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
    """Return the items unchanged and report nothing; see `ProgressCallback`."""
    return items


class NoSplitError(DataError):
    """The file or folder does not have the requested split."""


def _nothing_to_check() -> None:
    """Do nothing: images in memory do not change."""


@dataclass(frozen=True)
class ImageSet:
    """Images of one split, with their labels and metadata."""

    images: Images
    labels: np.ndarray | None
    """Integers [N], the class of each image; None if unknown."""
    source: str
    """Origin of the images, for messages."""
    dataset: str | None = None
    """Name of the known data set, such as "mnist"; None for others."""
    sha256: str | None = None
    """Digest of the pixels, if already computed."""
    class_names: tuple[str, ...] = ()
    """Names of the classes, in order of their numbers; empty if unknown."""
    labels_problem: str = ""
    """Why the labels are not usable; empty if they are usable or missing."""
    no_classes: str = ""
    """Why there are no labels and what to do, as the end of a sentence that begins with `source`;
    empty if the reason is unknown."""
    notes: tuple[str | Advice, ...] = ()
    """Notes to show before training."""
    check_unchanged: Callable[[], None] = _nothing_to_check
    """Raises DataError if the source files have changed; cheap."""

    def digest(self, *, with_labels: bool = False) -> str:
        """Return the sha256 of the images, which identifies a training set.

        Args:
            with_labels: whether to include the labels in the digest.
        """
        digest = self.sha256 or hashlib.sha256(np.ascontiguousarray(self.images).data).hexdigest()
        if not with_labels or self.labels is None:
            return digest
        kind = (
            np.uint8 if self.labels.max(initial=0) < 256 else np.int64
        )  # Whatever their dtype is.
        return hashlib.sha256(digest.encode() + self.labels.astype(kind).tobytes()).hexdigest()

    def choose(self, count: int, classes: int) -> np.ndarray:
        """Return int64 [M], indices of random images for a grid, M at most `count`.

        Args:
            count: number of images.
            classes: number of classes, one column each: image i is of class i modulo `classes` if
                there is one, otherwise of any class. 0 for any.
        """
        random = np.random.Generator(np.random.Philox(key=0))
        shuffled = random.permutation(len(self.images))
        if not classes or self.labels is None:
            return shuffled[:count]
        # As many of each class as the grid has rows: a large data set has far more.
        of_class = [
            shuffled[self.labels[shuffled] == label] for label in range(min(classes, count))
        ]
        chosen = []
        for place in range(count):
            own = of_class[place % classes]
            chosen.append(
                own[place // classes % len(own)] if len(own) else shuffled[place % len(shuffled)]
            )
        return np.array(chosen, np.int64)

    def count_classes(self) -> int:
        """Return the number of classes, by their names or the highest label.

        Raises:
            DataError: there are no labels, or one is too large.
        """
        if self.class_names:
            return len(self.class_names)
        highest = 0 if self.labels is None else int(self.labels.max(initial=0))
        if highest >= MAX_CLASSES:
            raise DataError(
                f"{self.source} has the label {highest}; labels must be integers from 0 to "
                f"{MAX_CLASSES - 1}"
            )
        self.check_labels(highest + 1)
        return highest + 1

    def check_labels(self, classes: int) -> None:
        """Check that there are labels and that all are integers from 0 to classes - 1.

        Raises:
            DataError: there are no labels, or one is out of range.
        """
        if self.labels_problem:
            raise DataError(
                f"model.conditional needs labels, but those of {self.source} are not usable: "
                f"{self.labels_problem}; give one integer or word per image, or one-hot rows"
            )
        if self.labels is None:
            why = self.no_classes or (
                "leave out model.conditional, or put the pictures of each class into a folder of "
                "their own"
            )
            raise DataError(f"model.conditional needs labels, but {self.source} has none: {why}")
        if self.class_names and len(self.class_names) != classes:
            raise DataError(
                f"{self.source} has {len(self.class_names)} classes "
                f"({first_names(self.class_names, 5)}); give data.classes={len(self.class_names)}"
            )
        if len(odd := self.labels[(self.labels < 0) | (self.labels >= classes)]):
            raise DataError(
                f"{self.source} has the label {odd[0]}, but data.classes={classes} allows labels "
                f"from 0 to {classes - 1}; data.classes=0 counts the classes"
            )
