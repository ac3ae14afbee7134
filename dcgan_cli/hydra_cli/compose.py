"""Compose the settings of `dcgan train` with Hydra, and check them."""

import importlib.resources
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_cli.core.runs.find import new_folder
from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli import mistakes
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.settings.overrides import quoted
from dcgan_cli.settings.registry import GROUPS, check_installed, entry, foreign_entries
from dcgan_cli.settings.schema import NAMED_FEATURES, TrainConfig

if TYPE_CHECKING:
    from omegaconf import DictConfig

VERSION_BASE = "1.3"
PICTURES = {"override /recipe@_global_.recipe": "pictures"}
"""Chooses the recipe of all data but MNIST, as in conf/data/*.yaml."""
SCHEMA = "base_train.yaml"
_OWN_HYDRA = threading.RLock()


def conf_dir() -> Path:
    """Return the shipped configs: inside an installed package, beside a checkout's."""
    package = Path(str(importlib.resources.files("dcgan_cli")))
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def check_conf() -> None:
    """Raise ConfigError if the shipped configs are not where they were installed."""
    if not (conf_dir() / "train.yaml").is_file():
        raise ConfigError(
            f"this installation lacks {conf_dir() / 'train.yaml'}; reinstall dcgan-cli"
        )


def compose(line: CommandLine) -> TrainConfig:
    """Compose and check the settings, as `hydra.main` will do with the same words.

    Raises:
        ConfigError: a word cannot be used.
    """
    with own_hydra():
        return checked(compose_with_hydra(line), line.options.config_name)


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
    for name in config.tracking:
        check_installed(entry("tracker", name))
    if config.resume is None:  # Else it is the run's own settings that must go together.
        config.check_together()
    # A run may be resumed from another folder. What tfds takes is a name; whether a resumed run
    # takes a name, `resumed_config` knows.
    data, scores = config.data, config.evaluation
    if data.path is not None and data.name != "tfds" and config.resume is None:
        data.path = absolute(data.path)
    if scores.features not in NAMED_FEATURES:
        scores.features = absolute(scores.features)
    return config


def absolute(path: str) -> str:
    """Return a path that was typed as an absolute one."""
    return os.path.abspath(os.path.expanduser(path))


def compose_with_hydra(line: CommandLine) -> "DictConfig":
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

    mistakes.check_names(line.overrides, config_folders(line))
    try:
        return compose_words(line.overrides)
    except Exception as error:  # Hydra, OmegaConf and the YAML parser raise nearly anything.
        raise ConfigError(mistakes.explain(line.overrides, error, compose_words)) from error


def config_folders(line: CommandLine) -> list[Path]:
    """Return the folders of configs: the shipped ones and that of `--config-dir`."""
    extra = line.options.config_dir
    return [conf_dir()] if extra is None else [conf_dir(), extra.absolute()]


def _search_path(line: CommandLine) -> tuple[Path, list[str]]:
    """Return the folder of the primary config, and the override that names the other one."""
    folders = config_folders(line)
    if len(folders) == 1:
        return folders[0], []
    if (folders[1] / f"{line.options.config_name}.yaml").is_file():
        folders.reverse()
    return folders[0], [f"hydra.searchpath=[{quoted(f'file://{folders[1]}')}]"]


def make_folder(cfg: "DictConfig", mode: str) -> Path:
    """Make the folder that `hydra.run.dir` or `hydra.sweep.dir` names.

    A name that contains the time (`${now:...}`) means a new folder: if another process has created
    it in the same instant, a number is added. Any other name is used as it is.

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
    check_folder_name(path)
    if isinstance(stated, dict) and "${now:" in str(stated["dir"]):
        return new_folder(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def check_folder_name(folder: Path) -> None:
    """Raise ConfigError for a folder whose name Hydra would take for an interpolation."""
    if "${" in str(folder.absolute()):
        raise ConfigError(f"{folder} has ${{ in its full name; rename or choose another folder")


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
        stored = {path: store.repo.get(path) for path in (SCHEMA, *GROUPS)}
        # The name that train.yaml begins with.
        store.store(name=SCHEMA.removesuffix(".yaml"), node=TrainConfig)
        for group in GROUPS:
            store.repo[group] = dict(stored[group] or {})
        for one in [one for one in foreign_entries() if one.kind in GROUPS]:
            recipe = {"defaults": [PICTURES]} if one.kind == "data" else {}
            store.store(group=one.kind, name=one.name, node=recipe | one.group())
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
