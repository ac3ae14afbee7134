"""Settings and group choices for `dcgan train --help` and docs/configuration.md."""

from pathlib import Path

from dcgan_cli.core.storage import entries
from dcgan_cli.settings.registry import GROUPS, foreign_entries
from dcgan_cli.settings.tree import Key, keys
from dcgan_cli.text import typed

EXAMPLES = """\
  dcgan train epochs=50
  dcgan train experiment=quick
  dcgan train resume=latest epochs=100
  dcgan train -m seed=1,2,3 optimizer.learning_rate=1e-4,2e-4"""

HYDRA_FLAGS = """\
  -m, --multirun         sweep: run every combination of KEY=A,B,... one after another
  -c, --cfg job          print the composed settings and exit
  -i, --info WHAT        show how Hydra composes them: defaults, defaults-tree, searchpath, ...
  --plugin FILE          load a Python file that registers losses, models and more
  -cd, --config-dir DIR  add your own groups and experiments from DIR
  -cn, --config-name F   start from F.yaml instead of train.yaml
  --hydra-help           show Hydra's own help"""


def settings_help(conf: Path) -> str:
    """Return the epilog of `dcgan train --help`: examples, groups, settings, Hydra flags.

    Args:
        conf: the folder of the shipped configs; help is given without it, too.
    """
    folders = [f for f in sorted(entries(conf)) if f.is_dir() and f.name != "hydra"]
    groups = "\n".join(
        f"  {f'{folder.name}={name}':32} {meaning}".rstrip()
        for folder in folders
        for name, meaning in _choices(folder)
    )
    settings = "\n".join(
        f"  {f'{key.name}={typed(key.default)}':32} {key.doc} ({key.kind})"
        for key in keys()
        if not key.name.endswith(".name")
    )
    sections = {
        "Examples": EXAMPLES,
        "Groups": groups,
        "Settings and their defaults": settings,
        "Hydra": HYDRA_FLAGS,
    }
    return "\n\n".join(f"\b\n{title}:\n{text}" for title, text in sections.items())


def _choices(folder: Path) -> list[tuple[str, str]]:
    """Return name and description of every choice of a group, plug-ins last."""
    shipped = [(path.stem, _description(path)) for path in sorted(folder.glob("*.yaml"))]
    return shipped + [(one.name, one.doc) for one in foreign_entries() if one.kind == folder.name]


def _description(config: Path) -> str:
    """Return the first comment line of a config file that is neither a command nor a directive."""
    for line in config.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("#").strip()
        if line.startswith("#") and not text.startswith(("@package", "dcgan ")):
            return text
    return ""


def _kind(key: Key) -> str:
    """Return the allowed values of a setting; those of a registry are listed by `--help` alone."""
    kind, _, name = key.name.partition(".")
    return f"a choice of `{kind}=`" if kind in GROUPS and name == "name" else key.kind


def configuration_page() -> str:
    """Return the text of docs/configuration.md: a table of all settings."""
    rows = "\n".join(
        f"| `{key.name}` | `{typed(key.default)}` | {_kind(key)} | {key.doc} |" for key in keys()
    )
    changeable = "\n".join(f"- `{key.name}`" for key in keys() if key.may_change)
    return f"""\
# Configuration

All settings of `dcgan train`, written `KEY=VALUE`. `make docs` generates this page from
`dcgan_cli/settings/schema.py`; `dcgan train --help` shows the same settings.

| key | default | allowed values | meaning |
| --- | --- | --- | --- |
{rows}

A resumed run keeps its own settings. Only these may change:

{changeable}

`data.path` may change only if the images stay the same. A change of any other setting is an error
that names the setting.

Keys that begin with `hydra.` belong to Hydra, for example `hydra.run.dir=FOLDER` (the run folder)
and `hydra.sweep.dir=FOLDER` (the sweep folder).
"""
