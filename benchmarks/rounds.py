"""Run contenders in interleaved rounds, so that other load on the machine affects all alike."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

Figures = dict[str, float]
Round = dict[str, Figures]


@dataclass(frozen=True)
class ProcessResult:
    """Output, time and memory of a finished process."""

    output: str
    seconds: float
    """Wall time, including start-up."""
    peak_mib: float
    """Peak resident memory. It starts at that of the parent process, so do not import TensorFlow
    there."""


def run(command: Sequence[str | Path], cwd: Path = ROOT) -> ProcessResult:
    """Run a command and wait until it exits.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, cwd=cwd, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            print(errors.read(), file=sys.stderr)
            raise subprocess.CalledProcessError(process.returncode, command)
        return ProcessResult(output.read(), seconds, usage.ru_maxrss / 1024)


def interleave(contenders: Mapping[str, Callable[[], Figures]], rounds: int) -> list[Round]:
    """Measure all contenders in each round; each round starts with another contender."""
    names, measured = list(contenders), []
    for number in range(rounds):
        first = number % len(names)
        figures = {}
        for name in names[first:] + names[:first]:
            figures[name] = contenders[name]()
            values = ", ".join(f"{key} {value:.4g}" for key, value in figures[name].items())
            print(f"round {number + 1}: {name}: {values}", file=sys.stderr, flush=True)
        measured.append({name: figures[name] for name in names})
    return measured


def median(rounds: list[Round], name: str, key: str) -> float:
    """Return the median of one measurement."""
    return statistics.median(each[name][key] for each in rounds)


def ratios(rounds: list[Round], name: str, others: list[str], key: str) -> list[float]:
    """Return a contender's value relative to the minimum of the others, for each round."""
    return [each[name][key] / min(each[other][key] for other in others) for each in rounds]


def in_words(values: list[float]) -> str:
    """Return the median of ratios as text, with minimum and maximum if there are several."""
    if not values:
        return "-"
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f}-{max(values):.2f})"
