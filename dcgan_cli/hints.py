"""Build the command to type next from the facts of an error or a run."""

import re
from collections.abc import Mapping
from pathlib import Path

from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.storage import read_text
from dcgan_cli.errors import DcganError, NoRunError, NoScoreError, UnreadableRunsError
from dcgan_cli.plugins import loaded_files
from dcgan_cli.settings.overrides import override, shell_word

Settings = Mapping[str, str | float]
"""Values by name. Type checkers accept a bool or an int as a float."""
MAX_WORDS_BYTES = 65536
"""Maximum size of the record of the words that began a run."""


def message_with_hint(error: DcganError) -> str:
    """Return the message of an error, followed by the command to type next if there is one."""
    match error:
        case UnreadableRunsError():
            return (
                f"{error}; `dcgan inspect {run_word(error.run)}` says what is wrong with one; "
                "--run bundled uses the generator in the package"
            )
        case NoRunError():
            return f"{error}; start one with `dcgan train` or name one"
        case NoScoreError():
            return f"{error}; give --epoch last or an epoch"
    if (hint := error.resume_hint) is None:
        return str(error)
    return f"{error}{hint.text}: {resume_command(hint.run, hint.settings)}"


def resume_command(run: Path, settings: Settings | None = None) -> str:
    """Return the command that resumes a run, quoted for a shell.

    Args:
        run: the run folder.
        settings: settings to change, by name.
    """
    return train_command({"resume": _name(run)} | dict(settings or {}))


def new_run_command(run: RunFolder, settings: Settings) -> str | None:
    """Return the command that began a run, with some settings changed.

    Args:
        run: the run; its words are in `.hydra/overrides.yaml`.
        settings: the changed settings, by name.

    Returns:
        The command; None if the words are not recorded, are not KEY=VALUE, or name configs of a
        folder that only the command line named.
    """
    import yaml

    try:
        words, hydra = (
            yaml.safe_load(read_text(run.path / ".hydra" / name, MAX_WORDS_BYTES))
            for name in ("overrides.yaml", "hydra.yaml")
        )
        sources = hydra["hydra"]["runtime"]["config_sources"]
        own_configs = any(s["schema"] == "file" and s["provider"] != "main" for s in sources)
        config = run.config()
    except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError, DcganError):
        return None
    if own_configs:
        return None
    data, features = config.data, config.evaluation.features
    # Words that are paths may be relative to another folder.
    files = {"evaluation.features": features} if Path(features).is_absolute() else {}
    if data.path is not None and data.name != "tfds":
        files["data.path"] = data.path
    kept = []
    for word in words if isinstance(words, list) else [None]:
        found = re.match(r"\+{0,2}([A-Za-z_][\w./@]*)=", str(word), re.ASCII)
        if not isinstance(word, str) or not found:
            return None
        name = found[1]
        if name in files:
            kept.append(shell_word(override(name, str(shown_path(Path(files[name]))))))
        elif name not in settings and not name.startswith("hydra"):
            kept.append(shell_word(word))
    return command("train", *kept, *(_setting(*pair) for pair in settings.items()))


def run_word(run: Path) -> str:
    """Return the argument that names a run, quoted for a shell."""
    return shell_word(_name(run))


def train_command(settings: Settings) -> str:
    """Return the command that trains with these settings and the plug-ins that are loaded."""
    return command("train", *(_setting(*pair) for pair in settings.items()))


def command(name: str, *words: str) -> str:
    """Return `dcgan NAME` with the plug-ins that are loaded and with words quoted for a shell."""
    plugins = [f"--plugin {shell_word(str(shown_path(file)))}" for file in loaded_files()]
    return " ".join([f"dcgan {name}", *plugins, *words])


def _setting(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return shell_word(override(name, value))
    return f"{name}={str(value).lower() if isinstance(value, bool) else f'{value:.15g}'}"


def _name(run: Path) -> str:
    """Return the path of a run; with ./ where it would otherwise mean another run or an option."""
    name = str(shown_path(run))
    special = name in ("latest", "bundled") or name.startswith(("-", "~"))
    return f"./{name}" if special else name
