"""The interface by which training reports its progress."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Start:
    """What is known before the first step."""

    run: Path
    device: str
    precision: str
    data: str
    image_count: int
    parameters: dict[str, int]
    """Number of parameters by network."""
    steps: int
    """Steps of the whole run."""
    steps_per_epoch: int
    epochs: int
    steps_done: int
    """Steps that an earlier part of the run has done."""


@dataclass(frozen=True)
class StepReport:
    """One finished step."""

    step: int
    """Counted over the run, from 1."""
    epoch: int
    """The epoch it belongs to, from 1."""
    epoch_step: int
    """Counted within the epoch, from 1."""
    images_per_second: float
    """Mean over the epoch so far."""
    generator_loss: float
    discriminator_loss: float


class Reporter(Protocol):
    """Shows training's progress. Methods are called in the order in which they stand here."""

    def start(self, start: Start) -> None:
        """Training is about to begin."""

    def step(self, report: StepReport) -> None:
        """A step is done."""

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done; `row` is its line of `metrics.csv`."""

    def note(self, text: str) -> None:
        """Something worth a line happened."""
