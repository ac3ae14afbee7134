"""Fashion-MNIST."""

import dataclasses
from pathlib import Path
from typing import Any

from dcgan_cli.settings.registry import data


def fetch(settings: Any) -> None:
    """Download the files unless they are on this machine."""
    from dcgan_cli.core.data.fashion_mnist import download_fashion_mnist

    if settings.path is None:
        download_fashion_mnist()


@data("fashion_mnist", fetch=fetch)
def fashion_mnist(settings: Any, split: str) -> Any:
    """Fashion-MNIST (downloaded if it is not on this machine)."""
    from dcgan_cli.core.data.arrays.images import read_images
    from dcgan_cli.core.data.fashion_mnist import fashion_mnist_folder
    from dcgan_cli.core.data.mnist import read_copy

    if settings.path is not None:
        return read_copy(Path(settings.path), split, settings.classes)
    read = read_images(fashion_mnist_folder(), split, classes=settings.classes)
    return dataclasses.replace(read, source="Fashion-MNIST", dataset="fashion_mnist")
