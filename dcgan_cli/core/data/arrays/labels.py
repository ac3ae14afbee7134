"""The labels of images in arrays, in any of their usual forms, as class numbers and names."""

import re
from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.data.image_set import MAX_CLASSES

NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")


class LabelError(ValueError):
    """Labels are no classes. The message begins with their name."""


@dataclass(frozen=True)
class Classes:
    """What each class is called in the labels, and how that becomes a number."""

    values: np.ndarray | None
    """The labels that there are, sorted; the number of a class is its place here. None if the
    labels are the numbers."""
    names: tuple[str, ...] = ()
    """What the classes are called; none if they are numbers from 0."""

    def numbers(self, name: str, labels: np.ndarray) -> np.ndarray:
        """Return the number of each label's class.

        Args:
            name: of the labels, for the message.
            labels: [N], as `plain_labels` returns them.

        Raises:
            LabelError: a label is of no class.
        """
        if self.values is None:
            if labels.dtype.kind not in "iu":
                raise LabelError(f"{name} has words, where the training images have numbers")
            return labels
        places = np.searchsorted(self.values, labels).clip(0, len(self.values) - 1)
        if (strange := self.values[places] != labels).any():
            raise LabelError(
                f"{name} has the label {labels[strange][0]}, which no training image has"
            )
        return places


def plain_labels(name: str, labels: np.ndarray, count: int) -> np.ndarray:
    """Return one whole number or one word for each image.

    Args:
        name: of the labels, for messages.
        labels: [N], [N, 1] or [1, N] of bool, integers, whole floats or text; or one-hot [N, K] of
            any type of number.
        count: the number of images.

    Returns:
        [N], of integers or str.

    Raises:
        LabelError: they are in no such form.
    """
    found = f"{name} is {labels.dtype} {list(labels.shape)}"
    if labels.shape in ((count, 1), (1, count)):
        labels = labels.reshape(count)
    if labels.ndim == 2 and len(labels) == count and labels.dtype.kind in "biuf":
        labels = _from_one_hot(found, labels)
    if labels.shape != (count,):
        raise LabelError(f"{found} for {count:,} images")
    kind = labels.dtype.kind
    if kind == "b":
        return labels.astype(np.uint8)
    if kind == "f":
        whole = np.isfinite(labels) & (labels == np.rint(labels)) & (np.abs(labels) < 2**53)
        if not whole.all():
            raise LabelError(f"{found} with {labels[~whole][0]:g} in it, which is no class")
        return labels.astype(np.int64)
    if kind == "S":
        labels = np.array([word.decode("utf-8", "replace") for word in labels.tolist()])
    elif kind not in "iuU":
        raise LabelError(f"{found}, which are neither numbers nor words")
    if labels.dtype.kind == "U" and all(map(NUMBER.fullmatch, set(labels.tolist()))):
        return labels.astype(np.int64)  # As read from a text file.
    return labels.astype(labels.dtype.newbyteorder("="), copy=False)


def find_classes(name: str, labels: np.ndarray, classes: int) -> Classes:
    """Find which classes labels tell apart.

    Numbers that begin at 0 and leave none out are the classes' own, and so are those that are below
    a number of classes that is given. Any others are names, in their order.

    Args:
        name: of the labels, for the message.
        labels: [N], as `plain_labels` returns them.
        classes: how many there are to be, or 0 for as many as there are.

    Raises:
        LabelError: there are too many.
    """
    values = np.unique(labels)
    if labels.dtype.kind in "iu":
        low, high = int(values[0]), int(values[-1])
        in_range = low >= 0 and high < (classes or len(values))
        if in_range or classes not in (0, len(values)):
            return Classes(None)
    if len(values) > MAX_CLASSES:
        raise LabelError(
            f"{name} has {len(values):,} different labels, more than the {MAX_CLASSES:,} classes "
            "that can be told apart"
        )
    return Classes(values, tuple(str(value) for value in values.tolist()))


def _from_one_hot(found: str, labels: np.ndarray) -> np.ndarray:
    once = (np.count_nonzero(labels, axis=1) == 1).all() and (labels.max(axis=1) == 1).all()
    if not once:
        raise LabelError(f"{found}, which is neither one label for each image nor one-hot")
    return labels.argmax(axis=1)
