"""Compare epoch time and peak memory of dcgan and the tutorial's own code.

    python -m benchmarks.epoch_time [--images N] [--rounds N]

An epoch includes grid, metrics, score and checkpoint. The first epoch, which includes compilation,
is excluded. Memory is that of the whole run. Compare the ratios within a round, not the times.
"""

import argparse
import functools
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import Figures, in_words, interleave, median, ratios, run
from dcgan_cli.core.runs.folder import RunFolder

EPOCHS = 2
TUTORIAL = "tutorial"


def time_tutorial(images: int) -> Figures:
    """Return the tutorial's last epoch time and peak memory."""
    ended = run([sys.executable, "-m", "benchmarks.tutorial", str(images), str(EPOCHS)])
    return {"seconds": float(ended.output.split()[-1]), "peak_mib": ended.peak_mib}


def time_dcgan(images: int, precision: str) -> Figures:
    """Return the last epoch time and peak memory of `dcgan train`."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"data.limit={images}", f"epochs={EPOCHS}", f"precision={precision}"]
        command = [sys.executable, "-m", "dcgan_cli", "train", *words, "hydra.run.dir=run"]
        ended = run(command, cwd=Path(folder))
        seconds = RunFolder(Path(folder) / "run").metrics()[-1]["seconds"]
        return {"seconds": seconds, "peak_mib": ended.peak_mib}


def main() -> None:
    """Run all rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60000, help="images per epoch")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()

    contenders = {
        TUTORIAL: functools.partial(time_tutorial, arguments.images),
        "dcgan float32": functools.partial(time_dcgan, arguments.images, "float32"),
        "dcgan auto": functools.partial(time_dcgan, arguments.images, "auto"),
    }
    rounds = interleave(contenders, arguments.rounds)
    print(f"{'':16}{'epoch s':>10}{'of tutorial':>20}{'peak MiB':>10}{'of tutorial':>20}")
    for name in contenders:
        print(f"{name:16}", end="")
        for key, form in (("seconds", "10.2f"), ("peak_mib", "10.0f")):
            shares = in_words(ratios(rounds, name, [TUTORIAL], key))
            print(f"{median(rounds, name, key):{form}}{shares:>20}", end="")
        print()


if __name__ == "__main__":
    main()
