"""Facts about an exported generator, which every format holds as JSON."""

import dataclasses
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from dcgan_cli.core.sampling.sampler import LoadedGenerator

FACTS_KEY = "dcgan"
"""The entry of a format's own metadata that holds the facts."""
FACTS_FILE = "dcgan.json"
"""The file with the facts, in archives and folders."""
LICENCES = {"mnist": "CC BY-SA 3.0, as MNIST, from which it was made"}
"""Licence of a generator, by its training data."""
UNKNOWN_LICENCE = "not stated; that of the training data may apply"


def facts_of(loaded: LoadedGenerator) -> dict[str, Any]:
    """Return what an exported file says of its generator.

    Returns:
        The run, epoch and step, the interface, the class names ([] if unknown), the licence, and
        all settings. Paths of this machine are left out: exported files are published.
    """
    config = loaded.config
    return {
        **loaded.facts,
        "noise_dim": config.noise_dim,
        "image_shape": list(config.image_shape),
        "classes": config.num_classes,
        "class_names": list(loaded.class_names),
        "licence": licence(loaded),
        "settings": without_paths(dataclasses.asdict(config)),
    }


def without_paths(value: Any) -> Any:
    """Return plain data that names no folder of this machine: of absolute paths, the last part."""
    if isinstance(value, dict):
        return {name: without_paths(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(one) for one in value]
    if isinstance(value, str):
        for path in (PurePosixPath(value), PureWindowsPath(value)):
            if path.is_absolute() or path.parts[:1] == ("~",):
                return path.name or value
    return value


def licence(loaded: LoadedGenerator) -> str:
    """Return the licence of a generator, or that it is not known."""
    bundled = loaded.record.get("bundled", {})
    if isinstance(bundled, dict) and isinstance(bundled.get("licence"), str):
        return bundled["licence"]
    return LICENCES.get(loaded.config.data.name, UNKNOWN_LICENCE)
