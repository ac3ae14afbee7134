"""From `dcgan train`'s words to one checked TrainConfig, by way of Hydra.

The words are composed and checked first, so that a mistake leaves nothing behind. Then
`hydra.main` runs under a command line of its own making, which keeps everything Hydra has: run
folders, logging, sweeps with any launcher, `--cfg`, `--info`, `--config-dir`.
"""

import importlib.resources
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_cli.core.environment import core_count
from dcgan_cli.core.runs.find import BUNDLED, new_folder, open_run
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.lock import hold
from dcgan_cli.core.runs.sweeps import describe_sweep, read_jobs
from dcgan_cli.errors import CheckpointError, ConfigError, DcganError, StorageError, SweepError
from dcgan_cli.hydra_cli import mistakes, search
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.resume import names_data, resumed_config
from dcgan_cli.hydra_cli.sweep import Sweep, failures
from dcgan_cli.hydra_cli.sweep_table import name_one, print_sweep
from dcgan_cli.settings.overrides import override, quoted, shell_word
from dcgan_cli.settings.registry import BUILT_IN, foreign_entries
from dcgan_cli.settings.schema import NAMED_FEATURES, TrainConfig
from dcgan_cli.text import counted

if TYPE_CHECKING:
    from omegaconf import DictConfig

Train = Callable[[RunFolder], None]
Prepare = Callable[[TrainConfig, bool], Train]
"""Takes checked settings and whether their data may be fetched, which they may if they were typed;
returns the function that trains in the folder it is given. Creates nothing."""
VERSION_BASE = "1.3"
SCHEMA = "base_train.yaml"
NO_CHDIR = "hydra.job.chdir=false"
"""Paths are relative to where the user stands, and all that is written goes to the run folder."""


def conf_dir() -> Path:
    """Return the shipped configs: inside an installed package, beside a checkout's."""
    package = Path(str(importlib.resources.files("dcgan_cli")))
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def _check_conf() -> None:
    """Raise ConfigError if the shipped configs are not where they were installed."""
    if not (conf_dir() / "train.yaml").is_file():
        raise ConfigError(
            f"this installation lacks {conf_dir() / 'train.yaml'}; reinstall dcgan-cli"
        )


def run(words: list[str], prepare: Prepare) -> None:
    """Do what `dcgan train WORDS` asks for.

    Args:
        words: overrides and Hydra's flags, in any order.
        prepare: is called before anything is created.

    Raises:
        ConfigError: the words cannot be used, or the shipped configs are gone; nothing was created.
        StorageError: there is no current folder.
        DcganError: whatever `prepare` and training raise, or jobs of a sweep failed.
    """
    _check_conf()
    line = CommandLine.parse(words)
    try:
        Path.cwd()
    except FileNotFoundError:
        raise StorageError("the current folder has been deleted; change to another") from None
    if line.options.multirun:
        with own_hydra():
            _run_sweep(line)
    elif line.shows_something:
        if compose(line).resume is not None:
            raise ConfigError("a resumed run has its own settings; dcgan inspect shows them")
        _run_hydra(line, lambda cfg: None)
    else:
        _run_once(line, prepare, _train)


def run_here(words: list[str], prepare: Prepare) -> RunFolder:
    """Train once in this process, which goes on to other work: Hydra writes its record only.

    Args:
        words: overrides, and the flags that choose configs.
        prepare: see `run`.

    Returns:
        The folder of the run.

    Raises:
        ConfigError: the words cannot be used, or ask for a sweep or for a listing.
        DcganError: see `run`.
    """
    line = CommandLine.parse(words)
    if line.options.multirun:
        raise ConfigError(
            "a sweep (-m) starts a process for each job; run it on the command line: "
            f"{' '.join(['dcgan train', *map(shell_word, words)])}"
        )
    if line.shows_something:
        raise ConfigError("--cfg, --info and --hydra-help print; use them on the command line")
    return _run_once(line, prepare, _record_and_train)


def compose(line: CommandLine) -> TrainConfig:
    """Compose and check the settings, as `hydra.main` will do with the same words.

    Raises:
        ConfigError: a word cannot be used.
    """
    with own_hydra():
        return checked(_compose(line), line.options.config_name)


def checked(cfg: "DictConfig", name: str = "train") -> TrainConfig:
    """Turn composed settings into a TrainConfig, which checks their ranges.

    Args:
        cfg: what Hydra composed, with or without its own part.
        name: the primary config, for the message.

    Raises:
        ConfigError: a setting is out of range.
    """
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    settings = cfg.copy()
    with open_dict(settings):
        settings.pop("hydra", None)
    try:
        config = OmegaConf.to_object(settings)
    except OmegaConfBaseException as error:
        raise ConfigError(mistakes.one_line(error)) from error
    if not isinstance(config, TrainConfig):
        raise ConfigError(
            f"{name}.yaml must have `defaults: [train, _self_]`, or begin that list with base_train"
        )
    if config.resume is None:  # Else it is the run's own settings that must go together.
        config.check_together()
    # A run may be resumed from another folder. What tfds takes is a name.
    if config.data.path is not None and config.data.name != "tfds":
        config.data.path = os.path.abspath(os.path.expanduser(config.data.path))
    scores = config.evaluation
    if scores.features not in NAMED_FEATURES:
        scores.features = os.path.abspath(os.path.expanduser(scores.features))
    return config


def _run_once(
    line: CommandLine,
    prepare: Prepare,
    train_in: Callable[[CommandLine, RunFolder, Train], None],
) -> RunFolder:
    mistakes.check_single(line.overrides)
    with own_hydra():
        cfg = _compose(line)
        config = checked(cfg, line.options.config_name)
    if cfg.hydra.sweeper.get("params"):
        raise ConfigError("these settings are a sweep's; add -m for a run of each")
    if config.resume is None:
        train = prepare(config, True)
        run = RunFolder(_make_folder(cfg, "run"))
        with hold(run):
            run.check_new()
            run.check_own()
            try:
                train_in(line, run, train)
            except KeyboardInterrupt:
                run.remove_unless_begun()
                raise
        return run
    if any(mistakes.parse(word).key_or_group == "hydra.run.dir" for word in line.overrides):
        raise ConfigError("a resumed run stays in its folder; leave hydra.run.dir out")
    try:
        run = open_run(config.resume)
    except SweepError as error:
        raise name_one(error, "dcgan train resume=") from None
    if run.path.resolve() == BUNDLED.path:
        raise CheckpointError(
            "the bundled generator cannot go on: it holds no discriminator; start a new run"
        )
    _check_name(run.path)
    if not os.access(run.path, os.W_OK):
        raise StorageError(f"{run.path} may not be written to; allow it or copy the run first")
    with hold(run):
        resumed = resumed_config(line.overrides, config, run)
        train = prepare(resumed, names_data(line.overrides, resumed))
        # The run's own record stays as it was: .hydra tells how it began.
        train_in(line.adding("hydra.output_subdir=null"), run, train)
    return run


def _train(line: CommandLine, run: RunFolder, train: Train) -> None:
    """Train in a run folder whose lock is held, with Hydra's log in it."""
    folder = run.path.absolute()
    failure: BaseException | None = None

    def task(cfg: "DictConfig") -> None:
        nonlocal failure
        try:
            train(RunFolder(folder))
        except BaseException as error:  # Hydra would print it in its own way.
            failure = error

    _run_hydra(line.adding(override("hydra.run.dir", str(folder)), NO_CHDIR), task)
    if failure:
        raise failure


def _record_and_train(line: CommandLine, run: RunFolder, train: Train) -> None:
    """Have Hydra write its record of the command, without touching logging, then train."""
    folder = override("hydra.run.dir", str(run.path.absolute()))
    no_logging = ["hydra.job_logging.root=null", "hydra.hydra_logging.root=null"]
    _run_hydra(line.adding(folder, NO_CHDIR, *no_logging, "hydra.verbose=false"), lambda cfg: None)
    train(RunFolder(run.path.absolute()))


def compose_sweep(line: CommandLine) -> tuple[CommandLine, "DictConfig"]:
    """Check the words of a sweep without their ranges, which are each job's own affair.

    Returns:
        The command line with each glob written out, and the settings that all jobs share.

    Raises:
        ConfigError: a word cannot be used.
    """
    folders = _config_folders(line)
    mistakes.check_names(line.overrides, folders)
    line = CommandLine(mistakes.expand_globs(line.overrides, folders), line.options)
    fixed, choices = mistakes.split_sweep(line.overrides)
    cfg = _compose(CommandLine(fixed, line.options))
    checked(cfg, line.options.config_name)
    mistakes.check_sweep(line.overrides, searches=search.is_search(cfg))
    for choice in choices:
        _compose(CommandLine([*fixed, choice], line.options))
    return line, cfg


def _run_sweep(line: CommandLine) -> None:
    line, cfg = compose_sweep(line)
    searches = search.is_search(cfg)
    folder = _make_folder(cfg, "sweep")
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
            _run_hydra(line.adding(*own), sweep.run_job)
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


def _make_folder(cfg: "DictConfig", mode: str) -> Path:
    """Make the folder that `hydra.run.dir` or `hydra.sweep.dir` names.

    A name that tells the time is taken to mean a folder of one's own: should another process have
    taken it at the same instant, a number is added. Any other name is taken as it is.

    Raises:
        ConfigError: the name cannot be used.
        OSError: the folder cannot be made.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    stated = OmegaConf.to_container(cfg.hydra[mode], resolve=False)
    try:
        with own_hydra():  # It knows what ${now:...} is.
            path = Path(cfg.hydra[mode].dir).expanduser()
    except OmegaConfBaseException as error:
        raise ConfigError(f"hydra.{mode}.dir: {mistakes.one_line(error)}") from None
    except RuntimeError as error:  # It begins with a ~ that means nobody.
        raise ConfigError(f"hydra.{mode}.dir={cfg.hydra[mode].dir}: {error}") from None
    _check_name(path)
    if isinstance(stated, dict) and "${now:" in str(stated["dir"]):
        return new_folder(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _check_name(folder: Path) -> None:
    """Raise ConfigError for a folder whose name Hydra would take for an interpolation."""
    if "${" in str(folder.absolute()):
        raise ConfigError(f"{folder} has ${{ in its full name; rename or choose another folder")


def _compose(line: CommandLine) -> "DictConfig":
    """Compose the settings, Hydra's included; names and types are checked, ranges are not.

    Raises:
        ConfigError: a word cannot be used.
    """
    import hydra

    directory, search = _search_path(line)

    def compose_words(words: list[str]) -> "DictConfig":
        with (
            own_hydra(),
            hydra.initialize_config_dir(str(directory), version_base=VERSION_BASE),
        ):
            return hydra.compose(
                line.options.config_name, [*words, *search], return_hydra_config=True
            )

    mistakes.check_names(line.overrides, _config_folders(line))
    try:
        return compose_words(line.overrides)
    except Exception as error:  # Hydra, OmegaConf and the YAML parser raise nearly anything.
        raise ConfigError(mistakes.explain(line.overrides, error, compose_words)) from error


def _config_folders(line: CommandLine) -> list[Path]:
    extra = line.options.config_dir
    return [conf_dir()] if extra is None else [conf_dir(), extra.absolute()]


def _search_path(line: CommandLine) -> tuple[Path, list[str]]:
    """Return the folder of the primary config, and the override that names the other one."""
    folders = _config_folders(line)
    if len(folders) == 1:
        return folders[0], []
    if (folders[1] / f"{line.options.config_name}.yaml").is_file():
        folders.reverse()
    return folders[0], [f"hydra.searchpath=[{quoted(f'file://{folders[1]}')}]"]


def _run_hydra(line: CommandLine, task: Callable[["DictConfig"], Any]) -> None:
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


_OWN_HYDRA = threading.RLock()


@contextmanager
def own_hydra() -> Iterator[None]:
    """Give the block a Hydra that knows the settings, and restore the caller's after it.

    Registered entries from outside the program become choices of their config groups. The caller
    may be a notebook, or a program that uses Hydra itself. Other threads wait, because what Hydra
    sets up belongs to the process.
    """
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.singleton import Singleton
    from hydra.core.utils import JobRuntime, setup_globals
    from hydra.version import VersionBase
    from omegaconf.basecontainer import BaseContainer

    with _OWN_HYDRA:
        instances: dict[Any, Any] = Singleton._instances
        own = (GlobalHydra, HydraConfig, JobRuntime, VersionBase)
        before = {kind: instances.pop(kind) for kind in own if kind in instances}
        resolvers = dict(BaseContainer._resolvers)
        store = ConfigStore.instance()
        stored = {path: store.repo.get(path) for path in (SCHEMA, *BUILT_IN)}
        # The name that train.yaml begins with.
        store.store(name=SCHEMA.removesuffix(".yaml"), node=TrainConfig)
        for group in BUILT_IN:
            store.repo[group] = dict(stored[group] or {})
        for one in foreign_entries():
            store.store(group=one.kind, name=one.name, node=one.group())
        try:
            setup_globals()
            yield
        finally:
            for kind in own:
                instances.pop(kind, None)
            instances.update(before)
            BaseContainer._resolvers = resolvers
            for name, node in stored.items():
                if node is None:
                    del store.repo[name]
                else:
                    store.repo[name] = node
