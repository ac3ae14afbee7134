"""Check the entries of a `run.json`, and other JSON of a run folder, before they are used."""

import re
import sys
from collections.abc import Mapping
from typing import Any

from dcgan_cli.core.runs.progress import LARGEST

REQUIRED_FIELDS = {"dcgan_version": str, "config": dict, "precision": str, "data_sha256": str}
"""Required entries of a `run.json` and their types."""
NO_PLAN: dict[str, Any] = {"ends": [], "settled": False, "early": False}
"""The plan of a run without `max_time`, which ends after its epochs."""
LAYER_FIELDS = {
    "name": str,
    "type": str,
    "output_shape": list,
    "parameters": int,
    "multiply_adds": int,
}
PLUGIN_FIELDS = {
    "choice": str,
    "name": str,
    "sha256": str | None,
    "version": str | None,
}
SCORED_BY_FIELDS = {"features": str, "samples": int}
EVALUATION_FIELDS = {
    "epoch": int,
    "step": int,
    "features": str,
    "samples": int,
    "first_seed": int,
    "figures": dict,
}
PLUGIN_CHOICE = re.compile(r"(data|model|loss|optimizer)=[a-z][a-z0-9_]*")
PACKAGE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""Names of distributions, as https://packaging.python.org/en/latest/specifications/name-normalization
has them."""


def check_record(record: dict[str, Any]) -> None:
    """Check that a `run.json` has the required entries, of the right types.

    Raises:
        ValueError: an entry is missing or has the wrong type.
    """
    _check_types(record, REQUIRED_FIELDS)
    if not isinstance(record.get("lineage", []), list):
        raise ValueError("its lineage is not a list")
    _check_plan(record.get("plan", NO_PLAN))
    names = record.get("class_names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its class_names are not a list of names")
    if not isinstance(record.get("data_images", 0), int):
        raise ValueError("its data_images is no whole number")
    _check_types(record, {"scored_by": dict | None})
    if scored_by := record.get("scored_by"):
        _check_types(scored_by, SCORED_BY_FIELDS)
    plugins = record.get("plugins", [])
    if not isinstance(plugins, list):
        raise ValueError("its plugins are not a list")
    for plugin in plugins:
        _check_types(plugin, PLUGIN_FIELDS)
        _check_plugin_name(plugin)
    networks = record.get("networks", {})
    if not isinstance(networks, dict) or not all(
        isinstance(own, list) for own in networks.values()
    ):
        raise ValueError("its networks are not lists of layers")
    for layers in networks.values():
        for layer in layers:
            _check_types(layer, LAYER_FIELDS)


def _check_plan(plan: Any) -> None:
    """Check the planned ends of a run.

    Raises:
        ValueError: they are no pairs of steps.
    """
    ends = plan.get("ends") if isinstance(plan, dict) else None
    flags = isinstance(plan, dict) and [type(plan.get(flag)) for flag in ("settled", "early")]
    if not isinstance(ends, list) or flags != [bool, bool]:
        raise ValueError("its plan is missing or has the wrong type")
    for pair in ends:
        if not (isinstance(pair, list) and [type(value) for value in pair] == [int, int]):
            raise ValueError("its plan has an entry that is no pair of steps")
        if not all(0 <= value < LARGEST for value in pair):
            raise ValueError("its plan has a step that is out of range")


def _check_plugin_name(plugin: dict[str, Any]) -> None:
    """Check the name of a plug-in, which messages offer to load or to install.

    Raises:
        ValueError: it is not that of a file without a folder, or of a package.
    """
    name = plugin["name"]
    valid = PLUGIN_CHOICE.fullmatch(plugin["choice"]) is not None
    if plugin["sha256"]:
        is_bare = not {"/", "\\", "\0"} & set(name)
        valid = valid and is_bare and name.isprintable() and name.endswith(".py")
    elif plugin["version"]:
        valid = valid and PACKAGE_NAME.fullmatch(name) is not None
    if not valid:
        raise ValueError(f"its plugins have the name {name!r}")


def _check_types(values: Any, types: Mapping[str, Any]) -> None:
    if not isinstance(values, dict):
        raise ValueError("an entry that should hold others is none")
    for name, kind in types.items():
        if not isinstance(values.get(name), kind):
            raise ValueError(f"its {name} is missing or has the wrong type")


def are_real_figures(facts: Any) -> bool:
    """Return whether a value is what `real.json` has; see `Scorer.real_facts`."""
    try:
        _check_types(facts, SCORED_BY_FIELDS)
        numbers = [facts["nothing_learned"], facts["figures"]["frechet_distance"]]
        numbers += facts["figures"].values()
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return all(map(is_number, numbers))


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number, as large as a float may be."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max  # False for NaN.


def with_nulls(value: Any) -> Any:
    """Return a value for JSON, which has no numbers that are not finite, with None for them."""
    if isinstance(value, dict):
        return {name: with_nulls(own) for name, own in value.items()}
    if isinstance(value, list):
        return [with_nulls(own) for own in value]
    return None if isinstance(value, float) and not is_number(value) else value


def is_evaluation(facts: Any) -> bool:
    """Return whether a value is what `dcgan evaluate --json` prints of a generator."""
    try:
        _check_types(facts, EVALUATION_FIELDS)
        numbers = [
            figure[key] for figure in facts["figures"].values() for key in ("value", "floor")
        ]
        numbers = [value for value in numbers if value is not None]
        for name in ("by_class", "class_shares"):
            for values in facts.get(name, {}).values():
                numbers += [value for value in values if value is not None]
        names = facts.get("class_names", [])
        named = isinstance(names, list) and all(isinstance(name, str) for name in names)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return named and all(map(is_number, numbers))
