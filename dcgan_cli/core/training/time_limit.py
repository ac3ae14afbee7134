"""Plan where a run ends so that it stays within `max_time`, and follow the plan."""

import time
from collections.abc import Callable

from dcgan_cli.core.gan.updates import Cooldown
from dcgan_cli.core.runs.disk_errors import disk_errors
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.training.pace import Pace
from dcgan_cli.core.training.planned_ends import PlannedEnds
from dcgan_cli.core.training.reporter import Reporter
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.times import seconds

SMALL_CHANGE = 0.02
"""A new plan that changes the steps left by less than this share is not worth recording."""
NEWS = 0.1
"""A new plan that changes the steps of the run by more than this share is worth a line."""


class TimeLimit:
    """The planned end of one run. Without `max_time`, it follows what is recorded.

    Args:
        config: the settings.
        run: the run folder, whose record gets every plan before a step is trained by it.
        ends: the planned ends so far.
        cooldown: the learning rate, which depends on the end; None if it is constant.
        steps_per_epoch: steps of a whole epoch.
        reporter: shows the plans.
    """

    def __init__(
        self,
        config: TrainConfig,
        run: RunFolder,
        ends: PlannedEnds,
        cooldown: Cooldown | None,
        steps_per_epoch: int,
        reporter: Reporter,
    ) -> None:
        self.config = config
        self.run = run
        self.ends = ends
        self.cooldown = cooldown
        self.steps_per_epoch = steps_per_epoch
        self.reporter = reporter
        self.pace: Pace | None = None
        self._followed: int | None = None

    def begin(self, rehearse: Callable[[], float]) -> None:
        """Begin to measure.

        Args:
            rehearse: returns the seconds that the end of an epoch takes, which the first plan needs
                to know.
        """
        if self.config.max_time:
            limit = seconds("max_time", self.config.max_time)
            self.pace = Pace(time.monotonic(), limit, self.steps_per_epoch)
            self.pace.rehearsed(rehearse())

    def ended_epoch(self, began: float, *, scored: bool) -> None:
        """Note that an epoch's last step was done at the time `began`, and its outputs now."""
        if self.pace is not None:
            self.pace.pause(time.monotonic() - began, scored=scored)

    def allows(self, progress: Progress, step: int) -> bool:
        """Return whether another step of this epoch is to be trained, and prepare for it.

        Args:
            progress: the progress of the run.
            step: steps that are done or under way.

        Raises:
            StorageError: a plan cannot be recorded.
        """
        begun = progress.step - progress.epoch_step
        if step > begun or not progress.epoch:  # Otherwise, it was planned between the epochs.
            self.plan(progress, step)
        if step > begun and self.ends.cut(step):
            return False
        end = self.ends.at(step)
        if self.cooldown is not None and end != self._followed:
            self.cooldown.end_after(end)
        self._followed = end
        return True

    def plan(self, progress: Progress, step: int) -> None:
        """Plan the end anew if it is time to, when `step` steps are done or under way.

        After an epoch's last step, before its score, the run ends if no further epoch is worth it.

        Raises:
            StorageError: a plan cannot be recorded.
        """
        pace = self.pace
        now, before = time.monotonic(), self.ends.at(step)
        if pace is None or step >= before:
            return
        begun = progress.step - progress.epoch_step
        has_ended = step - begun == self.steps_per_epoch
        every_step = begun + (self.config.epochs - progress.epoch) * self.steps_per_epoch
        if pace.is_due(step, before, now):
            end = min(step + pace.steps_left(step - begun, now), every_step)
            small = abs(end - before) < SMALL_CHANGE * (before - step)
            if self.ends.is_settled and small and end > step:
                return
        elif pace.is_over(now) or (has_ended and not pace.steps_left(step - begun, now)):
            end = step
        else:
            return
        end = max(end, 1)  # An epoch without a step would have no losses.
        is_news = not self.ends.is_settled or abs(end - before) > NEWS * before
        self.ends.change(step, end, settled=True, early=end < every_step)
        with disk_errors(self.run):
            self.run.update({"plan": self.ends.plan()})
        if not is_news:
            return
        epoch = progress.epoch + -(-(end - begun) // self.steps_per_epoch)
        self.reporter.note(
            f"plan      the run ends with step {end:,} of {every_step:,}, in epoch {epoch} of "
            f"{self.config.epochs}, to stay within max_time={self.config.max_time}"
        )
