"""The jobs of a sweep, each a process of its own.

A job that runs out of memory, or that leaves TensorFlow in another state, thus touches no other.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from dcgan_cli.command_line import CommandLine
from dcgan_cli.core.run_folder import RunFolder
from dcgan_cli.errors import DcganError
from dcgan_cli.overrides import override

if TYPE_CHECKING:
    from omegaconf import DictConfig

STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Sweep:
    """Runs jobs and remembers which failed."""

    def __init__(self, line: CommandLine) -> None:
        self.search_flags = line.search_flags()
        self.jobs = 0
        self.failures: list[str] = []

    def run_job(self, cfg: "DictConfig") -> None:
        """Run the job that Hydra has just made a folder for.

        Raises:
            DcganError: it failed. Hydra runs the other jobs before it lets that through.
        """
        from hydra.core.hydra_config import HydraConfig

        job = HydraConfig.get()
        words = list(job.overrides.task)
        folder = override("hydra.run.dir", job.runtime.output_dir)
        self.jobs += 1
        print(f"job {job.job.num}: {' '.join(words)}", file=sys.stderr, flush=True)
        # -P keeps the current folder from being searched for modules.
        program = [sys.executable, "-P", "-m", "dcgan_cli", "train"]
        with (
            subprocess.Popen([*program, *words, folder, *self.search_flags]) as process,
            _passing_on_signals(process) as asked,
        ):
            code = process.wait()
        if asked:  # Whatever the job made of it, no other begins.
            raise SystemExit(128 + asked[0])
        if code:
            failure = f"job {job.job.num} ({' '.join(words)}) ended with exit code {code}"
            self.failures.append(failure)
            run = RunFolder(Path(job.runtime.output_dir))
            if not run.exists():  # Else the job has said itself how it ended.
                run.write_status("failed", reason=f"ended with exit code {code} before it began")
            raise DcganError(failure)

    def summary(self) -> str:
        """Name every job that failed, of those that ran in this process."""
        return f"{len(self.failures)} of {self.jobs} jobs failed: {'; '.join(self.failures)}"


@contextmanager
def _passing_on_signals(process: "subprocess.Popen[bytes]") -> Iterator[list[int]]:
    """Hand signals that ask to stop on to the job, and yield the list in which they are noted.

    A Ctrl-C reaches the job from the terminal too, and twice means at once; so it is left to it.
    """
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if number != signal.SIGINT:
            process.send_signal(number)

    try:
        before = {
            number: signal.signal(number, note)
            for number in STOPPING
            if signal.getsignal(number) != signal.SIG_IGN
        }
    except ValueError:  # Not the main thread: a launcher's worker, which gets no signals.
        yield asked
        return
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
