"""The user's own arrays."""

from pathlib import Path
from typing import Any

from dcgan_cli.settings.registry import data


@data("npz", needs_path="FILE.npz, an .npy file or a folder of IDX files")
def npz(settings: Any, split: str) -> Any:
    """Your own arrays: .npz, .npy or IDX files."""
    from dcgan_cli.core.data.mnist import read_copy

    return read_copy(Path(settings.path), split, settings.classes, any_shape=True)
