"""Compare a training step of dcgan, the tutorial's own code and PyTorch.

    python -m benchmarks.compare [--size N] [--rounds N] [--steps N] [--json FILE]

Each contender runs in its own process. With size 28, all train the tutorial's networks on the same
256 real images; with 32, 64, 128 or 256, those of `model=dcgan` on batches of 64 colour images.
Compare the ratios within a round, not the times.
"""

import argparse
import functools
import importlib.util
import json
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks.contender import BATCH_SIZE, DCGAN_BATCH_SIZE, SIZE
from benchmarks.rounds import Figures, Round, in_words, interleave, median, ratios, run

TUTORIAL = "tutorial"
FORMS = ["float32 transformed", "bfloat16 transformed", "float32 direct", "bfloat16 direct"]
PYTORCH = ["float32", "float32 channels_last", "bfloat16 channels_last"]
ONCE = [
    "float32 channels_last once",
    "bfloat16 channels_last once",
    "float32 channels_last once compiled",
    "bfloat16 channels_last once compiled",
]
"""One pass of the discriminator over both kinds of images: impossible with batch normalization."""
TWICE = ["float32 channels_last compiled", "bfloat16 channels_last compiled"]
PRODUCTS = ["products float32", "products bfloat16"]


def contenders(size: int, *, has_torch: bool) -> list[str]:
    """Return the names of all contenders for an image size."""
    tutorial = [TUTORIAL] if size == 28 else []
    options = [*PYTORCH, *(ONCE if size == 28 else TWICE)] if has_torch else []
    return [
        *tutorial,
        *(f"dcgan {size} {form}" for form in FORMS),
        *(f"pytorch {size} {option}" for option in options),
        *(PRODUCTS if size == 28 else []),
    ]


def step_gflop(batch_size: int = BATCH_SIZE) -> float:
    """Return the arithmetic of a step with direct convolutions, in GFLOP.

    Excludes kernel weights that fall on padding. Assumes one forward pass of the discriminator on
    real and generated images and one backward pass through each network. A multiply-add counts as
    two operations.
    """
    along_7, along_14, along_28 = 29, 32, 67  # Pairs of pixel and weight along one axis.
    dense = 100 * 7 * 7 * 256
    convolutions = along_7**2 * 256 * 128 + along_14**2 * 128 * 64 + along_28**2 * 64
    generator = dense + convolutions + (dense + convolutions) + convolutions
    first, second, last = along_28**2 * 64, along_14**2 * 64 * 128, 7 * 7 * 128
    discriminator = 2 * 2 * (first + second + last) + 2 * (second + last) + first
    return 2 * batch_size * (generator + discriminator) / 1e9


def measure(name: str, steps: int) -> Figures:
    """Run one contender and return its measurements and peak memory."""
    ended = run([sys.executable, "-m", "benchmarks.contender", name, str(steps)])
    return {**json.loads(ended.output.splitlines()[-1]), "peak_mib": ended.peak_mib}


def summary(rounds: list[Round], size: int) -> dict[str, Any]:
    """Return the medians and ratios of the measurements."""
    # Imported late: a process inherits its parent's peak memory, which TensorFlow makes large.
    from dcgan_cli.core.networks.device import describe_devices

    def precision(name: str) -> str:
        return "bfloat16" if "bfloat16" in name else "float32"

    def floor(name: str) -> list[float]:
        products, work = f"products {precision(name)}", step_gflop() * 1e9
        return [each[products]["seconds"] * work / (2 * SIZE**3) for each in rounds]

    names = [name for name in rounds[0] if name not in PRODUCTS]
    peers = [name for name in names if name.startswith("pytorch")]
    batch_size = BATCH_SIZE if size == 28 else DCGAN_BATCH_SIZE
    table = {}
    for name in names:
        seconds = median(rounds, name, "seconds")
        alike = [peer for peer in peers if precision(peer) == precision(name)]
        row: dict[str, Any] = {
            "step_ms": 1e3 * seconds,
            "images_per_second": batch_size / seconds,
            "of_best_pytorch": ratios(rounds, name, peers, "seconds") if peers else [],
            "of_best_in_precision": ratios(rounds, name, alike, "seconds") if peers else [],
        }
        if size == 28:
            row["of_tutorial"] = ratios(rounds, name, [TUTORIAL], "seconds")
            row["of_floor"] = [
                each[name]["seconds"] / least
                for each, least in zip(rounds, floor(name), strict=True)
            ]
        row["first_step_s"] = median(rounds, name, "first")
        row["peak_mib"] = median(rounds, name, "peak_mib")
        table[name] = row
    facts: dict[str, Any] = {
        "machine": f"{describe_devices()}, Python {platform.python_version()}",
        "size": size,
        "batch_size": batch_size,
        "rounds": len(rounds),
        "contenders": table,
    }
    if size == 28:
        facts["gflop_per_second"] = {
            name.split()[1]: 2 * SIZE**3 / median(rounds, name, "seconds") / 1e9
            for name in PRODUCTS
        }
        facts["gflop_per_step"] = step_gflop()
    return facts


COLUMNS = {
    "of_tutorial": "of tutorial",
    "of_best_pytorch": "of PyTorch's best",
    "of_best_in_precision": "... in this precision",
    "of_floor": "of floor",
}
"""Titles of the columns of ratios."""


def main() -> None:
    """Run all rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=28, choices=(28, 32, 64, 128, 256))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="timed steps per process")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    arguments = parser.parse_args()
    has_torch = importlib.util.find_spec("torch") is not None
    if not has_torch:
        print("PyTorch is skipped: not installed (pip install '.[bench]')", file=sys.stderr)
    names = contenders(arguments.size, has_torch=has_torch)
    runs = {name: functools.partial(measure, name, arguments.steps) for name in names}
    figures = summary(interleave(runs, arguments.rounds), arguments.size)
    print(f"{figures['machine']}, {arguments.size}x{arguments.size} pixels", end="")
    print(f", batches of {figures['batch_size']}")
    if rates := figures.get("gflop_per_second"):
        print(f"GFLOP/s of a matrix product: {rates}")
        print(f"GFLOP of a step with direct convolutions: {figures['gflop_per_step']:.1f}")
    print("medians; for ratios within a round also the minimum and maximum\n")
    shown = [name for name in COLUMNS if name in next(iter(figures["contenders"].values()))]
    titles = "".join(f"{COLUMNS[name]:>22}" for name in shown)
    print(f"{'':46}{'step ms':>9}{'images/s':>10}{titles}{'first s':>9}{'peak MiB':>10}")
    for name, row in figures["contenders"].items():
        print(f"{name:46}{row['step_ms']:9.0f}{row['images_per_second']:10.0f}", end="")
        print("".join(f"{in_words(row[column]):>22}" for column in shown), end="")
        print(f"{row['first_step_s']:9.1f}{row['peak_mib']:10.0f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
