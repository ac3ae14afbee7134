"""Measure exported pages in headless Chromium on one core; print a row of docs/export.md for each.

    .venv/bin/python -m scripts.measure_page RUN ...    # runs, or "bundled"

The time of a picture is the worker's, from the seed to the pixels. The difference is that of the
first pictures that the page draws from those of `dcgan sample`.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np

from dcgan_cli.cli import run_program
from tests.chromium import Chromium, find_chromium

IDLE = """typeof painter !== "undefined" && !document.querySelector("main").hidden
  && !painter.painting && painter.wanted.size === 0"""
PIXELS = """[...document.querySelectorAll("#grid canvas")].map((canvas) =>
  [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data])"""
ROUNDS = 5
"""Grids of new seeds, after one to warm up."""


def measure(run: str, folder: Path, program: str) -> str:
    """Export a run, open the page, and return its row."""
    page, samples = folder / "page.html", folder / "samples.npz"
    if run_program(["export", str(page), "--run", run]):
        sys.exit(1)
    run_program(["sample", "--seeds", "0-39", "--out", str(samples), "--run", run])
    expected = np.load(samples)["images"]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})  # Chromium inherits it.
    with Chromium(program, folder / "profile") as chromium:
        chromium.open(page.as_uri())
        chromium.wait(IDLE)
        shape = (*expected.shape[:3], 4)
        found = np.array(chromium.run(PIXELS), np.uint8).reshape(shape)[..., : expected.shape[3]]
        how = chromium.run("painter.how")
        times: list[float] = []
        for round_ in range(ROUNDS + 1):
            chromium.run("painter.times = []; byId('grid-new').click()")
            chromium.wait(IDLE)
            times += chromium.run("painter.times") if round_ else []
        errors = chromium.errors
    os.sched_setaffinity(0, cores)
    apart = np.abs(found.astype(np.int16) - expected)
    weights = sum(
        2 * int(size) ** 2 * int(inputs) * int(outputs)
        for inputs, outputs, size in re.findall(
            r'"input": \[\d+, \d+, (\d+)\], "output": \[\d+, \d+, (\d+)\], "size": (\d+)',
            page.read_text(),
        )
    )
    size, limit = page.stat().st_size, 1.4 * weights + 100_000
    return (
        f"{run} | {size / 1e6:.2f} MB ({size / limit:.0%} of the limit) | "
        f"{np.median(times):.1f} ms (fastest {min(times):.1f}) {how} | {apart.max()} "
        f"in {np.mean(apart > 0):.2%} | errors: {[e for e in errors if 'readback' not in e]}"
    )


if __name__ == "__main__":
    browser = find_chromium()
    if browser is None:
        sys.exit("Chromium is not installed")
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            print(measure(name, Path(place), browser), flush=True)
