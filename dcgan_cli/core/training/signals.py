"""Ctrl-C, SIGTERM and SIGHUP: training acts on them between two steps, all else at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Which signal, if any, asked to stop."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.at_once = False
        """Whether a second Ctrl-C came."""


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Collect the first SIGINT, SIGTERM or SIGHUP instead of dying of it.

    A second Ctrl-C raises KeyboardInterrupt at once. Away from the main thread, where Python allows
    no handlers, signals keep their usual effect.
    """
    with _handled(raise_first=False) as request:
        yield request


@contextmanager
def interrupt_on_signals() -> Iterator[StopRequest]:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP too, so that temporary files are removed.

    Later ones do not disturb that; only a second Ctrl-C does, by another KeyboardInterrupt.
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
    # One that is ignored was meant to be: nohup, or a shell's background job. One that is not
    # Python's (None) could not be put back.
    left_alone = (signal.SIG_IGN, None)
    numbers = [number for number in numbers if signal.getsignal(number) not in left_alone]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
