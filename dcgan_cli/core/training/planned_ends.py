"""The step at which a run ends, as planned when it was at a certain step.

A run without `max_time` ends after its epochs. With it, the end is planned while the run trains,
and the learning rate's cooldown depends on it. So every plan is recorded in `run.json`, and a
resumed run follows the recorded plans at the same steps.
"""

from collections.abc import Mapping
from typing import Any


class PlannedEnds:
    """The planned ends of a run, in order of the steps from which they hold.

    Args:
        plan: the entry `plan` of `run.json`.
        unplanned: the end if nothing is planned.
    """

    def __init__(self, plan: Mapping[str, Any], unplanned: int) -> None:
        self.unplanned = unplanned
        self.ends: list[tuple[int, int]] = [(start, end) for start, end in plan["ends"]]
        self.is_settled = bool(plan["settled"])
        """Whether the last end stands, so that a resumed run need not plan it again."""

        self.is_early = bool(plan["early"])
        """Whether the last end is before that of all epochs."""

    def at(self, step: int) -> int:
        """Return the planned number of steps of the run, as it is planned when `step` are done."""
        return next((end for start, end in reversed(self.ends) if start <= step), self.unplanned)

    def reached(self, step: int) -> bool:
        """Return whether the run is over when `step` are done."""
        return self.at(step) <= step

    def cut(self, step: int) -> bool:
        """Return whether an epoch that has begun ends when `step` are done.

        Also at the end of an earlier part of the run, after which it was given more time.
        """
        return self.reached(step) or self.at(step - 1) == step

    def change(self, step: int, end: int, *, settled: bool, early: bool) -> None:
        """Plan another end.

        Args:
            step: steps that are done; the plan holds from the next one.
            end: number of steps of the whole run.
            settled: see `is_settled`.
            early: see `is_early`.
        """
        self.ends = [(start, old) for start, old in self.ends if start < step]
        self.ends.append((step, end))
        self.is_settled, self.is_early = settled, early

    def plan(self) -> dict[str, Any]:
        """Return the entry `plan` of `run.json`."""
        ends = [list(pair) for pair in self.ends]
        return {"ends": ends, "settled": self.is_settled, "early": self.is_early}
