"""A training step of this program, of the tutorial's own code and of PyTorch, in turn.

    python -m benchmarks.compare [--rounds N] [--steps N] [--json FILE]

Every contender runs in a process of its own, one after another, round after round, so that what
else the machine does falls on all alike. All train the tutorial's networks on the same 256 real
images. What counts is the ratio within a round.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.contender import BATCH_SIZE, SIZE

ROOT = Path(__file__).parent.parent
TUTORIAL = "tutorial"
CONTENDERS = [
    TUTORIAL,
    "dcgan float32 transformed",
    "dcgan bfloat16 transformed",
    "dcgan float32 direct",
    "dcgan bfloat16 direct",
    "products float32",
    "products bfloat16",
]
PYTORCH = [
    "pytorch float32",
    "pytorch float32 channels_last",
    "pytorch bfloat16 channels_last",
    "pytorch float32 channels_last compiled",
    "pytorch bfloat16 channels_last compiled",
]


def step_gflop(batch_size: int = BATCH_SIZE) -> float:
    """Return the arithmetic of a step whose convolutions are computed in place, in GFLOP.

    Kernel places that fall on padding are not counted. The discriminator sees real and generated
    images once; one pass back through each network; a multiplication and an addition are two.
    """
    along_7, along_14, along_28 = 29, 32, 67  # Pairs of places that meet, along one axis.
    dense = 100 * 7 * 7 * 256
    convolutions = along_7**2 * 256 * 128 + along_14**2 * 128 * 64 + along_28**2 * 64
    generator = dense + convolutions + (dense + convolutions) + convolutions
    first, second, last = along_28**2 * 64, along_14**2 * 64 * 128, 7 * 7 * 128
    discriminator = 2 * 2 * (first + second + last) + 2 * (second + last) + first
    return 2 * batch_size * (generator + discriminator) / 1e9


def measure(name: str, steps: int) -> dict[str, float]:
    """Run one contender and return what it printed."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "benchmarks.contender", name, str(steps)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Turn the measurements into medians and ratios."""
    # Not before: a process begins with its parent's peak memory, which TensorFlow would make large.
    from dcgan_cli.core.device import describe_devices

    peers = [name for name in rounds[0] if name.startswith("pytorch")]
    rates = {
        name.split()[1]: 2 * SIZE**3 / statistics.median(r[name]["seconds"] for r in rounds) / 1e9
        for name in rounds[0]
        if name.startswith("products")
    }
    table = {}
    for name in rounds[0]:
        if name.startswith("products"):
            continue
        seconds = statistics.median(r[name]["seconds"] for r in rounds)
        precision = "bfloat16" if "bfloat16" in name else "float32"
        floor = step_gflop() / rates[precision]

        def ratio(others: list[str], name: str = name) -> float | None:
            if not others:
                return None
            return statistics.median(
                r[name]["seconds"] / min(r[other]["seconds"] for other in others) for r in rounds
            )

        table[name] = {
            "step_ms": 1e3 * seconds,
            "images_per_second": BATCH_SIZE / seconds,
            "of_tutorial": ratio([TUTORIAL]),
            "of_best_pytorch": ratio(peers),
            "of_floor": seconds / floor,
            "first_step_s": statistics.median(r[name]["first"] for r in rounds),
            "peak_mib": statistics.median(r[name]["peak_mib"] for r in rounds),
        }
    return {
        "machine": f"{describe_devices()}, Python {platform.python_version()}",
        "gflop_per_second": rates,
        "gflop_per_step": step_gflop(),
        "rounds": len(rounds),
        "contenders": table,
    }


def main() -> None:
    """Run all rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="steps timed in each process")
    parser.add_argument("--json", type=Path, help="where to write the figures too")
    arguments = parser.parse_args()
    names = list(CONTENDERS)
    if importlib.util.find_spec("torch"):
        names += PYTORCH
    else:
        print("PyTorch is not installed (pip install '.[bench]'): left out", file=sys.stderr)

    rounds = []
    for number in range(1, arguments.rounds + 1):
        rounds.append({})
        for name in names:
            rounds[-1][name] = measure(name, arguments.steps)
            print(f"round {number}: {name} {rounds[-1][name]['seconds'] * 1e3:.0f} ms", flush=True)
    figures = summary(rounds)
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in figures["gflop_per_second"].items())
    print(f"\n{figures['machine']}\nGFLOP/s of a product of matrices: {rates}")
    print(f"GFLOP of a step in place: {figures['gflop_per_step']:.1f}\n")
    columns = [
        "step ms",
        "images/s",
        "of tutorial",
        "of PyTorch",
        "of floor",
        "first s",
        "peak MiB",
    ]
    print(" " * 42 + "".join(f"{column:>12}" for column in columns))
    for name, row in figures["contenders"].items():
        cells = [
            "-" if value is None else f"{value:.2f}" if value < 20 else f"{value:.0f}"
            for value in row.values()
        ]
        print(f"{name:42}" + "".join(f"{cell:>12}" for cell in cells))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
