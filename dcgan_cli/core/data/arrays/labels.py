"""Convert labels in their usual formats to class numbers and names."""

import re
from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.data.image_set import MAX_CLASSES

NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")


class LabelError(ValueError):
    """Labels are not usable as classes. The message begins with the array's name."""


@dataclass(frozen=True)
class Classes:
    """The classes in a set of labels, with their numbers and names."""

    values: np.ndarray | None
    """Distinct labels, sorted; the index is the class number. None if labels are class numbers."""
    names: tuple[str, ...] = ()
    """Names of the classes; empty if labels are class numbers."""

    def numbers(self, name: str, labels: np.ndarray) -> np.ndarray:
        """Return the class number of each label: integers [N].

        Args:
            name: name of the labels, for the message.
            labels: [N], as `plain_labels` returns them.

        Raises:
            LabelError: a label belongs to no class.
        """
        if self.values is None:
            if labels.dtype.kind not in "iu":
                raise LabelError(f"{name} has words, but the training labels are numbers")
            return labels
        places = np.searchsorted(self.values, labels).clip(0, len(self.values) - 1)
        if (strange := self.values[places] != labels).any():
            raise LabelError(
                f"{name} has the label {labels[strange][0]}, which no training image has"
            )
        return places


def plain_labels(name: str, labels: np.ndarray, count: int) -> np.ndarray:
    """Return one integer or one word per image.

    Args:
        name: name of the labels, for messages.
        labels: [N], [N, 1] or [1, N] of bool, integers, whole floats or text; or one-hot [N, K] of
            any numeric dtype.
        count: the number of images.

    Returns:
        [N], of integers or str.

    Raises:
        LabelError: the labels are in another format.
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
            raise LabelError(f"{found} and contains {labels[~whole][0]:g}, which is not an integer")
        return labels.astype(np.int64)
    if kind == "S":
        labels = np.array([word.decode("utf-8", "replace") for word in labels.tolist()])
    elif kind not in "iuU":
        raise LabelError(f"{found}, which is neither numbers nor words")
    if labels.dtype.kind == "U" and all(map(NUMBER.fullmatch, set(labels.tolist()))):
        return labels.astype(np.int64)  # Labels read from a text file.
    return labels.astype(labels.dtype.newbyteorder("="), copy=False)


def find_classes(name: str, labels: np.ndarray, classes: int) -> Classes:
    """Return the classes of labels.

    Integers are class numbers if they cover 0 to K - 1 without gaps, or lie below a given number of
    classes. All other labels are names, numbered in sorted order.

    Args:
        name: name of the labels, for the message.
        labels: [N], as `plain_labels` returns them.
        classes: number of classes; 0 counts them.

    Raises:
        LabelError: there are too many classes.
    """
    values = np.unique(labels)
    if labels.dtype.kind in "iu":
        low, high = int(values[0]), int(values[-1])
        in_range = low >= 0 and high < (classes or len(values))
        if in_range or classes not in (0, len(values)):
            return Classes(None)
    if len(values) > MAX_CLASSES:
        raise LabelError(
            f"{name} has {len(values):,} different labels, more than the maximum of "
            f"{MAX_CLASSES:,} classes"
        )
    return Classes(values, tuple(str(value) for value in values.tolist()))


def _from_one_hot(found: str, labels: np.ndarray) -> np.ndarray:
    once = (np.count_nonzero(labels, axis=1) == 1).all() and (labels.max(axis=1) == 1).all()
    if not once:
        raise LabelError(f"{found}, which is neither one label per image nor one-hot")
    return labels.argmax(axis=1)
