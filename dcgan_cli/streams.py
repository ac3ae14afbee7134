"""Standard input, output and error, made safe to use whatever they are."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any, TextIO, cast

from dcgan_cli.text import printable


def open_standard_streams() -> None:
    """Open the standard streams that the program was started without, on nothing.

    Else the first file that it opens would take the place of one, and what is meant for the screen,
    TensorFlow's log for one, would be written into a checkpoint.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    # A path may hold bytes that are no text, and a picture of a curve may not fit into the locale.
    if hasattr(sys.stdout, "reconfigure"):
        utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")
    sys.stdout = cast(TextIO, ForgivingStream(sys.stdout, BrokenPipeError))
    sys.stderr = cast(TextIO, ForgivingStream(sys.stderr, OSError))


class ForgivingStream:
    """A stream that takes no offence when nobody reads it any more.

    A terminal that was closed, or a reader such as `head` that has seen enough, is no reason to
    stop training. From then on what is written goes nowhere.

    Args:
        stream: the stream that is written to while it can be.
        forgiven: the errors that mean that nobody reads.
    """

    def __init__(self, stream: TextIO, *forgiven: type[Exception]) -> None:
        self._stream = stream
        self._forgiven = forgiven

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except self._forgiven:
            _lead_nowhere(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except self._forgiven:
            _lead_nowhere(self._stream)


def print_path(path: Path) -> None:
    """Write a path to standard output: as it is for a program, printable for a terminal."""
    print(printable(str(path)) if sys.stdout.isatty() else path)


def write_bytes(content: bytes) -> None:
    """Write bytes to standard output. A reader that has seen enough may leave.

    Raises:
        OSError: standard output is a file on a full disk, say.
    """
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _lead_nowhere(sys.stdout)


def flush_output() -> None:
    """Write out what standard output holds back, so that what goes wrong is known now.

    Raises:
        OSError: it is a file on a full disk, say. What could not be written is forgotten.
    """
    try:
        sys.stdout.flush()
    except OSError:  # Python would try once more at its end, and complain in its own way.
        _lead_nowhere(sys.stdout)
        raise


def _lead_nowhere(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):  # It may have no descriptor, or be closed.
        number = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        os.close(nothing)
