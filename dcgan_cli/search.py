"""A search by Optuna in a sweep folder: where its trials are kept, and how many are left.

The search itself is that of Hydra's sweeper (hydra-optuna-sweeper, in the extra `sweep`). It begins
anew whenever it is started; what is here lets it continue.
"""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_cli.core.storage import entries
from dcgan_cli.errors import ConfigError
from dcgan_cli.overrides import override

if TYPE_CHECKING:
    from omegaconf import DictConfig

STORAGE = "optuna.db"
STUDY = "dcgan"


def is_search(cfg: "DictConfig") -> bool:
    """Whether the composed settings choose Optuna's sweeper."""
    return "optuna" in str(cfg.hydra.sweeper.get("_target_"))


def search_overrides(cfg: "DictConfig", folder: Path, words: list[str]) -> list[str]:
    """Return the overrides that let Hydra's sweeper continue the search in a folder.

    Trials that were running when the search was interrupted are put first in the queue, with the
    same values. Settings of the sweeper that `words` name are left as they are.

    Args:
        cfg: the composed settings, Hydra's included.
        folder: the sweep folder.
        words: the overrides of the command line.

    Raises:
        ConfigError: the settings make no scores to search by, or ask for no trials or for the
            largest distance.
    """
    if not cfg.evaluate_every:
        raise ConfigError("a search needs scores; give evaluate_every at least 1")
    if int(cfg.hydra.sweeper.n_trials) < 1:
        raise ConfigError("hydra.sweeper.n_trials must be at least 1")
    if "maximize" in str(cfg.hydra.sweeper.direction):
        raise ConfigError("a search is for the smallest Fréchet distance; leave direction out")
    given = {word.partition("=")[0].lstrip("+").removeprefix("hydra.sweeper.") for word in words}
    _quiet_logs()
    own: dict[str, Any] = {"max_failure_rate": "1.0", "study_name": STUDY}
    at_once = cfg.hydra.launcher.get("n_jobs")
    # Hydra's launcher runs one job after the other, and a batch of two would only know less.
    own["n_jobs"] = "1" if at_once is None else str(at_once if at_once > 0 else 2)
    for path in entries(folder):  # A job that was stopped before it began has left one behind.
        if path.is_dir() and not entries(path):
            path.rmdir()
    if "storage" not in given:
        url = f"sqlite:///{(folder / STORAGE).absolute()}"
        done = _trials_done(url)
        own["n_trials"] = str(max(0, int(cfg.hydra.sweeper.n_trials) - done))
        # Without AUTOCOMMIT, this Optuna's tables are not written with SQLAlchemy 2.
        own["storage"] = (
            "{_target_:optuna.storages.RDBStorage,engine_kwargs:{isolation_level:AUTOCOMMIT},"
            + override("url", url).replace("=", ":", 1)
            + "}"
        )
        given.discard("n_trials")
    return [f"hydra.sweeper.{key}={value}" for key, value in own.items() if key not in given]


def _trials_done(url: str) -> int:
    """Count the trials that need no more work, and queue again those that were interrupted."""
    import optuna
    from optuna.trial import TrialState

    storage = optuna.storages.RDBStorage(url, engine_kwargs={"isolation_level": "AUTOCOMMIT"})
    study = optuna.create_study(study_name=STUDY, storage=storage, load_if_exists=True)
    trials = study.get_trials()
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            study.enqueue_trial(trial.params)
            study.tell(trial.number, state=TrialState.FAIL)
    trials = study.get_trials()
    # Each interruption left one failed trial behind, and one that had been queued for it.
    queued = sum("fixed_params" in trial.system_attrs for trial in trials)
    ended = sum(trial.state in (TrialState.COMPLETE, TrialState.FAIL) for trial in trials)
    return ended - queued


def _quiet_logs() -> None:
    """Keep from the screen what Optuna says of its own affairs; the jobs are what matters."""
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    logging.getLogger("hydra_plugins.hydra_optuna_sweeper").setLevel(logging.CRITICAL)
