"""The interface through which training reports its progress."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dcgan_cli.core.training.health import Finding


@dataclass(frozen=True)
class Start:
    """Facts about a training, before its first step."""

    run: Path
    device: str
    precision: str
    data: str
    image_count: int
    parameters: dict[str, int]
    """Number of parameters by network."""
    steps: int
    """Steps of the whole run, as planned at its start."""
    steps_per_epoch: int
    epochs: int
    steps_done: int
    """Steps done before this run was resumed; 0 for a new run."""


@dataclass(frozen=True)
class StepReport:
    """One finished step."""

    step: int
    """Number of the step in the run, from 1."""
    epoch: int
    """Number of its epoch, from 1."""
    epoch_step: int
    """Number of the step in its epoch, from 1."""
    images_per_second: float
    """Mean over the current epoch."""
    generator_loss: float
    discriminator_loss: float
    steps: int
    """Steps of the whole run, as planned now."""


class Reporter(Protocol):
    """Shows the progress of training. `start` is called first, then the others in any order."""

    def start(self, start: Start) -> None:
        """Show the facts about a training that is about to start."""

    def history(self, rows: list[dict[str, Any]]) -> None:
        """Take the rows of the epochs that the run already has; called once, after `start`."""

    def step(self, report: StepReport) -> None:
        """Show a finished step."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Show a finished epoch; `row` is its row of `metrics.csv`."""

    def note(self, text: str) -> None:
        """Show a note or warning, one line."""

    def finding(self, finding: Finding) -> None:
        """Show a problem of the training."""


class ForwardingReporter:
    """A reporter that leaves the showing to another one. Subclasses do more.

    Args:
        shown: shows the progress.
    """

    def __init__(self, shown: Reporter) -> None:
        self.shown = shown

    def start(self, start: Start) -> None:
        """See `Reporter`."""
        self.shown.start(start)

    def history(self, rows: list[dict[str, Any]]) -> None:
        """See `Reporter`."""
        self.shown.history(rows)

    def step(self, report: StepReport) -> None:
        """See `Reporter`."""
        self.shown.step(report)

    def epoch(self, row: dict[str, Any]) -> None:
        """See `Reporter`."""
        self.shown.epoch(row)

    def note(self, text: str) -> None:
        """See `Reporter`."""
        self.shown.note(text)

    def finding(self, finding: Finding) -> None:
        """See `Reporter`."""
        self.shown.finding(finding)
