"""CIFAR-10."""

from pathlib import Path
from typing import Any

from dcgan_cli.settings.registry import data


def fetch(settings: Any) -> None:
    """Download the files unless they are on this machine."""
    from dcgan_cli.core.data.cifar10 import download_cifar10

    if settings.path is None:
        download_cifar10()


@data("cifar10", fetch=fetch)
def cifar10(settings: Any, split: str) -> Any:
    """CIFAR-10 (downloaded if it is not on this machine)."""
    from dcgan_cli.core.data.cifar10 import read_cifar10, read_cifar10_copy

    if settings.path is not None:
        return read_cifar10_copy(Path(settings.path), split, settings.classes)
    return read_cifar10(split)
