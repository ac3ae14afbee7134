"""A search by Optuna in a sweep folder: where its trials are kept, and how many are left.

The search itself is that of Hydra's sweeper (hydra-optuna-sweeper, in the extra `sweep`). It begins
anew whenever it is started; what is here lets it continue.
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
"""What the plugin sets `hydra.sweeper.n_jobs` to."""


def is_search(cfg: "DictConfig") -> bool:
    """Whether the composed settings choose Optuna's sweeper."""
    return "optuna" in str(cfg.hydra.sweeper.get("_target_"))


def search_overrides(cfg: "DictConfig", folder: Path, at_once: int) -> list[str]:
    """Return the overrides that let Hydra's sweeper continue the search in a folder.

    Trials that were running when the search was interrupted are put first in the queue, with the
    same values. Settings of the sweeper that are not the plugin's defaults are left as they are.

    Args:
        cfg: the composed settings, Hydra's included.
        folder: the sweep folder.
        at_once: how many jobs run at the same time.

    Raises:
        ConfigError: the settings make no scores to search by, ask for no trials or for the largest
            distance, or the folder's name cannot be in the address of a database.
    """
    sweeper = cfg.hydra.sweeper
    if not cfg.evaluate_every:
        raise ConfigError("a search needs scores; give evaluate_every at least 1")
    if int(sweeper.n_trials) < 1:
        raise ConfigError("hydra.sweeper.n_trials must be at least 1")
    if "maximize" in str(sweeper.direction):
        raise ConfigError("a search is for the smallest Fréchet distance; leave direction out")
    _quiet_logs()
    study = sweeper.study_name or STUDY
    # A job that Hydra makes no folder for takes one of its own; see `Sweep`.
    own: dict[str, Any] = {"hydra.sweep.subdir": ".", "hydra.sweeper.study_name": quoted(study)}
    if not sweeper.max_failure_rate:
        own["hydra.sweeper.max_failure_rate"] = "1.0"
    if sweeper.n_jobs == PLUGIN_JOBS:  # A batch larger than what runs at once would know less.
        own["hydra.sweeper.n_jobs"] = str(at_once)
    if sweeper.storage is None:
        if {"?", "%"} & set(str(folder.absolute())):
            raise ConfigError(f"{folder}: a search cannot keep its trials below ? or %; rename it")
        url = f"sqlite:///{folder.absolute() / STORAGE}"
        done, asked = _trials(url, study)
        own["hydra.sweeper.n_trials"] = str(max(0, int(sweeper.n_trials) - done))
        if sweeper.sampler.get("seed") is not None:  # Else it would draw the same values again.
            own["hydra.sweeper.sampler.seed"] = str(int(sweeper.sampler.seed) + asked)
        # Without AUTOCOMMIT, this Optuna's tables are not written with SQLAlchemy 2.
        own["hydra.sweeper.storage"] = (
            "{_target_:optuna.storages.RDBStorage,engine_kwargs:{isolation_level:AUTOCOMMIT},"
            f"url:{quoted(url)}}}"
        )
    return [f"{key}={value}" for key, value in own.items()]


def _trials(url: str, study_name: str) -> tuple[int, int]:
    """Queue the trials again that were interrupted, and count.

    Returns:
        How many trials need no more work, and how many there are.
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
    # Each interruption left one failed trial behind, and one that had been queued for it.
    queued = sum("fixed_params" in trial.system_attrs for trial in trials)
    ended = sum(trial.state in (TrialState.COMPLETE, TrialState.FAIL) for trial in trials)
    return ended - queued, len(trials)


def _quiet_logs() -> None:
    """Keep from the screen what Optuna says of its own affairs; the jobs are what matters."""
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    logging.getLogger("hydra_plugins.hydra_optuna_sweeper").setLevel(logging.CRITICAL)
