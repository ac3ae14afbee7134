"""How long a training will take, from its first steps."""

import time

from dcgan_cli.core.training.reporter import Reporter

MEASURED_STEPS = 5
"""Steps timed, after a first one that also compiles."""


class Forecast:
    """Tells a reporter, once, when enough steps have been timed.

    Args:
        steps_per_epoch: steps in an epoch.
        steps: those of the whole run.
        reporter: is told.
    """

    def __init__(self, steps_per_epoch: int, steps: int, reporter: Reporter) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.steps = steps
        self.reporter = reporter
        self.measured_from: tuple[int, float] | None = None

    def note(self, step: int) -> None:
        """Note that a step is done."""
        now = time.monotonic()
        if self.measured_from is None:
            self.measured_from = step, now
        elif step == self.measured_from[0] + MEASURED_STEPS:
            seconds = (now - self.measured_from[1]) / MEASURED_STEPS
            self.reporter.forecast(seconds * self.steps_per_epoch, seconds * (self.steps - step))
