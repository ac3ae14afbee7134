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
    from dcgan_cli.api.run import Checkpoint, Run
    from dcgan_cli.api.training import train
    from dcgan_cli.errors import (
        CheckpointError,
        ConfigError,
        DamagedError,
        DataError,
        DcganError,
        LockedError,
        NumericalError,
        StorageError,
        SweepError,
    )

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
    "NumericalError",
    "Run",
    "StorageError",
    "SweepError",
    "__version__",
    "evaluate",
    "load",
    "save_grid",
    "train",
]

_MODULES = {
    "Checkpoint": "api.run",
    "Generator": "api.generator",
    "Run": "api.run",
    "evaluate": "api.evaluation",
    "load": "api.generator",
    "save_grid": "api.pictures",
    "train": "api.training",
}
"""Where names are defined that are not errors."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name.startswith("__") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
