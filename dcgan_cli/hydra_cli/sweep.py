"""The jobs of a sweep, each a process of its own.

A job that runs out of memory, or that leaves TensorFlow in another state, thus touches no other.
"""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from dcgan_cli.core.environment import core_count
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.lock import hold
from dcgan_cli.core.runs.sweeps import Job, differing, job_folders, read_job
from dcgan_cli.errors import CheckpointError, ConfigError, LockedError, StorageError
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.plugins import OPTION, load_file, loaded_files
from dcgan_cli.settings.overrides import override, shell_word
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from omegaconf import DictConfig

STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
NOTES = "jobs.jsonl"
"""The jobs of a sweep that has been started, and their processes."""
STOPPED = ".stopped"
"""Is in the sweep folder from the signal that stops it until its jobs have ended."""
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


class Sweep:
    """Runs the jobs of a sweep.

    A launcher may run jobs in processes of its own, each with a copy of this. What becomes of a job
    is therefore written into its folder.

    Args:
        line: the command line.
        folder: where the jobs' folders are.
        check: turns a job's composed settings into checked ones.
        searches: whether the sweeper chooses the values as it goes.
        at_once: how many jobs run at the same time.
    """

    def __init__(
        self,
        line: CommandLine,
        folder: Path,
        check: Callable[["DictConfig"], TrainConfig],
        *,
        searches: bool = False,
        at_once: int = 1,
    ) -> None:
        self.search_flags = line.search_flags()
        self.plugins = loaded_files()
        self.folder = folder.absolute()
        self.check = check
        self.searches = searches
        self.threads = max(1, core_count() // at_once) if at_once > 1 else None

    def run_job(self, cfg: "DictConfig") -> float | None:
        """Run the job that Hydra has just made a folder for.

        In a sweep that is run again in its folder, a job that is done is left as it is, and one
        that was interrupted continues.

        Returns:
            Its best Frechet distance, for a sweeper that searches; None if it failed or has none.
        """
        from hydra.core.hydra_config import HydraConfig

        for file in self.plugins:  # A launcher's worker has not loaded them.
            load_file(file)
        if (self.folder / STOPPED).exists():  # By a signal, while other jobs run.
            return None
        hydra = HydraConfig.get()
        words = list(hydra.overrides.task)
        run = RunFolder(Path(hydra.runtime.output_dir))
        if self.searches:
            run = self._folder_of_trial(cfg)
        self._note({"job": str(run.path)})
        name = run.path.relative_to(self.folder).as_posix()
        say(f"job {name}: {' '.join(words)}")
        try:
            if not run.exists():
                # What an experiment lets the sweep go over is chosen by now.
                words += [override("hydra.run.dir", str(run.path)), "++hydra.sweeper.params=null"]
            elif self._is_done(run, cfg):
                say(f"done already: {shown_path(run.path)}")
                return read_job(run.path).score
            else:
                # Data that the sweep's own command names may be fetched.
                named = [word for word in words if word.startswith("data.path=")]
                words = [override("resume", str(run.path)), *named]
        except ConfigError as error:  # The folder is another sweep's.
            say(f"dcgan: {error}")
            raise SystemExit(error.exit_code) from None
        except CheckpointError as error:
            say(f"dcgan: {error}")
            return None
        code, stopped_by = self._run_process(words, name)
        if stopped_by and self.threads:
            return None  # The sweep's own process ends it once all jobs have saved.
        if stopped_by:  # Whatever the job made of it, no other begins.
            self.stop(stopped_by)
        if code:
            ended = f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"
            _note_failure(run, ended, words)
            return None
        return read_job(run.path).score

    def _run_process(self, words: list[str], name: str) -> tuple[int, int]:
        """Run `dcgan train WORDS` to its end.

        Returns:
            Its exit code, and the first signal that asked this process to stop, or 0.
        """
        # -P keeps the current folder from being searched for modules.
        program = [sys.executable, "-P", "-m", "dcgan_cli", "train", *words, *self.search_flags]
        program += [word for file in self.plugins for word in (OPTION, str(file))]
        if self.threads is None:
            with subprocess.Popen(program) as process, _passing_on_signals(process) as asked:
                code = process.wait()
            return code, asked[0] if asked else 0
        environment = dict.fromkeys(THREADS, str(self.threads)) | os.environ
        with (
            subprocess.Popen(program, stderr=subprocess.PIPE, env=environment) as process,
            _passing_on_signals(process) as asked,
        ):
            self._note({"process": process.pid})
            for line in process.stderr or ():
                say(f"[{name}] {line.decode(errors='replace').rstrip()}")
            code = process.wait()
        return code, asked[0] if asked else 0

    def _folder_of_trial(self, cfg: "DictConfig") -> RunFolder:
        """Return the folder of a search's job: that of a run with its settings, else a new one.

        Hydra counts jobs from 0 whenever the search is started.
        """
        with contextlib.suppress(ConfigError):  # Which the job itself will report.
            asked = flatten(self.check(cfg))
            for job in map(read_job, job_folders(self.folder)):
                if job.run.exists() and _other_setting(job.settings, asked) is None:
                    return job.run
        for number in itertools.count():
            path = self.folder / str(number)
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return RunFolder(path)
        raise AssertionError

    def jobs(self) -> list[Path]:
        """Return the folders of the jobs: of a search all, else those that were run this time."""
        if self.searches:
            return job_folders(self.folder)
        return list(dict.fromkeys(Path(line["job"]) for line in self._notes() if "job" in line))

    def stop(self, number: int) -> NoReturn:
        """End the sweep because of a signal, and say how to continue."""
        again = shell_word(override("hydra.sweep.dir", str(shown_path(self.folder))))
        say(f"dcgan: to continue, add {again} to the same command")
        raise SystemExit(128 + number)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep notes of the jobs and, where several run at once, let all save when a signal comes.

        Raises:
            SystemExit: a signal came; the jobs that ran have saved.
        """
        for name in (STOPPED, NOTES):
            (self.folder / name).unlink(missing_ok=True)
        asked: list[int] = []

        def note(number: int, frame: FrameType | None) -> None:
            asked.append(number)
            (self.folder / STOPPED).touch()
            if number == signal.SIGINT:  # Which a terminal sends to all processes.
                return
            for pid in [line["process"] for line in self._notes() if "process" in line]:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)

        numbers = [n for n in STOPPING if signal.getsignal(n) != signal.SIG_IGN]
        before = {n: signal.signal(n, note) for n in numbers if self.threads}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            (self.folder / STOPPED).unlink(missing_ok=True)
            if asked:
                self.stop(asked[0])

    def _note(self, facts: dict[str, Any]) -> None:
        """Add a line to the notes, in one piece: jobs may be in processes of their own."""
        with (self.folder / NOTES).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(facts) + "\n")

    def _notes(self) -> list[dict[str, Any]]:
        with contextlib.suppress(OSError):
            text = (self.folder / NOTES).read_text(encoding="utf-8")
            return [json.loads(line) for line in text.splitlines()]
        return []

    def _is_done(self, run: RunFolder, cfg: "DictConfig") -> bool:
        """Whether a job has finished before.

        Raises:
            ConfigError: what is in its folder has other settings.
            CheckpointError: it cannot be read.
        """
        own, asked = flatten(run.config()), flatten(self.check(cfg))
        if other := _other_setting(own, asked):
            raise ConfigError(
                f"{shown_path(run.path)} holds a run with {other}={own[other]}, not "
                f"{asked.get(other)}; give the sweep another hydra.sweep.dir"
            )
        status = run.status()
        epoch = status.get("epoch")
        return status["state"] == "finished" or (
            isinstance(epoch, int) and epoch >= asked["epochs"]
        )


def failures(jobs: list[Job], folder: Path) -> str:
    """Name every job that did not finish, with what sets it apart; empty if all did."""
    failed = [job for job in jobs if job.state != "finished"]
    if not failed:
        return ""
    names = differing(jobs)
    named = []
    for job in failed:
        apart = [f"{name}={job.settings[name]}" for name in names if name in job.settings]
        name = os.path.relpath(job.run.path, folder)
        named.append(f"job {name} ({' '.join(apart)}) {job.reason or job.state}")
    return f"{len(failed)} of {len(jobs)} jobs failed: {'; '.join(named)}"


def say(line: str) -> None:
    """Write a line to standard error in one piece, so that lines of other processes stay whole."""
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


def _other_setting(own: dict[str, Any], asked: dict[str, Any]) -> str | None:
    """Return the first setting that is another one in a run than asked for; None if none is.

    A conditional run has counted its classes, where 0 was asked for; and a job may have been
    trained longer since.
    """
    same = {"resume"}
    if not asked["data.classes"]:
        same.add("data.classes")
    if own["epochs"] > asked["epochs"]:
        same.add("epochs")
    return next((name for name in own if own[name] != asked.get(name) and name not in same), None)


def _note_failure(run: RunFolder, ended: str, words: list[str]) -> None:
    """Record how a job ended that could not do so itself, unless another process trains there."""
    with contextlib.suppress(LockedError, StorageError, OSError), hold(run):
        status = run.status()
        if status["state"] not in ("failed", "interrupted"):
            # A job that failed before it began has no run.json that holds its settings.
            own = {} if run.exists() else {"words": words}
            run.write_status(**status | own | {"state": "failed", "reason": ended})


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
