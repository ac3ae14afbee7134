"""The progress and score in a checkpoint's manifest. Needs no TensorFlow."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHECKPOINT_NAME = re.compile(r"step_[0-9]{10,20}")
LARGEST = 2**63

BEST, LAST = "best", "last"
"""Names of the checkpoint with the best score and of the newest one."""


@dataclass
class Progress:
    """Steps and epochs done, and the sums from which the current epoch's metrics are computed."""

    step: int = 0
    """Steps done in the run."""
    epoch: int = 0
    """Epochs finished."""
    epoch_step: int = 0
    """Steps done in the current epoch."""
    seconds: float = 0.0
    """Wall time spent on the current epoch."""
    generator_loss_sum: float = 0.0
    discriminator_loss_sum: float = 0.0


def position(facts: Mapping[str, Any]) -> str:
    """Return the progress as text, such as "epoch 3, step 1407".

    Args:
        facts: `epoch`, `epoch_step` and `step`, as in `Progress`.
    """
    inside = f" and {facts['epoch_step']} steps" if facts["epoch_step"] else ""
    return f"epoch {facts['epoch']}{inside}, step {facts['step']}"


@dataclass(frozen=True)
class Score:
    """The score of a checkpoint's generator."""

    frechet_distance: float
    features: str
    """The feature extractor; scores of different ones are not comparable."""
    samples: int
    """Number of generated images."""

    def comparable(self, other: "Score") -> bool:
        """Return whether two scores have the same feature extractor and number of images."""
        return (self.features, self.samples) == (other.features, other.samples)


def check_types(name: str, progress: Progress, score: Score | None, files: Any) -> None:
    """Check the values in the manifest of the checkpoint called `name`.

    Raises:
        ValueError: a value has the wrong type, is out of range or does not match the name.
    """
    for setting in dataclasses.fields(Progress):
        value = getattr(progress, setting.name)
        kinds = int if setting.type is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(f"{setting.name} is {value!r}")
        if not -LARGEST < value < LARGEST or (kinds is int and value < 0):
            raise ValueError(f"{setting.name} is out of range")
    if CHECKPOINT_NAME.fullmatch(name) and name != f"step_{progress.step:010d}":
        raise ValueError(f"its step is {progress.step}")
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
            raise ValueError(f"its entry {file_name!r} is invalid")
