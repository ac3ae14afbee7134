"""Draw a run's metrics as characters: a line of bars, or large charts with axes."""

import shutil
from collections.abc import Iterator

BARS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 60
CHART_HEIGHT = 10
MARGIN = 12
"""Width of the labels left of a chart."""
CHARTS = {
    "frechet_distance": "Fréchet distance (lower is better)",
    "generator_loss": "generator loss",
    "discriminator_loss": "discriminator loss",
    "diversity": "diversity (1 is that of the data)",
    "precision": "precision",
    "recall": "recall",
    "missing_classes": "missing classes",
    "images_per_second": "images per second",
}
"""The columns of `metrics.csv` that are drawn, with their titles."""

Row = dict[str, float]


def curve(values: list[float]) -> str:
    """Return values as a line of bars, at most 60 characters wide."""
    heights = _heights(_thinned(values, CURVE_WIDTH), len(BARS) - 1)
    return "".join(BARS[height] for height in heights)


def charts(rows: list[Row]) -> Iterator[str]:
    """Yield a chart of each metric that has a value in two epochs or more, as lines of text.

    Args:
        rows: the rows of `metrics.csv`.
    """
    width = max(20, shutil.get_terminal_size().columns - MARGIN - 2)
    for name, title in CHARTS.items():
        points = [(int(row["epoch"]), row[name]) for row in rows if name in row]
        if len(points) > 1:
            yield _chart(title, points, width)


def _chart(title: str, points: list[tuple[int, float]], width: int) -> str:
    epochs, values = zip(*points, strict=True)
    thinned = _thinned(list(values), width)
    heights = _heights(thinned, CHART_HEIGHT * len(BARS) - 1)
    each = max(1, width // len(thinned))
    labels = {CHART_HEIGHT - 1: f"{max(values):.4g}", 0: f"{min(values):.4g}"}
    lines = [title]
    for row in reversed(range(CHART_HEIGHT)):
        marks = [_mark(height - row * len(BARS)) for height in heights]
        line = "".join(mark * each for mark in marks)
        lines.append(f"{labels.get(row, ''):>{MARGIN - 2}} ┤{line}".rstrip())
    first, last = f"epoch {epochs[0]}", str(epochs[-1])
    gap = each * len(thinned) - len(first)
    lines.append(f"{'':>{MARGIN}}{first}{last:>{max(gap, len(last) + 1)}}")
    return "\n".join(lines)


def _mark(height: int) -> str:
    """Return what a column shows in a row of the chart: nothing, a part of a block, or a block."""
    if height < 0:
        return " "
    return BARS[min(height, len(BARS) - 1)]


def _thinned(values: list[float], most: int) -> list[float]:
    """Return at most `most` of the values, evenly spread, the first and the last among them."""
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _heights(values: list[float], highest: int) -> list[int]:
    """Scale values to whole numbers from 0 (the lowest) to `highest`."""
    low, high = min(values), max(values)
    scale = highest / (high - low) if high > low else 0
    return [round((value - low) * scale) for value in values]
