"""The jobs of a sweep, each a process of its own.

A job that runs out of memory, or that leaves TensorFlow in another state, thus touches no other.
"""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from dcgan_cli.command_line import CommandLine
from dcgan_cli.config import TrainConfig
from dcgan_cli.config_tree import flatten
from dcgan_cli.core.run_folder import RunFolder, shown_path
from dcgan_cli.core.run_lock import hold
from dcgan_cli.errors import ConfigError, DcganError, LockedError, StorageError
from dcgan_cli.overrides import override, shell_word

if TYPE_CHECKING:
    from omegaconf import DictConfig

STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Sweep:
    """Runs jobs and remembers which failed.

    Args:
        line: the command line.
        folder: where the jobs' folders are.
        check: turns a job's composed settings into checked ones.
    """

    def __init__(
        self, line: CommandLine, folder: Path, check: Callable[["DictConfig"], TrainConfig]
    ) -> None:
        self.search_flags = line.search_flags()
        self.folder = folder
        self.check = check
        self.jobs = 0
        self.failures: list[str] = []

    def run_job(self, cfg: "DictConfig") -> None:
        """Run the job that Hydra has just made a folder for.

        In a sweep that is run again in its folder, a job that is done is left as it is, and one
        that was interrupted goes on.

        Raises:
            DcganError: it failed. Hydra runs the other jobs before it lets that through.
        """
        from hydra.core.hydra_config import HydraConfig

        job = HydraConfig.get()
        run = RunFolder(Path(job.runtime.output_dir))
        words = list(job.overrides.task)
        name = f"job {job.job.num} ({' '.join(words)})"
        self.jobs += 1
        print(f"job {job.job.num}: {' '.join(words)}", file=sys.stderr, flush=True)
        try:
            if not run.exists():
                # What an experiment lets the sweep go over is chosen by now.
                words += [override("hydra.run.dir", str(run.path)), "++hydra.sweeper.params=null"]
            elif self._is_done(run, cfg):
                print(f"done already: {shown_path(run.path)}", file=sys.stderr, flush=True)
                return
            else:
                words = [override("resume", str(run.path))]
        except DcganError as error:
            self._fail(f"{name}: {error}")
        # -P keeps the current folder from being searched for modules.
        program = [sys.executable, "-P", "-m", "dcgan_cli", "train"]
        with (
            subprocess.Popen([*program, *words, *self.search_flags]) as process,
            _passing_on_signals(process) as asked,
        ):
            code = process.wait()
        if asked:  # Whatever the job made of it, no other begins.
            again = shell_word(override("hydra.sweep.dir", str(shown_path(self.folder))))
            print(f"dcgan: the same command with {again} goes on", file=sys.stderr, flush=True)
            raise SystemExit(128 + asked[0])
        if code:
            ended = f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"
            _note_failure(run, ended)
            self._fail(f"{name} {ended}")

    def _is_done(self, run: RunFolder, cfg: "DictConfig") -> bool:
        """Whether a job has finished before.

        Raises:
            ConfigError: what is in its folder has other settings.
            CheckpointError: it cannot be read.
        """
        own, asked = flatten(run.config()), flatten(self.check(cfg))
        if other := [name for name in own if own[name] != asked[name]]:
            raise ConfigError(
                f"{shown_path(run.path)} holds a run with {other[0]}={own[other[0]]}, not "
                f"{asked[other[0]]}; give the sweep another hydra.sweep.dir"
            )
        return bool(run.status()["state"] == "finished")

    def _fail(self, failure: str) -> NoReturn:
        self.failures.append(failure)
        raise DcganError(failure)

    def summary(self) -> str:
        """Name every job that failed, of those that ran in this process."""
        return f"{len(self.failures)} of {self.jobs} jobs failed: {'; '.join(self.failures)}"


def _note_failure(run: RunFolder, ended: str) -> None:
    """Write down how a job ended that could not do so itself, unless somebody else is at it."""
    with contextlib.suppress(LockedError, StorageError, OSError), hold(run):
        status = run.status()
        if status["state"] not in ("failed", "interrupted"):
            run.write_status(**status | {"state": "failed", "reason": ended})


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
