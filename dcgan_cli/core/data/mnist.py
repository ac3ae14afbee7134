"""The bundled MNIST, and copies of it or of other sets in its form."""

import dataclasses
import hashlib
from pathlib import Path

from dcgan_cli.core.assets import ASSETS
from dcgan_cli.core.data.arrays.images import MNIST_SHAPE, read_images
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.errors import DataError

BUNDLED_MNIST = ASSETS / "mnist" / "mnist.npz"
BUNDLED_MNIST_SHA256 = "8e083283c91432a55ec214b424b750f347064b1c21bf79cd5a9a425e1c6c2048"
"""Printed by scripts/make_mnist.py, which made the file."""
MNIST_IMAGES_SHA256 = "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
"""The digest of its 60,000 training images, by which a copy of one's own is known too."""
MNIST_IMAGES_SHAPE = (60000, *MNIST_SHAPE)


def read_bundled(split: str, classes: int) -> ImageSet:
    """Read a split of the bundled MNIST.

    Args:
        split: "train" or "test".
        classes: how many classes the labels tell apart; 0 counts them.

    Raises:
        DataError: the file is damaged.
    """
    if split == "train":
        _check_bundled()
    data = read_images(BUNDLED_MNIST, split, classes=classes)
    return dataclasses.replace(data, source="MNIST", dataset="mnist")


def read_copy(path: Path, split: str, classes: int, *, any_shape: bool = False) -> ImageSet:
    """Read a split of an array file or of a folder of IDX files; see `read_images`.

    A copy of MNIST's training images is recognised by its content.
    """
    data = read_images(path, split, any_shape=any_shape, classes=classes)
    if data.images.shape == MNIST_IMAGES_SHAPE and data.digest() == MNIST_IMAGES_SHA256:
        data = dataclasses.replace(data, dataset="mnist")
    return data


def _check_bundled() -> None:
    """Refuse a damaged copy of the bundled MNIST."""
    try:
        digest = hashlib.sha256(BUNDLED_MNIST.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"the bundled {BUNDLED_MNIST} cannot be read ({error}); reinstall"
        ) from None
    if digest != BUNDLED_MNIST_SHA256:
        raise DataError(f"the bundled {BUNDLED_MNIST} is damaged; reinstall dcgan-cli")
