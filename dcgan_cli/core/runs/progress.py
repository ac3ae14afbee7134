"""What the manifest of a checkpoint says of it, besides its files. Needs no TensorFlow."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHECKPOINT_NAME = re.compile(r"step_[0-9]{10,20}")
LARGEST = 2**63

BEST, LAST = "best", "last"
"""Words for the checkpoint with the best score, and for the newest."""


@dataclass
class Progress:
    """How far a run has come, with the sums that the current epoch's metrics are made from."""

    step: int = 0
    """Steps done since the run began."""
    epoch: int = 0
    """Epochs finished."""
    epoch_step: int = 0
    """Steps done of the epoch after them."""
    seconds: float = 0.0
    """Wall time spent on that epoch."""
    generator_loss_sum: float = 0.0
    discriminator_loss_sum: float = 0.0


def position(facts: Mapping[str, Any]) -> str:
    """Say in words how far a run had come, by facts that are called as in `Progress`."""
    inside = f" and {facts['epoch_step']} steps" if facts["epoch_step"] else ""
    return f"epoch {facts['epoch']}{inside}, step {facts['step']}"


@dataclass(frozen=True)
class Score:
    """How good the images of a checkpoint's generator are."""

    frechet_distance: float
    features: str
    """Which network's features it is of; those of two networks are never compared."""
    samples: int

    def comparable(self, other: "Score") -> bool:
        """Whether the two were made in the same way."""
        return (self.features, self.samples) == (other.features, other.samples)


def check_types(name: str, progress: Progress, score: Score | None, files: Any) -> None:
    """Raise ValueError for a manifest that cannot be of the checkpoint called `name`."""
    for setting in dataclasses.fields(Progress):
        value = getattr(progress, setting.name)
        kinds = int if setting.type is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(f"{setting.name} is {value!r}")
        if not -LARGEST < value < LARGEST or (kinds is int and value < 0):
            raise ValueError(f"{setting.name} is out of range")
    if CHECKPOINT_NAME.fullmatch(name) and name != f"step_{progress.step:010d}":
        raise ValueError(f"it is of step {progress.step}")
    if score and not (
        isinstance(score.frechet_distance, int | float)
        and 0 <= score.frechet_distance < LARGEST
        and isinstance(score.features, str)
        and isinstance(score.samples, int)
    ):
        raise ValueError("its score is invalid")
    for file_name, file in files.items():
        fields = isinstance(file["sha256"], str) and isinstance(file["bytes"], int)
        if not (re.fullmatch(r"\w+\.npz", file_name) and fields and 0 <= file["bytes"] < LARGEST):
            raise ValueError(f"its entry {file_name!r} is not a file's")
