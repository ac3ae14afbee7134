"""Name the plug-in in errors that its code causes, also where a library raises them."""

import contextlib
import re
import traceback
from collections.abc import Collection, Iterator

from dcgan_cli.errors import ConfigError, DcganError, storage_error
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import Choice

LONGEST = 300
"""Characters of a library's message that are shown."""


@contextlib.contextmanager
def plugin_errors(*groups: Choice) -> Iterator[None]:
    """Turn unexpected errors in the block into a ConfigError, if a group chooses a plug-in.

    NumPy, Keras and TensorFlow often fail outside the plug-in's own lines, on what it returned.

    Args:
        groups: the groups of settings whose entries the block calls.
    """
    try:
        yield
    except DcganError:
        raise
    except Exception as error:
        chosen = [(group, entry(group.kind, group.name).origin) for group in groups]
        origins = {f"{group.kind}={group.name}": origin for group, origin in chosen if origin}
        if not origins or storage_error(error):
            raise
        if innermost_frame(error, {origin.path for origin in origins.values() if origin.path}):
            raise  # `plugins.blame` names the line, which is the better message.
        names = dict.fromkeys(origin.name for origin in origins.values())
        raise ConfigError(
            f"{' '.join(origins)} from {' and '.join(names)} fails: {type(error).__name__}: "
            f"{_one_line(str(error))} (--debug shows where)"
        ) from error


def innermost_frame(error: BaseException, files: Collection[str]) -> traceback.FrameSummary | None:
    """Return the last call in a file that led to an error; None if no call is in one.

    Args:
        error: the error.
        files: absolute paths. Names alone would confuse a plug-in with a library's module.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame for frame in reversed(frames) if frame.filename in files), None)


def _one_line(message: str) -> str:
    """Return the beginning of a library's message without escape sequences and line breaks."""
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", message).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
