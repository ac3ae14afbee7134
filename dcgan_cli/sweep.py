"""The jobs of a sweep, each a process of its own.

A job that runs out of memory, or that leaves TensorFlow in another state, thus touches no other.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_cli.command_line import CommandLine
from dcgan_cli.core.run_folder import RunFolder
from dcgan_cli.errors import DcganError
from dcgan_cli.overrides import override

if TYPE_CHECKING:
    from omegaconf import DictConfig

STOPPED = {128 + 2, 128 + 15, 128 + 1}
"""Exit codes of a job that a signal asked to stop, after which no other begins."""


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
            _passing_on_signals(process),
        ):
            code = process.wait()
        if code in STOPPED:
            raise SystemExit(code)
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
def _passing_on_signals(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Leave Ctrl-C to the job, which gets it from the terminal too, and hand SIGTERM on to it."""
    try:
        interrupt = signal.signal(signal.SIGINT, lambda *_: None)
        terminate = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    except ValueError:  # Not the main thread: a launcher's worker, which gets no signals.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, terminate)
