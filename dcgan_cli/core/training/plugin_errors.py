"""Name the plug-in in errors that its code causes in Keras or TensorFlow."""

import contextlib
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from dcgan_cli.core.runs.plugins import plugin_facts
from dcgan_cli.errors import ConfigError, DcganError, storage_error
from dcgan_cli.settings.schema import TrainConfig

LONGEST = 300
"""Characters of a library's message that are shown."""


@contextlib.contextmanager
def plugin_errors(config: TrainConfig) -> Iterator[None]:
    """Turn unexpected errors in the block into a ConfigError, if the settings use a plug-in.

    Keras and TensorFlow often fail outside the plug-in's own lines, on what it returned.
    """
    try:
        yield
    except DcganError:
        raise
    except Exception as error:
        facts = plugin_facts(config)
        if not facts or storage_error(error):
            raise
        names = list(dict.fromkeys(fact["name"] for fact in facts))
        frames = traceback.extract_tb(error.__traceback__)
        if any(Path(frame.filename).name in names for frame in frames):
            raise  # `plugins.blame` names the line, which is the better message.
        choices = " ".join(fact["choice"] for fact in facts)
        raise ConfigError(
            f"{choices} from {' and '.join(names)} fails: {type(error).__name__}: "
            f"{_one_line(str(error))} (--debug shows where)"
        ) from error


def _one_line(message: str) -> str:
    """Return the beginning of a library's message without escape sequences and line breaks."""
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", message).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
