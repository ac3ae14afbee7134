"""What it means that two runs are the same."""

import csv
from pathlib import Path

import numpy as np

from dcgan_cli.core.runs import checkpoints


def rows(run: Path) -> list[dict[str, str]]:
    """Return the metrics but for the two columns that tell of time."""
    with (run / "metrics.csv").open() as stream:
        table = list(csv.DictReader(stream))
    timed = ("seconds", "images_per_second")
    return [{name: value for name, value in row.items() if name not in timed} for row in table]


def newest_arrays(run: Path) -> dict[str, np.ndarray]:
    """Return every array of the newest checkpoint, which must be whole."""
    checkpoint, damaged = checkpoints.newest_intact(run / "checkpoints")
    assert not damaged
    return {
        f"{name}/{key}": array
        for name in checkpoint.files
        for key, array in checkpoint.load(name.removesuffix(".npz")).items()
    }


def assert_same_run(one: Path, other: Path) -> None:
    """Assert that every array, byte of a grid, metric and byte of the GIF is equal.

    The names of both folders must be equal too, since they stand in the grids.
    """
    assert one.name == other.name
    first, second = newest_arrays(one), newest_arrays(other)
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert array.dtype == second[name].dtype, name
        assert array.tobytes() == second[name].tobytes(), name
    assert rows(one) == rows(other)
    grids = [{p.name: p.read_bytes() for p in (run / "samples").iterdir()} for run in (one, other)]
    assert grids[0] == grids[1]
    assert (one / "dcgan.gif").read_bytes() == (other / "dcgan.gif").read_bytes()
    assert not [path for path in one.rglob("*") if ".tmp" in path.name]
