"""Choose the run that a reading command's arguments name."""

import os
from pathlib import Path

from dcgan_cli.core.runs.find import run_to_read
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.errors import ConfigError, SweepError
from dcgan_cli.hydra_cli.sweep_table import name_one
from dcgan_cli.settings.overrides import shell_word


def choose_run(command: str, name: str | None) -> RunFolder:
    """Return the run for `dcgan COMMAND`.

    Args:
        command: its name.
        name: a folder, "latest", "bundled", or None; see `run_to_read`.

    Raises:
        CheckpointError: there is no such run, or it is not to be used; or it is a sweep, whose jobs
            have been listed.
    """
    try:
        return run_to_read(name)
    except SweepError as error:
        raise name_one(error, f"dcgan {command} --run ") from None


def run_word(command: str, word: str | None, option: str | None) -> str | None:
    """Return the run's name, given as an argument or with --run.

    Args:
        command: the command's name.
        word: what stands after it.
        option: the value of --run.

    Raises:
        ConfigError: both are given, or the word is no folder.
    """
    if word is None:
        return option
    if option is not None:
        raise ConfigError(f"{word} and --run {option} both name a run; give one")
    if word in ("latest", "bundled") or any(Path(os.path.expanduser(word)).glob("*")):
        return word
    if word.isdecimal() and command in ("sample", "evaluate"):
        raise ConfigError(
            f"{word} is no run folder; for {word} images write dcgan {command} --n {word}"
        )
    key, equals, value = word.partition("=")
    if equals:
        raise ConfigError(f"{word}: dcgan {command} takes options; write --{key} {value}")
    if os.path.isfile(word):
        raise ConfigError(f"{word} is a file, not a run folder; dcgan inspect says what it is")
    named = shell_word(word)
    raise ConfigError(
        f"--run {named}: no run folder there; `dcgan train` makes one, and dcgan {command} takes "
        "the newest in ./runs by itself"
    )
