"""Parse and format `metrics.csv`: one row per epoch; corrupt rows are skipped."""

import csv
import io

LARGEST = 1e39
"""Limit of losses and scores, above the range of float32."""
LARGEST_COUNT = 1e15
"""Limit of steps, seconds and images per second."""
LOSS_COLUMNS = [
    "epoch",
    "step",
    "seconds",
    "images_per_second",
    "generator_loss",
    "discriminator_loss",
]
"""Columns with a value in every row."""
SCORE_COLUMNS = [
    "frechet_distance",
    "diversity",
    "contrast",
    "missing_classes",
    "nearest",
    "precision",
    "recall",
]
"""Columns that are empty if the epoch was not scored."""
SOMETIMES = ("missing_classes", "nearest", "precision", "recall")
"""Columns that may be empty although the epoch was scored; older runs have no `precision`."""
METRICS_COLUMNS = LOSS_COLUMNS + SCORE_COLUMNS
WHOLE_NUMBERS = ("epoch", "step", "missing_classes")
COUNTS = (*WHOLE_NUMBERS, "seconds", "images_per_second")

Row = dict[str, float]


def parse_metrics(text: str) -> list[Row]:
    """Return the rows of a `metrics.csv`; corrupt rows are skipped."""
    header, *lines = text.splitlines(keepends=True) or [""]
    names = header.strip().split(",")
    if names[: len(LOSS_COLUMNS)] != LOSS_COLUMNS:
        return []
    rows = []
    for line in lines:
        values = line.strip().split(",")
        # A last line without a newline may lack digits of its last number.
        if not line.endswith("\n") or len(values) != len(names):
            continue
        try:
            row = {
                name: float(value)
                for name, value in zip(names, values, strict=True)
                if name in LOSS_COLUMNS or (name in SCORE_COLUMNS and value)
            }
        except ValueError:
            continue
        if any(name not in row and name not in SOMETIMES for name in METRICS_COLUMNS):
            row = {name: row[name] for name in LOSS_COLUMNS}
        if all(abs(value) < _limit(name) for name, value in row.items()):  # False for NaN.
            rows.append({n: int(v) if n in WHOLE_NUMBERS else v for n, v in row.items()})
    return rows


def _limit(name: str) -> float:
    return LARGEST_COUNT if name in COUNTS else LARGEST


def format_metrics(rows: list[Row]) -> str:
    """Return the text of a `metrics.csv`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, METRICS_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
