"""Find the images and labels in an `.npz` by name, dtype and shape."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dcgan_cli.core.arrays import Header
from dcgan_cli.core.data.arrays.layouts import looks_like_images

IMAGE_WORDS = frozenset(
    {"x", "image", "images", "img", "imgs", "data", "pixels", "pictures", "samples", "inputs"}
)
LABEL_WORDS = frozenset(
    {"y", "label", "labels", "target", "targets", "class", "classes", "category", "categories"}
)
SPLIT_WORDS = {
    "train": frozenset({"train", "training", "trn", "tr"}),
    "test": frozenset({"test", "testing", "tst", "te", "t10k"}),
    "validation": frozenset({"val", "valid", "validation", "dev", "extra", "unlabeled"}),
}
WORD = re.compile(r"t10k|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
SPLIT, WHAT = "(train|training|test|val|valid)", f"({'|'.join(IMAGE_WORDS | LABEL_WORDS)})"
JOINED = re.compile(f"{SPLIT}{WHAT}|{WHAT}{SPLIT}")
"""Two words without a separator, such as "xtrain"."""


@dataclass(frozen=True)
class SplitArrays:
    """Names of the arrays of a split."""

    images: str
    labels: tuple[str, ...] = ()
    """Arrays named like labels; the labels are the ones whose length matches the images."""


@dataclass(frozen=True)
class _Role:
    """The role of an array, by its name."""

    images: bool
    labels: bool
    split: str | None


def choose_arrays(headers: Mapping[str, Header], split: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the candidates for the images and the labels of a split.

    Names with a word for images and the split come first, then names with a word for images and no
    split, then arrays with the shape of images. Several candidates mean that the choice is
    ambiguous.

    Args:
        headers: the arrays' headers, by name.
        split: "train" or "test".

    Returns:
        Candidate names for the images, possibly none, and for the labels.
    """
    roles = {name: _role(name) for name in headers}
    images = _narrowed(headers, _first_images(headers, roles, split), f"x_{split}")
    labels = [name for name, role in roles.items() if role.labels and role.split == split]
    if not labels and split == "train":
        labels = [name for name, role in roles.items() if role.labels and role.split is None]
    if images == ["arr_0"] and not labels and _may_be_labels(headers, "arr_0", "arr_1"):
        labels = ["arr_1"]  # The names that numpy.savez(file, images, labels) gives.
    return images, tuple(labels)


def _first_images(
    headers: Mapping[str, Header], roles: Mapping[str, _Role], split: str
) -> list[str]:
    """Return the candidates of the first rule that finds any."""
    named = [name for name, role in roles.items() if role.images and role.split == split]
    if named or split != "train":
        return named
    free = [name for name, role in roles.items() if role.split is None and not role.labels]
    named = [name for name in free if roles[name].images]
    like_images = [name for name in free if looks_like_images(headers[name])]
    both = [name for name in named if name in like_images]
    return both or like_images or named or (free if len(headers) == 1 else [])


def _narrowed(headers: Mapping[str, Header], names: list[str], usual: str) -> list[str]:
    """Return the most likely of several names: Keras's, then those with the shape of images."""
    if usual in names:
        return [usual]
    for likely in (
        [name for name in names if looks_like_images(headers[name])],
        [name for name in names if len(headers[name].shape) > 2],  # Not flattened copies.
    ):
        if likely and len(names) > 1:
            names = [name for name in names if name in likely] or names
    return names


def _may_be_labels(headers: Mapping[str, Header], images: str, name: str) -> bool:
    if name not in headers:
        return False
    shape = headers[name].shape
    return len(shape) in (1, 2) and shape[0] == headers[images].shape[0]


def _role(name: str) -> _Role:
    words = set(_words(name))
    split = next((split for split, known in SPLIT_WORDS.items() if words & known), None)
    labels = bool(words & LABEL_WORDS)
    only_split = split is not None and words <= SPLIT_WORDS[split]
    return _Role(not labels and (only_split or bool(words & IMAGE_WORDS)), labels, split)


def _words(name: str) -> Iterable[str]:
    """Yield the lower-case words of a name: mnist, train and x for "mnist_trainX"."""
    for word in WORD.findall(name):
        joined = JOINED.fullmatch(word.lower())
        yield from filter(None, joined.groups()) if joined else [word.lower()]
