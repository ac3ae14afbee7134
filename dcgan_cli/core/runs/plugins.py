"""Which plug-ins a run was made with, and whether they are loaded as they were."""

from pathlib import Path
from typing import Any

from dcgan_cli.errors import PluginError
from dcgan_cli.settings import registry
from dcgan_cli.settings.schema import TrainConfig


def plugin_facts(config: TrainConfig) -> list[dict[str, Any]]:
    """Describe the plug-ins whose entries the settings name, for `run.json`.

    Returns:
        One dictionary for each such entry: what it is chosen by, the name of its file or package,
        and the file's sha256 or the package's version.
    """
    facts = []
    for kind in registry.BUILT_IN:
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
    """Check that what a run was made with is loaded.

    Args:
        run: the run folder.
        facts: what its record says; see `plugin_facts`.

    Raises:
        PluginError: it is not.
    """
    missing = [fact for fact in facts if _entry(fact) is None]
    if not missing:
        return
    files = {fact["name"] for fact in missing if fact["sha256"]}
    packages = {fact["name"] for fact in missing if fact["version"]}
    choices = [fact["choice"] for fact in missing]
    raise PluginError(run, choices, sorted(files), sorted(packages))


def changed_plugins(facts: list[dict[str, Any]]) -> list[str]:
    """Return a note for each plug-in that is loaded in another form than the run was made with."""
    notes = []
    for fact in facts:
        one = _entry(fact)
        origin = one.origin if one else None
        if origin is None:
            continue
        if fact["sha256"] and origin.sha256 != fact["sha256"]:
            notes.append(f"{origin.name} has changed since the run began ({fact['choice']})")
        elif fact["version"] and origin.version != fact["version"]:
            was = fact["version"]
            notes.append(f"{origin.name} is {origin.version}, was {was} ({fact['choice']})")
    return list(dict.fromkeys(notes))


def _entry(fact: dict[str, Any]) -> registry.Entry | None:
    kind, _, name = fact["choice"].partition("=")
    if kind not in registry.BUILT_IN or name not in registry.names(kind):
        return None
    found: registry.Entry = registry.entry(kind, name)
    return found
