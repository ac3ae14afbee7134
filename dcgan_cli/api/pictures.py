"""Write arrays of images to files."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dcgan_cli import __version__
from dcgan_cli.api.arguments import array, path_text, whole
from dcgan_cli.api.guest import as_guest
from dcgan_cli.commands.sample import GRIDS, MAX_GRID
from dcgan_cli.core.sampling.pictures import grid_picture, write_picture
from dcgan_cli.core.storage import replacing
from dcgan_cli.errors import ConfigError


def save_grid(
    images: npt.ArrayLike, path: "str | os.PathLike[str]", columns: int | None = None
) -> Path:
    """Write images as one grid.

    Args:
        images: uint8 [N, H, W, C] or [N, H, W], N from 1 to 10,000 and C 1 or 3.
        path: the file to make or replace, ending in .png, .jpg, .jpeg or .webp. Folders that are
            not there are made.
        columns: images in a row; the square root of N, rounded up, if it is not given.

    Returns:
        The path of the file.

    Raises:
        ConfigError: the array or the ending is another, or the format cannot hold the grid.
        StorageError: the file cannot be written.
    """
    grid, file = array(images, "images"), Path(path_text(path, "path"))
    if grid.ndim == 3 and grid.shape[-1] not in (1, 3):  # Else it may be one image.
        grid = grid[..., np.newaxis]
    if grid.dtype != np.uint8 or grid.ndim != 4 or grid.shape[-1] not in (1, 3):
        raise ConfigError(
            f"images must be uint8 [N, H, W, 1 or 3], got {grid.dtype} {list(grid.shape)}"
        )
    if not grid.size or len(grid) > MAX_GRID:
        raise ConfigError(f"a grid holds 1 to {MAX_GRID:,} images, got {list(grid.shape)}")
    ending = file.suffix.lower()
    if ending not in GRIDS:
        raise ConfigError(f"{file} must end in {', '.join(GRIDS)}")
    in_row = None if columns is None else whole(columns, "columns", 1)
    with as_guest():
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as stream:
            facts = {"dcgan_version": __version__}
            write_picture(stream, grid_picture(grid, in_row), facts, ending)
    return file
