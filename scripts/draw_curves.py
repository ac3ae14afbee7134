"""Plot the scores of runs over training time.

    pip install matplotlib
    python scripts/draw_curves.py docs/images/scores.png docs/data/*_seed*.csv

Each file is a run's `metrics.csv`, or has its columns `seconds` and `frechet_distance`, and is
named PRESET_seedN.csv. The curves of one preset share a colour.
"""

import argparse
import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

FLOOR = 2.98
"""Baseline: the Fréchet distance of 2,000 held-out real images (docs/quality.md)."""


def main() -> None:
    """Plot the files and save the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    colours: dict[str, str] = {}
    for path in arguments.files:
        preset = path.name.partition("_seed")[0]
        known = preset in colours
        colour = colours.setdefault(preset, f"C{len(colours)}")
        with path.open(newline="") as stream:
            rows = [
                row for row in csv.DictReader(stream) if row["frechet_distance"] and row["seconds"]
            ]
        minutes = np.cumsum([float(row["seconds"]) for row in rows]) / 60
        distances = [float(row["frechet_distance"]) for row in rows]
        label = None if known else preset
        axes.plot(minutes, distances, ".-", color=colour, label=label, linewidth=1)
    axes.axhline(FLOOR, color="grey", linestyle=":", label="real images")
    axes.set(xscale="log", yscale="log", xlabel="minutes of training, 2 cores")
    axes.set_ylabel("Fréchet distance, 2,000 images")
    axes.legend()
    figure.savefig(arguments.picture, dpi=110)


if __name__ == "__main__":
    main()
