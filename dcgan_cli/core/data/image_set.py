"""A set of images, and what is known of it."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_cli.core.data.pictures.findings import Advice
from dcgan_cli.core.data.pictures.lazy_images import UndecodedImages
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.errors import DataError

Images = np.ndarray | UndecodedImages
"""uint8 [N, H, W, C], 0 is black: an array, a read-only memory map, or pictures that are decoded
when they are looked at. `images[places]`, where places is int64 [M], is an array for all three."""
Watch = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Passes items on, given their number and what is done to them, and shows how far they are."""
MAX_CLASSES = 65536


def unwatched(items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
    """Show nothing; see `Watch`."""
    return items


class NoSplitError(DataError):
    """The file or folder does not have the split that was asked for."""


def _nothing_to_check() -> None:
    """Do nothing: what is in memory does not change."""


@dataclass(frozen=True)
class ImageSet:
    """Images that a run trains on, or that `dcgan inspect` looks at."""

    images: Images
    labels: np.ndarray | None
    """[N], the class of each image, where known: whole numbers."""
    source: str
    """Where they came from, in words."""
    dataset: str | None = None
    """Which known data set they are of, such as "mnist"."""
    sha256: str | None = None
    """Their digest, where it is known already."""
    class_names: tuple[str, ...] = ()
    """What the classes are called, in order of their numbers, where that is known."""
    labels_problem: str = ""
    """Why labels that there are cannot be used."""
    no_classes: str = ""
    """Why there are no labels and what to do, as the end of a sentence that begins with `source`;
    empty if there is no more to say about it."""
    notes: tuple[str | Advice, ...] = ()
    """What whoever trains on them should know."""
    check_unchanged: Callable[[], None] = _nothing_to_check
    """Raises DataError if the files they came from are not what they were; cheap."""

    def digest(self, *, with_labels: bool = False) -> str:
        """Return the sha256 of the images, which tells one training set from another.

        Args:
            with_labels: whether labels that differ make another set.
        """
        digest = self.sha256 or hashlib.sha256(np.ascontiguousarray(self.images).data).hexdigest()
        if not with_labels or self.labels is None:
            return digest
        kind = np.uint8 if self.labels.max(initial=0) < 256 else np.int64  # However they are kept.
        return hashlib.sha256(digest.encode() + self.labels.astype(kind).tobytes()).hexdigest()

    def count_classes(self) -> int:
        """Return how many classes there are, by their names or by the highest label.

        Raises:
            DataError: there are no labels, or one is too large.
        """
        if self.class_names:
            return len(self.class_names)
        highest = 0 if self.labels is None else int(self.labels.max(initial=0))
        if highest >= MAX_CLASSES:
            raise DataError(
                f"{self.source} has the label {highest}, which is no class: they are whole numbers "
                f"from 0 to {MAX_CLASSES - 1}"
            )
        self.check_labels(highest + 1)
        return highest + 1

    def check_labels(self, classes: int) -> None:
        """Check that there are labels, and that they are whole numbers from 0 to classes - 1.

        Raises:
            DataError: there are none, or one is not.
        """
        if self.labels_problem:
            raise DataError(
                f"model.conditional needs labels, and those of {self.source} cannot be used: "
                f"{self.labels_problem}; give one whole number or word for each image, or one-hot "
                "rows"
            )
        if self.labels is None:
            why = self.no_classes or (
                "leave it out, or put each class of pictures into a folder of its own"
            )
            raise DataError(f"model.conditional needs labels, and {self.source} has none: {why}")
        if self.class_names and len(self.class_names) != classes:
            raise DataError(
                f"{self.source} has {len(self.class_names)} classes "
                f"({first_names(self.class_names, 5)}); give data.classes={len(self.class_names)}"
            )
        if len(odd := self.labels[(self.labels < 0) | (self.labels >= classes)]):
            raise DataError(
                f"{self.source} has the label {odd[0]}; data.classes={classes} means labels from "
                f"0 to {classes - 1}, and data.classes=0 counts those that there are"
            )
