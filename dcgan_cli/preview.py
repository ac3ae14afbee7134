"""Show the newest grid in the terminal, above the progress bars.

The terminal's own graphics draw it (kitty's protocol, or sixel, which iTerm2 has too), otherwise
half blocks: characters whose upper and lower half have a colour each.
"""

import io
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

SECONDS_APART = 20.0
"""Time from one grid to the next, so that a fast run does not fill the terminal."""
MOST_ROWS = 32
"""Height of a grid in lines of text."""
OTHER_ROWS = 8
"""Lines of the terminal that are left to other output."""


class Preview:
    """Shows grids in a terminal. An error here never ends a run; nothing is shown from then on.

    Args:
        console: writes to the terminal.
    """

    def __init__(self, console: "Console") -> None:
        self.console = console
        self._shown_at: float | None = None
        self._waiting: Path | None = None
        self._renderable: Any = None
        with suppress(Exception):  # An answer of the terminal that nobody expects.
            self._renderable = _choose_renderable()

    def offer(self, grid: Path) -> None:
        """Show a grid, or keep it for later if another was shown a moment ago."""
        self._waiting = grid
        if self._shown_at is None or time.monotonic() - self._shown_at >= SECONDS_APART:
            self.show_waiting()

    def show_waiting(self) -> None:
        """Show the last grid that was offered, if it has not been shown."""
        grid, self._waiting = self._waiting, None
        if grid is None or self._renderable is None:
            return
        self._shown_at = time.monotonic()
        rows = max(1, min(MOST_ROWS, self.console.height - OTHER_ROWS))
        try:
            self.console.print(self._renderable(str(grid), width="auto", height=rows))
        except Exception:
            self._renderable = None


def _choose_renderable() -> Any:
    """Return the class of textual_image that suits the terminal.

    The library asks the terminal which graphics it has and how large a character is, by writing to
    standard output and reading from standard input. So it gets to see a terminal there only where
    that does no harm. It remembers the answers, or what it assumes without any.
    """
    with nullcontext() if _may_ask() else _no_terminal(), _no_warnings():
        from textual_image import renderable
        from textual_image._terminal import get_cell_size

        get_cell_size()
    if renderable.Image is renderable.UnicodeImage:  # Its choice where it sees none.
        return renderable.HalfcellImage
    return renderable.Image


def _may_ask() -> bool:
    """Return whether the terminal can be asked: all streams are its, and this process owns it.

    A process in the background would be stopped by the system. What is written to standard output
    would end up in a file if that is one.
    """
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    try:
        if not all(stream is not None and stream.isatty() for stream in streams):
            return False
        return os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, ValueError, AttributeError):  # No controlling terminal, or not POSIX.
        return False


@contextmanager
def _no_terminal() -> Iterator[None]:
    """Let standard output look like no terminal."""
    before = sys.__stdout__
    sys.__stdout__ = io.StringIO()  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        sys.__stdout__ = before  # type: ignore[misc]


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep the library from logging that a terminal did not answer, which is nothing unusual."""
    logger = logging.getLogger("textual_image._terminal")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
