"""Do what `dcgan train` asks for: one run, a sweep, or a listing of Hydra's.

The words are composed and checked first, so that a mistake leaves nothing behind.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_cli.core.runs.find import BUNDLED, open_run
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.lock import hold
from dcgan_cli.errors import CheckpointError, ConfigError, StorageError, SweepError
from dcgan_cli.hydra_cli import mistakes
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import (
    check_conf,
    check_folder_name,
    checked,
    compose,
    compose_with_hydra,
    make_folder,
    own_hydra,
)
from dcgan_cli.hydra_cli.multirun import run_hydra, run_sweep
from dcgan_cli.hydra_cli.resume import names_data, own_choices, resumed_config
from dcgan_cli.hydra_cli.sweep_table import name_one
from dcgan_cli.settings.overrides import shell_word
from dcgan_cli.settings.schema import TrainConfig

if TYPE_CHECKING:
    from omegaconf import DictConfig

Train = Callable[[RunFolder], None]
Prepare = Callable[[TrainConfig, bool], Train]
"""Takes checked settings and whether their data may be fetched, which they may if they were typed;
returns the function that trains in the folder it is given. Creates nothing."""


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
    check_conf()
    line = CommandLine.parse(words)
    try:
        Path.cwd()
    except FileNotFoundError:
        raise StorageError("the current folder has been deleted; change to another") from None
    if line.options.multirun:
        with own_hydra():
            run_sweep(line)
    elif line.shows_something:
        if compose(line).resume is not None:
            raise ConfigError("a resumed run has its own settings; dcgan inspect shows them")
        run_hydra(line, lambda cfg: None)
    else:
        _run_once(line, prepare, logs=True)


def run_here(words: list[str], prepare: Prepare) -> RunFolder:
    """Train once in this process, for a caller that continues: Hydra sets up no logging.

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
    return _run_once(line, prepare, logs=False)


def _run_once(line: CommandLine, prepare: Prepare, *, logs: bool) -> RunFolder:
    """Train once, in a new folder or in that of the run to resume.

    Args:
        line: the command line.
        prepare: see `run`.
        logs: whether Hydra sets up the logging of this process, with a file in the run folder.

    Returns:
        The folder.
    """
    mistakes.check_single(line.overrides)
    own = own_choices(line.overrides)
    with own_hydra():
        cfg = compose_with_hydra(CommandLine([*own, *line.overrides], line.options))
        config = checked(cfg, line.options.config_name)
    if cfg.hydra.sweeper.get("params"):
        raise ConfigError("these settings are a sweep's; add -m for a run of each")
    if config.resume is None:
        train = prepare(config, True)
        run = RunFolder(make_folder(cfg, "run"))
        with hold(run):
            run.check_new()
            run.check_contents()
            try:
                _train(cfg, run, train, logs=logs)
            except KeyboardInterrupt:
                run.remove_unless_started()
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
            "the bundled generator cannot be resumed: it has no discriminator; start a new run"
        )
    check_folder_name(run.path)
    if not os.access(run.path, os.W_OK):
        raise StorageError(f"{run.path} may not be written to; change that, or copy it")
    with hold(run):
        resumed = resumed_config(line.overrides, config, run)
        train = prepare(resumed, names_data(line.overrides, resumed))
        _train(cfg, run, train, logs=logs, records=False)
    return run


def _train(
    cfg: "DictConfig", run: RunFolder, train: Train, *, logs: bool, records: bool = True
) -> None:
    """Train in a run folder whose lock is held, as a job of Hydra's.

    Args:
        cfg: the composed settings, Hydra's included.
        run: the run.
        train: trains in its folder.
        logs: see `_run_once`.
        records: whether Hydra writes the command into the folder; a resumed run keeps the record of
            how it began.
    """
    from hydra._internal.callbacks import Callbacks
    from hydra.core.utils import run_job
    from hydra.types import HydraContext
    from omegaconf import open_dict, read_write

    folder = run.path.absolute()
    failure: BaseException | None = None

    def task(_: "DictConfig") -> None:
        nonlocal failure
        try:
            train(RunFolder(folder))
        except BaseException as error:  # Hydra would wrap it.
            failure = error

    with read_write(cfg), open_dict(cfg):
        cfg.hydra.run.dir = str(folder)
        cfg.hydra.job.chdir = False  # Paths are relative to the current folder.
        cfg.hydra.mode = "RUN"
        if not records:
            cfg.hydra.output_subdir = None
    with own_hydra():
        callbacks = Callbacks(cfg)
        # The context is for launchers, which a single run has none of.
        context = HydraContext(config_loader=None, callbacks=callbacks)  # type: ignore[arg-type]
        callbacks.on_run_start(config=cfg, config_name=cfg.hydra.job.config_name)
        job = run_job(task, cfg, "hydra.run.dir", None, context, configure_logging=logs)
        callbacks.on_run_end(config=cfg, config_name=cfg.hydra.job.config_name, job_return=job)
    if failure:
        raise failure
