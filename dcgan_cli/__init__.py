"""Train, sample, animate, evaluate and inspect DCGANs, from the command line or from Python."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dcgan_cli.core.gan.losses import LossTerms
    from dcgan_cli.settings.field import key as setting
    from dcgan_cli.settings.registry import data, loss, model, optimizer

_SOURCES = {
    "LossTerms": ("dcgan_cli.core.gan.losses", "LossTerms"),
    "data": ("dcgan_cli.settings.registry", "data"),
    "loss": ("dcgan_cli.settings.registry", "loss"),
    "model": ("dcgan_cli.settings.registry", "model"),
    "optimizer": ("dcgan_cli.settings.registry", "optimizer"),
    "setting": ("dcgan_cli.settings.field", "key"),
}
"""Where each public name comes from; imported when it is first used."""
__all__ = ["LossTerms", "__version__", "data", "loss", "model", "optimizer", "setting"]


def __getattr__(name: str) -> Any:
    if name not in _SOURCES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _SOURCES[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
