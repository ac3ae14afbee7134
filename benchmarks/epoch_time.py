"""This program's epoch against the tutorial's own code, in turn on this machine.

    python benchmarks/epoch_time.py [--images N] [--rounds N]

Every contender runs in a process of its own, one after another, round after round, so that what
else the machine does falls on all alike. What counts is the ratio. An epoch is timed as a user
meets it, grid, metrics and checkpoint included; the first one, which compiles, is left out.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from dcgan_cli.core.run_folder import RunFolder

EPOCHS = 2
TUTORIAL = "tutorial"


def time_tutorial(images: int) -> float:
    """Return the seconds of the tutorial's last epoch."""
    script = Path(__file__).parent / "tutorial.py"
    command = [sys.executable, script, str(images), str(EPOCHS)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.split()[-1])


def time_dcgan(images: int, precision: str) -> float:
    """Return the seconds of the last epoch of `dcgan train`."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"data.limit={images}", f"epochs={EPOCHS}", f"precision={precision}"]
        command = [sys.executable, "-m", "dcgan_cli", "train", *words, "hydra.run.dir=run"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        return RunFolder(Path(folder) / "run").metrics()[-1]["seconds"]


def main() -> None:
    """Run all rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20 * 256 + 96, help="images in an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    contenders = {
        TUTORIAL: time_tutorial,
        "dcgan float32": lambda images: time_dcgan(images, "float32"),
        "dcgan auto": lambda images: time_dcgan(images, "auto"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(1, arguments.rounds + 1):
        for name, run in contenders.items():
            seconds[name].append(run(arguments.images))
            print(f"round {number}: {name} {seconds[name][-1]:.2f} s", file=sys.stderr)

    fastest = min(seconds[TUTORIAL])
    print(f"{'':16}{'median s':>10}{'ratio':>8}{'fastest s':>12}{'ratio':>8}   ratio in each round")
    for name, times in seconds.items():
        ratios = [mine / theirs for mine, theirs in zip(times, seconds[TUTORIAL], strict=True)]
        middle, best = statistics.median(times), min(times)
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(
            f"{name:16}{middle:10.2f}{statistics.median(ratios):8.2f}"
            f"{best:12.2f}{best / fastest:8.2f}   {each}"
        )


if __name__ == "__main__":
    main()
