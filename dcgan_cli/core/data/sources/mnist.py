"""MNIST, which comes with this program."""

from pathlib import Path
from typing import Any

from dcgan_cli.settings.registry import data


@data("mnist")
def mnist(settings: Any, split: str) -> Any:
    """MNIST (bundled)."""
    from dcgan_cli.core.data.mnist import read_bundled, read_copy

    if settings.path is None:
        return read_bundled(split, settings.classes)
    return read_copy(Path(settings.path), split, settings.classes)
