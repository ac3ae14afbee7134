"""Measure how long steps and ends of epochs take, and how many of them fit into a time.

The plan is made after the first steps. It is renewed after the first epoch and whenever half of the
time or of the steps that were left are over. So a plan that was wrong because the speed changed is
corrected while most of the time is left.
"""

import math
from dataclasses import dataclass

STEPS_TO_MEASURE = 10
"""Steps that are timed at least, after a first one that also compiles."""
SECONDS_TO_MEASURE = 5.0
SHARE_TO_MEASURE = 0.02
"""A plan is made when this share of the time has been measured, or the seconds above."""
CAUTION = 1.25
"""The last epoch's end (grid, score, checkpoint) may take longer than measured by this factor."""
SMALLEST_EPOCH = 0.1
"""Share of an epoch's steps that makes a last, shorter epoch worth its grid and score."""


@dataclass
class Pace:
    """The pace of a training that has to end in time. Times are those of `time.monotonic`."""

    started: float
    """When the part of the run began."""
    limit: float
    """Seconds that it may take."""
    steps_per_epoch: int
    epoch_end: float = 0.0
    """Seconds that the end of an epoch takes: a mean in which the newest count most."""
    scored_end: float = 0.0
    """Seconds that the end of an epoch with a score takes, likewise. The last one is always scored,
    if any is."""
    step_seconds: float | None = None
    """Seconds of a step, likewise; None before the first measurement."""
    _measured_from: tuple[int, float] | None = None
    _pauses: float = 0.0
    """Seconds since `_measured_from` that are no steps'."""
    _renew_at: float = 0.0
    _has_ended_epoch: bool = False

    def rehearsed(self, seconds: float) -> None:
        """Note how long the end of an epoch with a score took, as far as it can be rehearsed."""
        self.epoch_end = self.scored_end = seconds

    def pause(self, seconds: float, *, scored: bool) -> None:
        """Note the time of an end of an epoch."""
        if not self._has_ended_epoch:  # Until now, it was only rehearsed.
            self._has_ended_epoch, self._renew_at = True, 0.0
            self.epoch_end = seconds
        self.epoch_end = (self.epoch_end + seconds) / 2
        if scored:
            self.scored_end = (self.scored_end + seconds) / 2
        self._pauses += seconds

    @property
    def reserve(self) -> float:
        """Seconds to keep for the end of the last epoch."""
        return CAUTION * max(self.epoch_end, self.scored_end)

    def is_over(self, now: float) -> bool:
        """Return whether the epoch must end now for its end to be in time."""
        step = self.step_seconds or 0.0
        return now + step + self.reserve >= self.started + self.limit

    def is_due(self, step: int, end: int, now: float) -> bool:
        """Measure after a step, and return whether it is time for a plan.

        Args:
            step: steps done in the run.
            end: number of steps of the run, as planned.
            now: the time.
        """
        if self._measured_from is None:
            self._measured_from = step, now
            return False
        start, since = self._measured_from
        seconds = now - since - self._pauses
        enough = min(SECONDS_TO_MEASURE, SHARE_TO_MEASURE * self.limit)
        if step - start < STEPS_TO_MEASURE or seconds < enough:
            return False
        if now < self._renew_at and step - start < end - step:
            return False
        newest = seconds / (step - start)
        self.step_seconds = ((self.step_seconds or newest) + newest) / 2
        self._measured_from, self._pauses = (step, now), 0.0
        self._renew_at = now + max(0.0, self.started + self.limit - now) / 2
        return True

    def steps_left(self, epoch_step: int, now: float) -> int:
        """Return how many more steps fit, together with the ends of their epochs.

        Args:
            epoch_step: steps done in the current epoch.
            now: the time.
        """
        step = max(self.step_seconds or 0.0, 1e-9)
        left = self.started + self.limit - now - self.reserve
        this_epoch = self.steps_per_epoch - epoch_step
        if left < this_epoch * step + self.epoch_end:
            steps = max(0, min(this_epoch, math.floor(left / step)))
            return steps if epoch_step else self._worth_an_epoch(steps)
        left -= this_epoch * step + self.epoch_end
        whole, left = divmod(left, self.steps_per_epoch * step + self.epoch_end)
        last = min(self.steps_per_epoch, math.floor(left / step))
        return this_epoch + int(whole) * self.steps_per_epoch + self._worth_an_epoch(last)

    def _worth_an_epoch(self, steps: int) -> int:
        """Return `steps`, or 0 if they are too few for the grid and the score of an epoch."""
        return 0 if steps < SMALLEST_EPOCH * self.steps_per_epoch else steps
