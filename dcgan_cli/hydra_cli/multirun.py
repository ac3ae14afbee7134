"""Run `hydra.main` where its own work is wanted: sweeps, `--cfg`, `--info`, `--hydra-help`."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dcgan_cli.core.environment import core_count
from dcgan_cli.core.runs.sweeps import describe_sweep, read_jobs
from dcgan_cli.errors import ConfigError, DcganError
from dcgan_cli.hydra_cli import mistakes, search
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import (
    VERSION_BASE,
    checked,
    compose_with_hydra,
    conf_dir,
    config_folders,
    make_folder,
    own_hydra,
)
from dcgan_cli.hydra_cli.sweep import Sweep, failures
from dcgan_cli.hydra_cli.sweep_table import print_sweep
from dcgan_cli.settings.overrides import override
from dcgan_cli.text import counted

if TYPE_CHECKING:
    from omegaconf import DictConfig

NO_CHDIR = "hydra.job.chdir=false"
"""Paths are relative to the current folder; a job writes to its own folder by full paths."""


def compose_sweep(line: CommandLine) -> tuple[CommandLine, "DictConfig"]:
    """Check the words of a sweep without their ranges, which are each job's own affair.

    Returns:
        The command line with each glob written out, and the settings that all jobs share.

    Raises:
        ConfigError: a word cannot be used.
    """
    folders = config_folders(line)
    mistakes.check_names(line.overrides, folders)
    line = CommandLine(mistakes.expand_globs(line.overrides, folders), line.options)
    fixed, choices = mistakes.split_sweep(line.overrides)
    cfg = compose_with_hydra(CommandLine(fixed, line.options))
    checked(cfg, line.options.config_name)
    mistakes.check_sweep(line.overrides, searches=search.is_search(cfg))
    for choice in choices:
        compose_with_hydra(CommandLine([*fixed, choice], line.options))
    return line, cfg


def run_sweep(line: CommandLine) -> None:
    """Run the jobs of a sweep or of a search, then print their table.

    Raises:
        ConfigError: a word cannot be used; no job was started.
        DcganError: jobs failed, or none of a search has a score.
    """
    line, cfg = compose_sweep(line)
    searches = search.is_search(cfg)
    folder = make_folder(cfg, "sweep")
    # What Hydra would write into the folder of each job is left to the job, which holds its lock.
    own = ["hydra.output_subdir=null", "hydra/job_logging=none", NO_CHDIR]
    own.append(override("hydra.sweep.dir", str(folder.absolute())))
    at_once = _jobs_at_once(cfg)
    if searches:
        own += search.search_overrides(cfg, folder, at_once)
    sweep = Sweep(line, folder, checked, searches=searches, at_once=at_once)
    if sweep.threads:
        print(f"{at_once} jobs at once, {counted(sweep.threads, 'thread')} each", file=sys.stderr)
    no_score = False
    with sweep.running():
        try:
            run_hydra(line.adding(*own), sweep.run_job)
        except ValueError:  # Of a search without any score, in which all jobs failed.
            no_score = searches
            if not searches:
                raise
    jobs = read_jobs(sweep.jobs())
    print_sweep(describe_sweep(folder, jobs))
    if failed := failures(jobs, folder):
        raise DcganError(failed)
    if no_score:
        raise DcganError("the search found no score to go by; dcgan inspect shows its jobs")


def _jobs_at_once(cfg: "DictConfig") -> int:
    """Return how many jobs the launcher runs at the same time, as joblib counts them."""
    number = int(cfg.hydra.launcher.get("n_jobs", 1))
    if not number:
        raise ConfigError("hydra.launcher.n_jobs must be at least 1, or -1 for one a core")
    return max(1, number if number > 0 else core_count() + 1 + number)


def run_hydra(line: CommandLine, task: Callable[["DictConfig"], Any]) -> None:
    """Run `hydra.main` with these words; what the task raises is raised here."""
    import hydra

    with own_hydra(), _as_hydra_expects(line.words()):
        hydra.main(
            version_base=VERSION_BASE,
            config_path=str(conf_dir()),
            config_name=line.options.config_name,
        )(task)()


@contextmanager
def _as_hydra_expects(words: list[str]) -> Iterator[None]:
    """Set the command line, and have Hydra raise what it would print; then put all back."""
    argv, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["dcgan train", *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error
