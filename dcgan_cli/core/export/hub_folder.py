"""A folder as model hubs take it: the model for Keras and ONNX, a grid, metrics and a card."""

import contextlib
from pathlib import Path

from dcgan_cli.core.export import keras_file
from dcgan_cli.core.export.card import model_card
from dcgan_cli.core.export.formats import FORMATS, HUB_ONNX, is_installed
from dcgan_cli.core.export.plain import PlainGenerator
from dcgan_cli.core.sampling.pictures import grid_picture, write_png
from dcgan_cli.core.storage import read_text

GRID = "grid.png"
ROWS = 4
"""Rows of the grid of a conditional generator, which has a column for each class."""
MAX_COLUMNS = 10
GRID_SIZE = 64
"""Images in other grids."""

open_file = keras_file.open_file


def write(generator: PlainGenerator, path: Path, *, half: bool) -> None:
    """Write the files; see `FormatModule`."""
    loaded = generator.loaded
    keras_file.write_unzipped(generator, path, half=half)
    onnx = FORMATS[".onnx"]
    has_onnx = all(map(is_installed, onnx.writers))
    if has_onnx:
        onnx.load().write(generator, path / HUB_ONNX, half=half)
    columns = generator.classes if 1 < generator.classes <= MAX_COLUMNS else None
    seeds = range(columns * ROWS if columns else GRID_SIZE)
    with (path / GRID).open("xb") as stream:
        facts = loaded.facts | {"seeds": list(seeds)}
        write_png(stream, grid_picture(loaded.sampler.sample(seeds), columns), facts)
    with contextlib.suppress(FileNotFoundError):
        (path / "metrics.csv").write_bytes(read_text(loaded.run.metrics_csv))
    card = model_card(generator, half=half, has_onnx=has_onnx)
    (path / "README.md").write_text(card, encoding="utf-8")
