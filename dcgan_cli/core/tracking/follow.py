"""Pass the epochs of a run on to its trackers. A tracker that fails never ends a run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.tracking.tracked_run import TrackedRun, Tracker
from dcgan_cli.core.training.reporter import ForwardingReporter, Reporter
from dcgan_cli.errors import ConfigError, Interrupted
from dcgan_cli.settings import registry

SCORE, BEST = "frechet_distance", "best_frechet_distance"


@contextmanager
def followed(names: list[str], run: RunFolder, reporter: Reporter) -> Iterator[Reporter]:
    """Yield a reporter that also passes the epochs on to trackers.

    Args:
        names: the trackers.
        run: the run folder.
        reporter: shows everything as before, and the warnings about trackers.
    """
    if not names:
        yield reporter
        return
    following = TrackingReporter(names, run, reporter)
    state = "failed"
    try:
        yield following
        state = "finished"
    except (Interrupted, KeyboardInterrupt):
        state = "interrupted"
        raise
    finally:
        following.close(state)


class TrackingReporter(ForwardingReporter):
    """A reporter that writes epochs to trackers and leaves the showing to another."""

    def __init__(self, names: list[str], run: RunFolder, shown: Reporter) -> None:
        self.names = list(dict.fromkeys(names))
        self.run = run
        super().__init__(shown)
        self.trackers: dict[str, Tracker] = {}
        self.best: float | None = None

    def history(self, rows: list[dict[str, Any]]) -> None:
        """Start the trackers, and give them the epochs that the run already has."""
        super().history(rows)
        for name in self.names:
            self._guarded(name, partial(self._begin, name))
        for row in rows:
            self._pass_on(row)

    def epoch(self, row: dict[str, Any]) -> None:
        """See `Reporter`."""
        super().epoch(row)
        self._pass_on(row)

    def close(self, state: str) -> None:
        """Close every tracker; see `Tracker.close`."""
        for name, tracker in list(self.trackers.items()):
            self._guarded(name, partial(tracker.close, state))

    def _begin(self, name: str) -> None:
        entry = registry.entry("tracker", name)
        registry.check_installed(entry)
        self.trackers[name] = entry.build(TrackedRun.of(self.run))
        if where := getattr(self.trackers[name], "where", ""):
            self.note(f"tracking  {where}")

    def _pass_on(self, row: dict[str, Any]) -> None:
        if SCORE in row:
            self.best = min(row[SCORE], self.best if self.best is not None else row[SCORE])
        told = row | ({BEST: self.best} if SCORE in row else {})
        frame = self.run.frame(int(row["epoch"]))
        grid = frame if frame.is_file() else None
        for name, tracker in list(self.trackers.items()):
            self._guarded(name, partial(tracker.epoch, dict(told), grid))

    def _guarded(self, name: str, call: Callable[[], None]) -> None:
        """Call a tracker; if it fails, warn once and leave it out from now on."""
        try:
            call()
        except (Exception, SystemExit) as error:  # A tracker may raise anything.
            self.trackers.pop(name, None)
            kind = "" if isinstance(error, ConfigError) else f"{type(error).__name__}: "
            reason = " ".join(str(error).split()) or "no reason given"
            self.note(
                f"warning: tracking={name} stopped: {kind}{reason}; training goes on, and "
                "resuming the run writes all its epochs to the tracker"
            )
