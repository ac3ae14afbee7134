"""Show the progress of training: a live display on a terminal, plain lines elsewhere.

Every permanent line also goes to the run's log file. All of it is chatter, so it goes to standard
error; standard output is left to results.
"""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.hints import new_run_command
from dcgan_cli.preview import Preview
from dcgan_cli.text import counted, printable

if TYPE_CHECKING:
    from dcgan_cli.core.training.health import Finding
    from dcgan_cli.core.training.reporter import Reporter, Start, StepReport

log = logging.getLogger("dcgan_cli")
LOG_FORM = "%(asctime)s %(levelname)s %(message)s"
"""As in conf/hydra/job_logging/run_folder.yaml."""

PROGRESS_SECONDS = 60.0
"""How often a line says how far it is, where nothing is drawn."""
MEASURED_STEPS = 5
"""Steps timed for the forecast, after a first one that also compiles."""
NOTEBOOKS = ("JPY_PARENT_PID", "COLAB_", "KAGGLE_", "DATABRICKS_")
"""Beginnings of variables that notebooks set for the programs that are run in them."""


def is_live() -> bool:
    """Return whether standard error is a terminal that can be redrawn."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain and not _keeps_output()


def _keeps_output() -> bool:
    """Return whether the terminal is a notebook's or a build server's, which keep every redraw."""
    if os.environ.get("CI", "false").lower() not in ("", "0", "false"):
        return True
    return any(name.startswith(NOTEBOOKS) for name in os.environ)


class _LogFile(logging.FileHandler):
    """A log file that ignores write errors."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Skip the line."""


@contextmanager
def log_to(path: Path) -> Iterator[logging.Logger]:
    """Yield a logger that writes to a file and is not registered with `logging`."""
    logger = logging.Logger("dcgan_cli", logging.INFO)
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(LOG_FORM))
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        with suppress(OSError):  # The disk is full.
            handler.close()


@contextmanager
def training_reporter(
    logger: logging.Logger = log, *, progress: bool = True, preview: bool = False
) -> Iterator["Reporter"]:
    """Yield the reporter for the kind of standard error.

    Args:
        logger: gets every permanent line.
        progress: False shows nothing.
        preview: whether to show grids on a terminal.
    """
    if not progress:
        yield SilentReporter(logger)
        return
    if not is_live():
        yield PlainReporter(logger)
        return
    reporter = LiveReporter(logger, preview=preview)
    try:
        yield reporter
    finally:
        reporter.close()


def progress_bar(items: Iterable[Any], total: int, label: str) -> Iterator[Any]:
    """Yield the items, with a progress bar on a terminal and occasional lines elsewhere."""
    if not is_live():
        shown_at = time.monotonic()
        for done, item in enumerate(items):
            if time.monotonic() - shown_at >= PROGRESS_SECONDS:
                shown_at = time.monotonic()
                print(f"{label}  {done:,} of {total:,}", file=sys.stderr, flush=True)
            yield item
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        for item in items:
            yield item
            progress.advance(task)


class PlainReporter:
    """Plain lines: one per event, and progress lines in long epochs."""

    def __init__(self, logger: logging.Logger = log) -> None:
        self.log = logger
        self.suggested: dict[str, float] = {}

    def start(self, start: "Start") -> None:
        """See `Reporter`."""
        self.begun = start
        self.epochs = start.epochs
        self.measured_from: tuple[int, float] | None = None
        self.shown_at = time.monotonic()
        sizes = ", ".join(f"{name} {count:,}" for name, count in start.parameters.items())
        self.line(f"run       {start.run}")
        self.line(f"device    {start.device}, {start.precision}")
        self.line(f"data      {start.data}, {counted(start.image_count, 'image')}")
        self.line(f"networks  {sizes} parameters")
        steps = f"{counted(start.epochs, 'epoch')} of {start.steps_per_epoch:,} = {start.steps:,}"
        if start.steps_done:
            steps += f", {start.steps_done:,} of them done"
        self.line(f"steps     {steps}")

    def history(self, rows: list[dict[str, Any]]) -> None:
        """See `Reporter`."""

    def step(self, report: "StepReport") -> None:
        """See `Reporter`."""
        self.forecast(report)
        if time.monotonic() - self.shown_at < PROGRESS_SECONDS:
            return
        self.shown_at = time.monotonic()
        left = duration(seconds_left(self.begun, report))
        self.show(
            f"epoch {report.epoch}/{self.epochs}  step {report.epoch_step:,} of "
            f"{self.begun.steps_per_epoch:,}  {step_facts(report)}  {left} left"
        )

    def forecast(self, report: "StepReport") -> None:
        """Print the forecast, once enough steps are done."""
        step, now = report.step, time.monotonic()
        if self.measured_from is None:
            self.measured_from = step, now
        elif step == self.measured_from[0] + MEASURED_STEPS:
            seconds = (now - self.measured_from[1]) / MEASURED_STEPS
            epoch, rest = self.begun.steps_per_epoch, report.steps - step
            self.line(
                f"forecast  {duration(seconds * epoch)} an epoch, {duration(seconds * rest)} to go"
            )

    def epoch(self, row: dict[str, Any]) -> None:
        """See `Reporter`."""
        self.shown_at = time.monotonic()
        distance = row.get("frechet_distance")
        score = "" if distance is None else f"  Fréchet distance {distance:.1f}"
        self.line(
            f"epoch {row['epoch']}/{self.epochs}  time {row['seconds']:.1f} s  "
            f"{counted(round(row['images_per_second']), 'image')}/s  "
            f"generator loss {row['generator_loss']:.4f}  "
            f"discriminator loss {row['discriminator_loss']:.4f}" + score
        )

    def note(self, text: str) -> None:
        """See `Reporter`."""
        self.line(text)

    def finding(self, finding: "Finding") -> None:
        """See `Reporter`."""
        self.line(f"warning: {finding}")
        if finding.settings and finding.settings != self.suggested:
            again = new_run_command(RunFolder(self.begun.run), finding.settings)
            if again is not None:
                self.suggested = finding.settings
                self.line(f"try       {again}")

    def line(self, text: str) -> None:
        """Write a line to standard error and to the log."""
        text = printable(text)  # A note may quote text from a run folder.
        self.log.info(text)
        self.show(text)

    def show(self, text: str) -> None:
        """Write a line to standard error."""
        print(text, file=sys.stderr, flush=True)


class SilentReporter(PlainReporter):
    """Writes the lines to the log only."""

    def show(self, text: str) -> None:
        """Show nothing."""


class LiveReporter(PlainReporter):
    """Shows the lines above a progress bar for the epoch and one for the run."""

    def __init__(self, logger: logging.Logger = log, *, preview: bool = False) -> None:
        super().__init__(logger)
        self.console = Console(stderr=True)
        self.preview = Preview(self.console) if preview else None
        self.live: Live | None = None

    def start(self, start: "Start") -> None:
        """See `Reporter`."""
        super().start(start)
        left = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.epoch_bar = Progress(*left, TextColumn("{task.fields[facts]}"), console=self.console)
        self.run_bar = Progress(*left, TextColumn("{task.fields[left]}"), console=self.console)
        self.epoch_task = self.epoch_bar.add_task("epoch", total=start.steps_per_epoch, facts="")
        self.run_task = self.run_bar.add_task(
            "run  ", total=start.steps, completed=start.steps_done, left=""
        )
        self.live = Live(
            Group(self.epoch_bar, self.run_bar),
            console=self.console,
            refresh_per_second=4,
            transient=True,
        )
        self.live.start()

    def step(self, report: "StepReport") -> None:
        """See `Reporter`."""
        self.forecast(report)
        self.epoch_bar.update(
            self.epoch_task,
            description=f"epoch {report.epoch}",
            completed=report.epoch_step,
            facts=step_facts(report),
        )
        left = f"{duration(seconds_left(self.begun, report))} left"
        self.run_bar.update(self.run_task, completed=report.step, total=report.steps, left=left)

    def epoch(self, row: dict[str, Any]) -> None:
        """See `Reporter`."""
        super().epoch(row)
        if self.preview is not None:
            self.preview.offer(RunFolder(self.begun.run).frame(row["epoch"]))

    def show(self, text: str) -> None:
        """Write a line above the bars."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Show the last grid and remove the bars; the lines and grids stay."""
        if self.preview is not None:
            self.preview.show_waiting()
        if self.live:
            self.live.stop()


def step_facts(report: "StepReport") -> str:
    """Return the speed and the losses of a step as text."""
    return (
        f"{counted(round(report.images_per_second), 'image')}/s  "
        f"generator {report.generator_loss:.3f}  "
        f"discriminator {report.discriminator_loss:.3f}"
    )


def seconds_left(start: "Start", report: "StepReport") -> float:
    """Return the seconds that the rest of the run takes at the current speed."""
    images_a_step = start.image_count / start.steps_per_epoch
    return (report.steps - report.step) * images_a_step / report.images_per_second


def duration(seconds: float) -> str:
    """Format a duration, such as "0.4 s", "42 s" or "1:05:10"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds >= 1e13:  # More than Python's times hold; metrics may be spoiled.
        return f"{seconds:.0e} s"
    text = str(timedelta(seconds=round(seconds)))
    return text.removeprefix("0:")
