"""Explain wrong arguments of `dcgan train` in one line, with a suggestion."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli.other_names import meant_key
from dcgan_cli.settings.field import nearest
from dcgan_cli.settings.overrides import override as quoted_override
from dcgan_cli.settings.overrides import shell_word
from dcgan_cli.settings.registry import GROUPS, foreign_entries
from dcgan_cli.settings.tree import group_names, keys

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def check_names(words: list[str], folders: list[Path]) -> None:
    """Check that overrides name existing settings, groups and choices.

    Args:
        words: the overrides.
        folders: the folders with config groups.

    Raises:
        ConfigError: a name does not exist, or an override cannot be parsed.
    """
    for word in words:
        if message := _about_name(parse(word), folders):
            raise ConfigError(message)


def check_sweep(words: list[str], *, searches: bool) -> None:
    """Check that the sweeper supports every override of a sweep.

    Args:
        words: the overrides.
        searches: whether the sweeper searches, and so can sample from an interval.

    Raises:
        ConfigError: a range or interval is empty, an interval of whole numbers has fractional
            bounds, or the sweeper does not support intervals.
    """
    from hydra.core.override_parser.types import IntervalSweep

    kinds = {key.name: key.kind for key in keys()}
    for word in words:
        override = parse(word)
        if override.is_range_sweep() and not list(override.sweep_string_iterator()):
            raise ConfigError(f"{word} is empty; write range(START,STOP,STEP) with START < STOP")
        interval, name = override.value(), override.key_or_group
        if not isinstance(interval, IntervalSweep):
            continue
        if not searches:
            raise ConfigError(
                f"{word}: interval() needs a search; add hydra/sweeper=optuna, or list values with "
                "choice(1,2) or range(1,5)"
            )
        start, end = interval.start, interval.end
        if start is None or end is None or start > end:
            raise ConfigError(f"{word} is empty; write the lower bound first")
        whole = kinds.get(name, "").startswith("a whole number")
        if whole and not (isinstance(start, int) and isinstance(end, int)):
            value = word.partition("=")[2]
            raise ConfigError(f"{name} is a whole number; write {name}=int({value})")


def check_single(words: list[str]) -> None:
    """Check that no override has several values, which need `-m`.

    Raises:
        ConfigError: an override has several values.
    """
    for word in words:
        if parse(word).is_sweep_override():
            raise ConfigError(f"{word} has several values; add --multirun (-m) to run each of them")


def explain(words: list[str], error: Exception, compose: Callable[[list[str]], Any]) -> str:
    """Return a message that names the word whose value made composing fail.

    Args:
        words: overrides whose names have been checked.
        error: the error that composing all of them raised.
        compose: composes a list of words; called for each word alone.
    """
    overrides = [parse(word) for word in words]
    for override in overrides:
        if about := _about_choice(override, overrides):
            return about
    # `KIND.options.NAME` exists only together with its choice.
    choices = [w for w, o in zip(words, overrides, strict=True) if o.key_or_group in GROUPS]
    for tried in ([], *([word] for word in words)):
        try:
            compose([*choices, *tried] if ".options." in "".join(tried) else tried)
        except Exception as alone:
            about = _about_value(parse(tried[0])) if tried else ""
            return about or one_line(alone) + _missing_extra(tried)
    return one_line(error)


def _missing_extra(words: list[str]) -> str:
    """Return how to install a Hydra plugin that is in the extra `sweep`."""
    if words in (["hydra/sweeper=optuna"], ["hydra/launcher=joblib"]):
        return "; install it: pip install 'dcgan-cli[sweep]'"
    return ""


def parse(word: str) -> "Override":
    """Parse one override.

    Raises:
        ConfigError: it does not follow Hydra's grammar.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:
        name, _, value = word.partition("=")
        quoted = shell_word(quoted_override(name, value))
        raise ConfigError(
            f"cannot parse {word}; if the value contains special characters, write {quoted}"
        ) from None
    if not override.key_or_group:
        raise ConfigError(f"{word!r} has no key; write KEY=VALUE; see dcgan train --help")
    return override


def split_sweep(words: list[str]) -> tuple[list[str], list[str]]:
    """Split the overrides of a sweep into fixed ones and single choices.

    Returns:
        The overrides that all jobs share, and one `KEY=VALUE` for each value of the others.

    Raises:
        ConfigError: a word cannot be parsed, or names `resume`.
    """
    fixed, choices = [], []
    for word in words:
        override = parse(word)
        if override.key_or_group == "resume":
            raise ConfigError(
                "resume continues a single run and cannot be part of a sweep; leave out -m"
            )
        if override.is_choice_sweep():
            name = override.get_key_element()
            choices += [f"{name}={value}" for value in override.sweep_string_iterator()]
        elif not override.is_sweep_override():
            fixed.append(word)
    return fixed, choices


def expand_globs(words: list[str], folders: list[Path]) -> list[str]:
    """Return the overrides with `GROUP=glob(PATTERN)` replaced by the list of matching choices.

    Not every sweeper supports glob().

    Args:
        words: the overrides.
        folders: the folders with config groups.

    Raises:
        ConfigError: the key is not a group, or no choice matches.
    """
    from hydra.core.override_parser.types import Glob

    expanded = []
    for word in words:
        override = parse(word)
        group, pattern = override.key_or_group, override.value()
        if not isinstance(pattern, Glob):
            expanded.append(word)
            continue
        if not (options := _options(group, folders)):
            groups = ", ".join(config_groups(folders))
            raise ConfigError(f"{word}: glob() works only for the groups {groups}")
        if not (names := pattern.filter(options)):
            raise ConfigError(f"{word} matches none of {', '.join(options)}")
        expanded.append(f"{group}={','.join(names)}")
    return expanded


def one_line(error: Exception) -> str:
    """Return an error's message as one line, without Hydra's notes for developers."""
    text = str(error.__cause__ or error).split("Config search path")[0]
    lines = [line.strip() for line in text.splitlines()]
    key = next((line.split()[-1] for line in lines if line.startswith("full_key:")), "")
    notes = ("full_key:", "reference_type=", "object_type=")
    message = "; ".join(line for line in lines if line and not line.startswith(notes))
    return f"{key}: {message}" if key else message


def config_groups(folders: list[Path]) -> list[str]:
    """Return the sorted names of the config groups in these folders."""
    return sorted({path.name for folder in folders for path in folder.iterdir() if path.is_dir()})


def _about_name(override: "Override", folders: list[Path]) -> str:
    """Return what is wrong with the key or the group choice of an override; "" if nothing."""
    name = override.key_or_group
    groups = config_groups(folders)
    if name.partition(".")[0].partition("/")[0] == "hydra":
        return ""
    known = [key.name for key in keys()]
    if name not in groups and name not in known:
        meant = meant_key(name)
        hint = f"; did you mean {meant}?" if meant else nearest(name, known + groups)
        return f"unknown key {name}{hint} (dcgan train --help lists all)"
    if override.is_add():
        return f"+{name}: {name} already exists; remove the +"
    if override.is_delete():
        return _about_deletion(name, known)
    if name in known or override.is_sweep_override():
        return ""
    options = _options(name, folders)
    value = override.value()
    for choice in value if isinstance(value, list) else [value]:
        if choice not in options and not isinstance(choice, dict):
            got = "null" if choice is None else repr(str(choice))
            return (
                f"{name} must be {' or '.join(options)}, got {got}{nearest(str(choice), options)}"
            )
        if name not in group_names() and (wrong := _wrong_beginning(name, str(choice), folders)):
            return wrong
    return ""


def _options(group: str, folders: list[Path]) -> list[str]:
    """Return the choices of a config group; empty if the group does not exist."""
    shipped = {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}
    return sorted(shipped | {one.name for one in foreign_entries() if one.kind == group})


def _about_deletion(name: str, known: list[str]) -> str:
    """Return why a setting or group cannot be deleted; "" if it can be."""
    if name not in known and name not in group_names():
        return ""
    default = next((key.default for key in keys() if key.name == name), "")
    instead = f"; write {name}=null" if default is None else "; leave it out to use the default"
    return f"~{name}: a setting cannot be deleted{instead}"


def _wrong_beginning(group: str, choice: str, folders: list[Path]) -> str:
    """Return what is wrong with the head of a config file for top-level keys; "" if nothing.

    Without `@package _global_`, Hydra would nest the keys under the name of the group.
    """
    for path in (folder / group / f"{choice}.yaml" for folder in folders):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.startswith("\ufeff"):
            return f"{path} begins with a byte order mark; save it as UTF-8 without BOM"
        head = itertools.takewhile(
            lambda line: not line.strip() or line.lstrip().startswith("#"), text.splitlines()
        )
        if not any("@package" in line for line in head):
            return f"{path} must begin with the line `# @package _global_`"
        return ""
    return ""


def _about_choice(override: "Override", others: list["Override"]) -> str:
    """Return which choice an `options` setting needs; "" if that choice is selected."""
    kind, own, name = override.key_or_group.partition(".options.")
    having = [
        one.name
        for one in foreign_entries()
        if own and one.kind == kind and one.options and hasattr(one.options, name)
    ]
    chosen = [str(other.value()) for other in others if other.key_or_group == kind]
    if not having or {*chosen[-1:]} & {*having}:
        return ""
    return f"{override.key_or_group} needs {kind}={' or '.join(having)}; add it"


def _about_value(override: "Override") -> str:
    """Return the allowed values of an override's setting; "" if it is not a single setting."""
    for key in keys():
        if key.name == override.key_or_group and not override.is_sweep_override():
            return f"{key.name} must be {key.kind}, got {override.value()!r}"
    return ""
