"""Compare a training step of dcgan, the tutorial's own code and PyTorch.

    python -m benchmarks.compare [--rounds N] [--steps N] [--json FILE]

Each contender runs in its own process. All train the tutorial's networks on the same 256 real
images. Compare the ratios within a round, not the times.
"""

import argparse
import functools
import importlib.util
import json
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks.contender import BATCH_SIZE, SIZE
from benchmarks.rounds import Figures, Round, in_words, interleave, median, ratios, run

TUTORIAL = "tutorial"
CONTENDERS = [
    TUTORIAL,
    "dcgan float32 transformed",
    "dcgan bfloat16 transformed",
    "dcgan float32 direct",
    "dcgan bfloat16 direct",
]
PYTORCH = [
    "pytorch float32",
    "pytorch float32 channels_last",
    "pytorch bfloat16 channels_last",
    "pytorch float32 channels_last once",
    "pytorch bfloat16 channels_last once",
    "pytorch float32 channels_last once compiled",
    "pytorch bfloat16 channels_last once compiled",
]
PRODUCTS = ["products float32", "products bfloat16"]


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


def summary(rounds: list[Round]) -> dict[str, Any]:
    """Return the medians and ratios of the measurements."""
    # Imported late: a process inherits its parent's peak memory, which TensorFlow makes large.
    from dcgan_cli.core.networks.device import describe_devices

    peers = [name for name in rounds[0] if name.startswith("pytorch")]
    gflop = step_gflop()
    table = {}
    for name in rounds[0]:
        if name in PRODUCTS:
            continue
        products = PRODUCTS["bfloat16" in name]
        floors = [each[products]["seconds"] * gflop * 1e9 / (2 * SIZE**3) for each in rounds]
        seconds = median(rounds, name, "seconds")
        table[name] = {
            "step_ms": 1e3 * seconds,
            "images_per_second": BATCH_SIZE / seconds,
            "of_tutorial": ratios(rounds, name, [TUTORIAL], "seconds"),
            "of_best_pytorch": ratios(rounds, name, peers, "seconds") if peers else [],
            "of_floor": [
                each[name]["seconds"] / floor for each, floor in zip(rounds, floors, strict=True)
            ],
            "first_step_s": median(rounds, name, "first"),
            "peak_mib": median(rounds, name, "peak_mib"),
        }
    return {
        "machine": f"{describe_devices()}, Python {platform.python_version()}",
        "gflop_per_second": {
            name.split()[1]: 2 * SIZE**3 / median(rounds, name, "seconds") / 1e9
            for name in PRODUCTS
        },
        "gflop_per_step": gflop,
        "rounds": len(rounds),
        "contenders": table,
    }


def main() -> None:
    """Run all rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="timed steps per process")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    arguments = parser.parse_args()
    names = [*CONTENDERS, *PRODUCTS]
    if importlib.util.find_spec("torch"):
        names += PYTORCH
    else:
        print("PyTorch is skipped: not installed (pip install '.[bench]')", file=sys.stderr)

    contenders = {name: functools.partial(measure, name, arguments.steps) for name in names}
    figures = summary(interleave(contenders, arguments.rounds))
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in figures["gflop_per_second"].items())
    print(f"{figures['machine']}\nGFLOP/s of a matrix product: {rates}")
    print(f"GFLOP of a step with direct convolutions: {figures['gflop_per_step']:.1f}")
    print("medians; for ratios within a round also the minimum and maximum\n")
    columns = ["of tutorial", "of PyTorch's best", "of floor"]
    print(f"{'':46}{'step ms':>9}{'images/s':>10}" + "".join(f"{c:>20}" for c in columns), end="")
    print(f"{'first s':>9}{'peak MiB':>10}")
    for name, row in figures["contenders"].items():
        print(f"{name:46}{row['step_ms']:9.0f}{row['images_per_second']:10.0f}", end="")
        for column in ("of_tutorial", "of_best_pytorch", "of_floor"):
            print(f"{in_words(row[column]):>20}", end="")
        print(f"{row['first_step_s']:9.1f}{row['peak_mib']:10.0f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
