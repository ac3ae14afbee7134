"""The identity of a run: a hash of its data and of the settings that may not change."""

import hashlib
import json

from dcgan_cli.settings.registry import GROUPS, entry
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten, may_change


def identity(config: TrainConfig, data_sha256: str) -> str:
    """Return the sha256 of the data's digest and of all settings that may not change in a run.

    Args:
        config: the settings.
        data_sha256: the digest of the training images.
    """
    # A plug-in's own options are left out: a new version of the plug-in may add some.
    left_out = may_change() | {
        f"{kind}.options" for kind in GROUPS if entry(kind, getattr(config, kind).name).origin
    }
    fixed = {
        name: value
        for name, value in flatten(config).items()
        if name not in left_out and name.rpartition(".")[0] not in left_out
    }
    text = json.dumps([fixed, data_sha256], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
