"""Handle Ctrl-C, SIGTERM and SIGHUP: training stops between two steps, other work at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """The signal that asked to stop, if any."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.at_once = False
        """Whether Ctrl-C was pressed a second time."""


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Record the first SIGINT, SIGTERM or SIGHUP in the block instead of ending the process.

    A second Ctrl-C raises KeyboardInterrupt at once. Outside the main thread, where Python allows
    no handlers, signals keep their usual effect.
    """
    with _handled(raise_first=False) as request:
        yield request


@contextmanager
def interrupt_on_signals() -> Iterator[StopRequest]:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP too, so that temporary files are removed.

    Later signals are ignored, except that a second Ctrl-C raises KeyboardInterrupt again.
    """
    with _handled(raise_first=True) as request:
        yield request


@contextmanager
def _handled(*, raise_first: bool) -> Iterator[StopRequest]:
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:
        if request.signal is None:
            request.signal = signal.Signals(number)
            if raise_first:
                raise KeyboardInterrupt
        elif number == signal.SIGINT:
            request.at_once = True
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    # An ignored signal was ignored on purpose, by nohup or a shell's background job. A handler that
    # Python did not install (None) could not be restored.
    unchanged = (signal.SIG_IGN, None)
    numbers = [number for number in numbers if signal.getsignal(number) not in unchanged]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
