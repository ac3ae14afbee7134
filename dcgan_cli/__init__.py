"""Train, sample, animate, evaluate and inspect DCGANs, from the command line or from Python.

    import dcgan_cli as dcgan

    run = dcgan.train("experiment=quick")
    images = run.load("best").sample(16)

docs/python.md describes the functions. Nothing is imported before one of them is used, so that the
command line can first look for files that would take a library's place.
"""

TYPE_CHECKING = False  # Type checkers take it for that of `typing`.
if TYPE_CHECKING:
    from dcgan_cli.api.evaluation import evaluate
    from dcgan_cli.api.generator import Generator, load
    from dcgan_cli.api.pictures import save_grid
    from dcgan_cli.api.plugin import plugin
    from dcgan_cli.api.run import Checkpoint, Run
    from dcgan_cli.api.training import train
    from dcgan_cli.core.gan.losses import LossTerms
    from dcgan_cli.errors import (
        CheckpointError,
        ConfigError,
        DamagedError,
        DataError,
        DcganError,
        LockedError,
        NumericalError,
        PluginError,
        StorageError,
        SweepError,
    )
    from dcgan_cli.settings.field import key as setting
    from dcgan_cli.settings.registry import data, loss, model, optimizer, tracker

__version__ = "0.1.0"
__all__ = [
    "Checkpoint",
    "CheckpointError",
    "ConfigError",
    "DamagedError",
    "DataError",
    "DcganError",
    "Generator",
    "LockedError",
    "LossTerms",
    "NumericalError",
    "PluginError",
    "Run",
    "StorageError",
    "SweepError",
    "__version__",
    "data",
    "evaluate",
    "load",
    "loss",
    "model",
    "optimizer",
    "plugin",
    "save_grid",
    "setting",
    "tracker",
    "train",
]

_MODULES = {
    "Checkpoint": "api.run",
    "Generator": "api.generator",
    "LossTerms": "core.gan.losses",
    "Run": "api.run",
    "data": "settings.registry",
    "evaluate": "api.evaluation",
    "load": "api.generator",
    "loss": "settings.registry",
    "model": "settings.registry",
    "optimizer": "settings.registry",
    "plugin": "api.plugin",
    "save_grid": "api.pictures",
    "setting": "settings.field",
    "tracker": "settings.registry",
    "train": "api.training",
}
"""Where names are defined that are not errors."""
_OTHER_NAMES = {"setting": "key"}
"""What they are called there, where that is different."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name.startswith("__") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES.get(name, 'errors')}")
    value: object = getattr(module, _OTHER_NAMES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
