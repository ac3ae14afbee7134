"""Time everything except the steps: start-up, data loading, end of an epoch, sampling.

    python -m benchmarks.around [--rounds N]

Commands run as processes in an empty folder. The rest is timed within one process per round.
"""

import argparse
import functools
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rounds import Figures, interleave, median, run

DCGAN = [sys.executable, "-m", "dcgan_cli"]
COMMANDS = {
    "import tensorflow": [sys.executable, "-c", "import tensorflow"],
    "dcgan --help": [*DCGAN, "--help"],
    "dcgan inspect": [*DCGAN, "inspect", "bundled"],
    "dcgan animate": [*DCGAN, "animate", "--run", "bundled"],
    "dcgan sample --n 16": [*DCGAN, "sample", "--n", "16"],
    "dcgan sample --n 10000 --out x.npz": [*DCGAN, "sample", "--n", "10000", "--out", "x.npz"],
    "dcgan evaluate": [*DCGAN, "evaluate"],
}
STEPS = 10
"""Number of steps in an epoch of the timed training."""


def time_command(command: list[str]) -> Figures:
    """Return the wall time of a command."""
    with tempfile.TemporaryDirectory() as folder:
        return {"seconds": run(command, cwd=Path(folder)).seconds}


def time_inside() -> Figures:
    """Return the measurements of a process started with `--inside`."""
    ended = run([sys.executable, "-m", "benchmarks.around", "--inside"])
    return dict(json.loads(ended.output))


def inside() -> Figures:
    """Return the times of everything that is not a command."""
    from dcgan_cli.core import load_tensorflow

    load_tensorflow()
    from dcgan_cli.core.data.load import load_training_images
    from dcgan_cli.core.runs import checkpoints
    from dcgan_cli.core.runs.find import BUNDLED
    from dcgan_cli.core.runs.folder import RunFolder
    from dcgan_cli.core.runs.progress import Progress
    from dcgan_cli.core.sampling.sampler import load_generator
    from dcgan_cli.core.training.loop import train
    from dcgan_cli.settings.schema import DataConfig, TrainConfig

    figures: Figures = {}
    start = time.perf_counter()
    batch_size = TrainConfig().batch_size
    data = load_training_images(DataConfig(limit=STEPS * batch_size))
    figures["reading MNIST"] = time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        run_folder = RunFolder(Path(folder))
        reporter = TimingReporter()
        config = TrainConfig(epochs=3, data=DataConfig(limit=STEPS * batch_size))
        start = time.perf_counter()
        train(config, run_folder, data, reporter)
        figures["from the data to the first step"] = reporter.steps[0] - start
        # The last epoch, since the first ones include compilation.
        last_step, last_epoch = reporter.steps[-1], reporter.epochs[-1]
        figures["end of an epoch"] = last_epoch - last_step
        figures["step"] = (last_step - reporter.steps[-STEPS]) / (STEPS - 1)

        newest, _ = checkpoints.newest_intact(run_folder.checkpoints)
        assert newest is not None
        parts = {
            name.removesuffix(".npz"): newest.load(name.removesuffix(".npz"))
            for name in newest.files
        }
        with tempfile.TemporaryDirectory() as other:
            start = time.perf_counter()
            checkpoints.save(Path(other), parts, Progress(step=1, epoch=1))
            figures["a checkpoint"] = time.perf_counter() - start

    sampler = load_generator(BUNDLED).sampler
    sampler.sample(range(1))
    for count in (1, 16, 10_000):
        start = time.perf_counter()
        sampler.sample(range(count))
        figures[f"sampling {count:,}"] = time.perf_counter() - start
    return figures


class TimingReporter:
    """A `Reporter` that records the times of steps and epochs."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.epochs: list[float] = []

    def start(self, start: object) -> None:
        """Say nothing."""

    def history(self, rows: object) -> None:
        """Say nothing."""

    def step(self, report: object) -> None:
        """Record the time of a step."""
        self.steps.append(time.perf_counter())

    def epoch(self, row: dict[str, object]) -> None:
        """Record the time of an epoch."""
        self.epochs.append(time.perf_counter())

    def note(self, text: str) -> None:
        """Say nothing."""

    def finding(self, finding: object) -> None:
        """Say nothing."""


def main() -> None:
    """Run all rounds and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(inside()))
        return
    contenders = {name: functools.partial(time_command, words) for name, words in COMMANDS.items()}
    rounds = interleave({**contenders, "inside": time_inside}, arguments.rounds)
    print("medians, in seconds\n")
    for name in COMMANDS:
        print(f"{name:40}{median(rounds, name, 'seconds'):10.3f}")
    for name in rounds[0]["inside"]:
        print(f"{name:40}{median(rounds, 'inside', name):10.3f}")


if __name__ == "__main__":
    main()
