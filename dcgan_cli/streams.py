"""Standard input, output and error, made safe to use whatever they are."""

import os
import sys


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


def flush_output() -> None:
    """Write out what standard output holds back, so that what goes wrong is known now.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OSError: it is a file on a full disk, say. What could not be written is forgotten.
    """
    try:
        sys.stdout.flush()
    except OSError:  # Python would try once more at its end, and complain in its own way.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
        raise


def printable(text: str) -> str:
    """Write control characters as escapes: a file's name or content might hold some."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
