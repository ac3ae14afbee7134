"""From the facts of an error or a run to the command that is to be typed next."""

from collections.abc import Mapping
from pathlib import Path

from dcgan_cli.core.runs.folder import shown_path
from dcgan_cli.errors import DcganError, NoRunError, NoScoreError, UnreadableRunsError
from dcgan_cli.plugins import loaded_files
from dcgan_cli.settings.overrides import override, shell_word

Settings = Mapping[str, str | float]
"""Values by name. A bool and an int are a float to a type checker."""


def message_with_hint(error: DcganError) -> str:
    """Return the message of an error, with the command that resumes the run if there is one."""
    match error:
        case UnreadableRunsError():
            return (
                f"{error}; `dcgan inspect {run_word(error.run)}` says why of one, and --run "
                "bundled takes the generator inside the program"
            )
        case NoRunError():
            return f"{error}; start one with `dcgan train` or name one"
        case NoScoreError():
            return f"{error}; give --epoch last or an epoch"
    if (way := error.resume_hint) is None:
        return str(error)
    return f"{error}{way.text}: {resume_command(way.run, way.settings)}"


def resume_command(run: Path, settings: Settings | None = None) -> str:
    """Return the command that resumes a run, quoted for a shell.

    Args:
        run: its folder.
        settings: those to give another value.
    """
    return train_command({"resume": _name(run)} | dict(settings or {}))


def run_word(run: Path) -> str:
    """Return the word that names a run to the reading commands, as it can be pasted."""
    return shell_word(_name(run))


def train_command(settings: Settings) -> str:
    """Return the command that trains with settings, and with the plug-ins that are loaded now."""
    plugins = [f"--plugin {shell_word(str(shown_path(file)))}" for file in loaded_files()]
    return " ".join(["dcgan train", *plugins, *(_setting(*pair) for pair in settings.items())])


def _setting(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return shell_word(override(name, value))
    return f"{name}={str(value).lower() if isinstance(value, bool) else f'{value:.15g}'}"


def _name(run: Path) -> str:
    """Return the path as a word for this run: "latest" and "bundled" alone mean others."""
    name = str(shown_path(run))
    special = name in ("latest", "bundled") or name.startswith(("-", "~"))
    return f"./{name}" if special else name
