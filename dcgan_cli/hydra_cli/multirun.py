"""Run `hydra.main` where its own work is wanted: sweeps, `--cfg`, `--info`, `--hydra-help`."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dcgan_cli.core.comparison.describe import describe_sweep
from dcgan_cli.core.environment import core_count
from dcgan_cli.core.runs.sweeps import read_jobs
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
from dcgan_cli.settings.registry import GROUPS
from dcgan_cli.text import counted

if TYPE_CHECKING:
    from omegaconf import DictConfig

NO_CHDIR = "hydra.job.chdir=false"
"""Paths are relative to the current folder; a job writes to its own folder by full paths."""


def compose_sweep(line: CommandLine) -> tuple[CommandLine, "DictConfig"]:
    """Check the words of a sweep without their ranges, which are each job's own affair.

    Returns:
        The command line with each glob written out and each option of a swept choice as a sweep,
        and the settings that all jobs share.

    Raises:
        ConfigError: a word cannot be used.
    """
    folders = config_folders(line)
    mistakes.check_names(line.overrides, folders)
    line = CommandLine(mistakes.expand_globs(line.overrides, folders), line.options)
    fixed, choices = mistakes.split_sweep(line.overrides)
    # `KIND.options.NAME` exists only together with a choice, of which there may be several.
    groups = {kind: [c for c in choices if c.startswith(f"{kind}=")] for kind in GROUPS}
    own = [word for word in fixed if groups.get(_group_of_option(word))]
    shared = [word for word in fixed if word not in own]
    cfg = compose_with_hydra(CommandLine(shared, line.options))
    checked(cfg, line.options.config_name)
    mistakes.check_sweep(line.overrides, searches=search.is_search(cfg))
    for choice in choices:
        options = [word for word in own if choice in groups[_group_of_option(word)]]
        for together in groups.get(_group_of_option(choice)) or [""]:
            words = [*shared, *filter(None, [together]), choice, *options]
            compose_with_hydra(CommandLine(words, line.options))
    # Hydra composes what has one value without the swept choices, so let it count as swept.
    overrides = [_as_swept(word) if word in own else word for word in line.overrides]
    return CommandLine(overrides, line.options), cfg


def _as_swept(word: str) -> str:
    key, _, value = word.partition("=")
    return f"{key}=choice({value})"


def _group_of_option(word: str) -> str:
    """Return the group of an override that sets an option of a single choice; "" for others."""
    group, own, _ = word.partition("=")[0].lstrip("+").partition(".options.")
    return group if own else ""


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
