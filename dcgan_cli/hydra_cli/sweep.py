"""Run each job of a sweep in its own process.

A job that runs out of memory or changes TensorFlow's state cannot affect the others.
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
from dcgan_cli.settings.tree import VIEW_SETTINGS, flatten
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from omegaconf import DictConfig

STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
NOTES = "jobs.jsonl"
"""File in the sweep folder: job folders and process ids of this start."""
STOPPED = ".stopped"
"""File in the sweep folder: exists from a stop signal until all jobs have ended."""
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


class Sweep:
    """Runs the jobs of a sweep.

    A launcher may copy this object into worker processes. Results of a job are therefore written to
    its folder.

    Args:
        line: the command line.
        folder: the sweep folder.
        check: returns the checked settings of a job's composed ones.
        searches: whether the sweeper chooses values from the scores of earlier jobs.
        at_once: number of jobs that run at the same time.
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
        """Run the job for which Hydra has just created a folder.

        When a sweep is run again in its folder, finished jobs are skipped and interrupted jobs are
        resumed.

        Returns:
            The job's best Fréchet distance, for a search; None if it failed or has no score.
        """
        from hydra.core.hydra_config import HydraConfig

        for file in self.plugins:  # A worker process has not loaded them yet.
            load_file(file)
        if (self.folder / STOPPED).exists():  # A signal arrived while other jobs ran.
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
                # An experiment may define a sweep; the values of this job are already in `words`.
                words += [override("hydra.run.dir", str(run.path)), "++hydra.sweeper.params=null"]
            elif self._is_done(run, cfg):
                say(f"already finished: {shown_path(run.path)}")
                return read_job(run.path).score
            else:
                # What the sweep's own command names may be fetched and read.
                names = ("data.path=", "evaluation.features=")
                named = [word for word in words if word.startswith(names)]
                words = [override("resume", str(run.path)), *named]
        except ConfigError as error:  # The folder belongs to another sweep.
            say(f"dcgan: {error}")
            raise SystemExit(error.exit_code) from None
        except CheckpointError as error:
            say(f"dcgan: {error}")
            return None
        code, stopped_by = self._run_process(words, name)
        if stopped_by and self.threads:
            return None  # `running` ends the sweep after all jobs have saved.
        if stopped_by:  # Start no other job, whatever this one did.
            self.stop(stopped_by)
        if code:
            ended = f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"
            _note_failure(run, ended, words)
            return None
        return read_job(run.path).score

    def _run_process(self, words: list[str], name: str) -> tuple[int, int]:
        """Run `dcgan train WORDS` in a new process and wait for it.

        Returns:
            The exit code, and the number of the first stop signal to this process; 0 if none.
        """
        # -P: do not import modules from the current folder.
        program = [sys.executable, "-P", "-m", "dcgan_cli", *self.job_words(words)]
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

    def job_words(self, words: list[str]) -> list[str]:
        """Return the words of the command that trains one job."""
        plugins = [word for file in self.plugins for word in (OPTION, str(file))]
        return ["train", *words, *self.search_flags, *plugins]

    def _folder_of_trial(self, cfg: "DictConfig") -> RunFolder:
        """Return the folder of the run with these settings; create one if there is none.

        Hydra numbers jobs from 0 at every start of a search.
        """
        with contextlib.suppress(ConfigError):  # The job reports the error itself.
            asked = flatten(self.check(cfg))
            for job in map(read_job, job_folders(self.folder)):
                if job.has_all_settings and _other_setting(job.settings, asked) is None:
                    return job.run
        for number in itertools.count():
            path = self.folder / str(number)
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return RunFolder(path)
        raise AssertionError

    def jobs(self) -> list[Path]:
        """Return the job folders: all of a search, otherwise those of this start."""
        if self.searches:
            return job_folders(self.folder)
        return list(dict.fromkeys(Path(line["job"]) for line in self._notes() if "job" in line))

    def stop(self, number: int) -> NoReturn:
        """Print how to resume the sweep and exit with 128 plus the signal's number."""
        again = shell_word(override("hydra.sweep.dir", str(shown_path(self.folder))))
        say(f"dcgan: to resume, add {again} to the same command")
        raise SystemExit(128 + number)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record the jobs; pass stop signals to jobs that run at the same time.

        Raises:
            SystemExit: a signal stopped the sweep; the running jobs have saved.
        """
        for name in (STOPPED, NOTES):
            (self.folder / name).unlink(missing_ok=True)
        asked: list[int] = []

        def note(number: int, frame: FrameType | None) -> None:
            asked.append(number)
            (self.folder / STOPPED).touch()
            if number == signal.SIGINT:  # The terminal sends it to all processes.
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
        """Append a line to the notes in one write, because several processes may append."""
        with (self.folder / NOTES).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(facts) + "\n")

    def _notes(self) -> list[dict[str, Any]]:
        with contextlib.suppress(OSError):
            text = (self.folder / NOTES).read_text(encoding="utf-8")
            return [json.loads(line) for line in text.splitlines()]
        return []

    def _is_done(self, run: RunFolder, cfg: "DictConfig") -> bool:
        """Return whether a job has already finished.

        Raises:
            ConfigError: the run in its folder has other settings.
            CheckpointError: the run cannot be read.
        """
        own, asked = flatten(run.config()), flatten(self.check(cfg))
        if other := _other_setting(own, asked):
            raise ConfigError(
                f"{shown_path(run.path)} holds a run with {other}={own[other]}, not "
                f"{asked.get(other)}; choose another hydra.sweep.dir"
            )
        status = run.status()
        epoch = status.get("epoch")
        return status["state"] == "finished" or (
            isinstance(epoch, int) and epoch >= (asked["epochs"] or own["epochs"])
        )


def failures(jobs: list[Job], folder: Path) -> str:
    """Return a message on all unfinished jobs with their swept values; "" if all finished."""
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
    """Write a line to standard error in one write, so that processes do not mix lines."""
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


def _other_setting(own: dict[str, Any], asked: dict[str, Any]) -> str | None:
    """Return the first setting whose value in a run differs from the requested one; None if none.

    A value that was to be chosen (0 or null) may differ from what was chosen, and the run may have
    more epochs, because a finished job may have been trained longer.
    """
    same = set(VIEW_SETTINGS)
    same |= {n for n in ("data.classes", "epochs", "passes_per_epoch") if asked[n] == 0}
    same |= {n for n in ("loss.diffaugment",) if asked[n] is None}
    if own["epochs"] > asked["epochs"]:
        same.add("epochs")
    return next((name for name in own if own[name] != asked.get(name) and name not in same), None)


def _note_failure(run: RunFolder, ended: str, words: list[str]) -> None:
    """Record that a job failed if it did not do so itself and no process holds its folder."""
    with contextlib.suppress(LockedError, StorageError, OSError), hold(run):
        status = run.status()
        if status["state"] not in ("failed", "interrupted"):
            # Without run.json, the words are the only record of the settings.
            own = {} if run.exists() else {"words": words}
            run.write_status(**status | own | {"state": "failed", "reason": ended})


@contextmanager
def _passing_on_signals(process: "subprocess.Popen[bytes]") -> Iterator[list[int]]:
    """Pass stop signals on to the job, and yield the list of received signals.

    SIGINT is not passed on: the terminal sends Ctrl-C to the job as well, and a second one would
    make it stop without saving.
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
    except ValueError:  # Only the main thread receives signals; this is a worker.
        yield asked
        return
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
