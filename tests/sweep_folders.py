"""Make sweep folders without training: copies of a run with other settings and scores."""

import json
import shutil
from pathlib import Path
from typing import Any


def copy_run(source: Path, target: Path, score: float, **settings: Any) -> Path:
    """Copy a scored run and change its settings (dots as two underscores) and its best score."""
    shutil.copytree(source, target)
    record = json.loads((target / "run.json").read_text())
    for name, value in settings.items():
        *groups, last = name.split("__")
        config = record["config"]
        for group in groups:
            config = config[group]
        config[last] = value
    (target / "run.json").write_text(json.dumps(record))
    metrics = target / "metrics.csv"
    header, *rows = [line.split(",") for line in metrics.read_text().splitlines()]
    column = header.index("frechet_distance")
    for number, row in enumerate(rows):
        row[column] = str(score + 10 * (len(rows) - 1 - number))
    metrics.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    return target


def make_sweep(source: Path, folder: Path, scores: dict[float, list[float]]) -> Path:
    """Make a sweep over learning rates: of each, a run with each score, by seeds from 1 on."""
    number = 0
    for rate, own in scores.items():
        for seed, score in enumerate(own, start=1):
            where = folder / str(number)
            copy_run(source, where, score, optimizer__learning_rate=rate, seed=seed)
            number += 1
    return folder
