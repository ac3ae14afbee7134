"""What makes a run what it is, and what may change about it when it goes on."""

import hashlib
import json

from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten

MAY_CHANGE = {
    "epochs",
    "evaluate_every",
    "patience",
    "evaluation.features",
    "evaluation.samples",
    "checkpoint_every",
    "checkpoint_seconds",
    "precision",
    "convolution",
    "data.path",  # The images themselves are compared by their digest.
    "data.skip_bad",
    "data.cache",
    "optimizer.learning_rate",
    "optimizer.beta_1",
    "optimizer.beta_2",
    "optimizer.epsilon",
    "optimizer.cooldown",
    "strategy.name",
}
"""Settings that may differ after a resume. The others make the run what it is."""
ADDED = {
    "ema": 0.0,
    "data.image_size": 28,
    "data.channels": 1,
    "data.classes": 10,
    "data.fit": "crop",
    "data.black": 0.0,
    "data.white": None,
    "data.pages": "first",
    "data.flip": False,
    "model.units": 1024,
    "model.upsample": "transposed",
    "model.spectral_norm": False,
    "model.conditional": False,
    "loss.r1_gamma": 0.0,
    "loss.label_smoothing": 0.0,
    "loss.gradient_penalty": 10.0,
    "loss.diffaugment": False,
}
"""Settings younger than the first identities, with the value that older runs were made with."""


def identity(config: TrainConfig, data_sha256: str) -> str:
    """Return a sha256 that two runs share if their settings may pass for one run's, and their data.

    Args:
        config: the settings.
        data_sha256: the digest of the training images.
    """
    fixed = {
        name: value
        for name, value in flatten(config).items()
        if name not in MAY_CHANGE | {"resume"} and (name not in ADDED or value != ADDED[name])
    }
    text = json.dumps([fixed, data_sha256], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
