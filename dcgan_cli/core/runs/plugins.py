"""Record the plug-ins that a run needs, and check that they are loaded and unchanged."""

from pathlib import Path
from typing import Any

from dcgan_cli.errors import PluginError
from dcgan_cli.settings import registry
from dcgan_cli.settings.schema import TrainConfig


def plugin_facts(config: TrainConfig) -> list[dict[str, Any]]:
    """Return facts about the plug-ins that the settings use, for `run.json`.

    Returns:
        One dictionary per entry from a plug-in: the choice (such as "loss=NAME"), the name of its
        file or package, and the file's sha256 or the package's version.
    """
    facts = []
    for kind in registry.GROUPS:
        name = getattr(config, kind).name
        if origin := registry.entry(kind, name).origin:
            facts.append(
                {
                    "choice": f"{kind}={name}",
                    "name": origin.name,
                    "sha256": origin.sha256,
                    "version": origin.version,
                }
            )
    return facts


def check_plugins(run: Path, facts: list[dict[str, Any]]) -> None:
    """Check that the plug-ins of a run are loaded.

    Args:
        run: the run folder.
        facts: the facts in `run.json`; see `plugin_facts`.

    Raises:
        PluginError: a plug-in is not loaded.
    """
    missing = [fact for fact in facts if _entry(fact) is None]
    if not missing:
        return
    files = {fact["name"] for fact in missing if fact["sha256"]}
    packages = {fact["name"] for fact in missing if fact["version"]}
    choices = [fact["choice"] for fact in missing]
    raise PluginError(run, choices, sorted(files), sorted(packages))


def changed_plugins(facts: list[dict[str, Any]]) -> list[str]:
    """Return a note for each plug-in that has changed since the run was started."""
    notes = []
    for fact in facts:
        entry = _entry(fact)
        origin = entry.origin if entry else None
        if origin is None:
            continue
        if fact["sha256"] and origin.sha256 != fact["sha256"]:
            notes.append(f"{origin.name} has changed since the run was started ({fact['choice']})")
        elif fact["version"] and origin.version != fact["version"]:
            was = fact["version"]
            notes.append(f"{origin.name} is {origin.version}, was {was} ({fact['choice']})")
    return list(dict.fromkeys(notes))


def _entry(fact: dict[str, Any]) -> registry.Entry | None:
    kind, _, name = fact["choice"].partition("=")
    if kind not in registry.GROUPS or name not in registry.names(kind):
        return None
    entry: registry.Entry = registry.entry(kind, name)
    return entry
