"""Resume an Optuna search: store its trials in the sweep folder and count the remaining ones.

Hydra's sweeper (hydra-optuna-sweeper, in the extra `sweep`) runs the search but always starts a new
one.
"""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.overrides import quoted

if TYPE_CHECKING:
    from omegaconf import DictConfig

STORAGE = "optuna.db"
STUDY = "dcgan"
PLUGIN_JOBS = 2
"""The plugin's default of `hydra.sweeper.n_jobs`."""


def is_search(cfg: "DictConfig") -> bool:
    """Return whether the composed settings select Optuna's sweeper."""
    return "optuna" in str(cfg.hydra.sweeper.get("_target_"))


def search_overrides(cfg: "DictConfig", folder: Path, at_once: int) -> list[str]:
    """Return the overrides that make Hydra's sweeper resume the search in a folder.

    Interrupted trials are queued again first, with the same values. Sweeper settings that differ
    from the plugin's defaults stay unchanged.

    Args:
        cfg: the composed settings, including `hydra`.
        folder: the sweep folder.
        at_once: how many jobs run at the same time.

    Raises:
        ConfigError: scores are off, the number of trials is below 1, the direction is maximize, or
            the folder's path cannot be part of a database URL.
    """
    sweeper = cfg.hydra.sweeper
    if not cfg.evaluate_every:
        raise ConfigError("a search needs scores; set evaluate_every to at least 1")
    if int(sweeper.n_trials) < 1:
        raise ConfigError("hydra.sweeper.n_trials must be at least 1")
    if "maximize" in str(sweeper.direction):
        raise ConfigError("a search minimizes the Fréchet distance; remove hydra.sweeper.direction")
    _quiet_logs()
    study = sweeper.study_name or STUDY
    # `Sweep` creates the folder of each job: Hydra numbers them from 0 at every start.
    own: dict[str, Any] = {"hydra.sweep.subdir": ".", "hydra.sweeper.study_name": quoted(study)}
    if not sweeper.max_failure_rate:
        own["hydra.sweeper.max_failure_rate"] = "1.0"
    if sweeper.n_jobs == PLUGIN_JOBS:  # A larger batch would use older results.
        own["hydra.sweeper.n_jobs"] = str(at_once)
    if sweeper.storage is None:
        if {"?", "%"} & set(str(folder.absolute())):
            raise ConfigError(
                f"{folder}: the path of a search must not contain ? or %; rename the folder"
            )
        url = f"sqlite:///{folder.absolute() / STORAGE}"
        done, asked = _trials(url, study)
        own["hydra.sweeper.n_trials"] = str(max(0, int(sweeper.n_trials) - done))
        if sweeper.sampler.get("seed") is not None:  # The same seed would repeat its values.
            own["hydra.sweeper.sampler.seed"] = str(int(sweeper.sampler.seed) + asked)
        # With SQLAlchemy 2, this version of Optuna commits its tables only under AUTOCOMMIT.
        own["hydra.sweeper.storage"] = (
            "{_target_:optuna.storages.RDBStorage,engine_kwargs:{isolation_level:AUTOCOMMIT},"
            f"url:{quoted(url)}}}"
        )
    return [f"{key}={value}" for key, value in own.items()]


def _trials(url: str, study_name: str) -> tuple[int, int]:
    """Queue interrupted trials again, and count trials.

    Returns:
        The number of completed trials, failed ones included, and the total number of trials.
    """
    import optuna
    from optuna.trial import TrialState

    storage = optuna.storages.RDBStorage(url, engine_kwargs={"isolation_level": "AUTOCOMMIT"})
    study = optuna.create_study(study_name=study_name, storage=storage, load_if_exists=True)
    trials = study.get_trials()
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            study.enqueue_trial(trial.params)
            study.tell(trial.number, state=TrialState.FAIL)
    trials = study.get_trials()
    # An interrupted trial is stored as failed, and its repetition as a second, queued trial.
    queued = sum("fixed_params" in trial.system_attrs for trial in trials)
    ended = sum(trial.state in (TrialState.COMPLETE, TrialState.FAIL) for trial in trials)
    return ended - queued, len(trials)


def _quiet_logs() -> None:
    """Silence Optuna's own log messages and warnings."""
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    logging.getLogger("hydra_plugins.hydra_optuna_sweeper").setLevel(logging.CRITICAL)
