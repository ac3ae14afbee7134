"""Make standard input, output and error safe to use when they are closed or broken."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any, TextIO, cast

from dcgan_cli.text import printable


def open_standard_streams() -> None:
    """Open missing standard streams on the null device, and ignore broken pipes.

    Without this, the first file that is opened would get the descriptor of a missing stream, and
    output such as TensorFlow's log would go into a checkpoint.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    # Paths may contain undecodable bytes, and the locale may lack the characters of a chart.
    if hasattr(sys.stdout, "reconfigure"):
        utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")
    sys.stdout = cast(TextIO, ForgivingStream(sys.stdout, BrokenPipeError))
    sys.stderr = cast(TextIO, ForgivingStream(sys.stderr, OSError))


class ForgivingStream:
    """A stream that ignores broken pipes.

    A closed terminal, or a reader such as `head` that has exited, must not stop training. After
    such an error, output goes to the null device.

    Args:
        stream: the stream to write to.
        forgiven: the errors to ignore.
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
            _discard_output(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except self._forgiven:
            _discard_output(self._stream)


def print_path(path: Path) -> None:
    """Write a path to standard output: unchanged for a program, printable for a terminal."""
    print(printable(str(path)) if sys.stdout.isatty() else path)


def write_bytes(content: bytes) -> None:
    """Write bytes to standard output, and ignore a broken pipe.

    Raises:
        OSError: standard output is a file on a full disk, say.
    """
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _discard_output(sys.stdout)


def flush_output() -> None:
    """Flush standard output, so that write errors appear now and not at exit.

    Raises:
        OSError: the output is not writable, for example a full disk; its buffer is discarded.
    """
    try:
        sys.stdout.flush()
    except OSError:  # Otherwise Python would retry at exit and print its own message.
        _discard_output(sys.stdout)
        raise


def _discard_output(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):  # It may be closed or have no descriptor.
        number = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        os.close(nothing)
