"""The long part of `dcgan train --help`: every setting, and every choice of every group."""

from pathlib import Path

from dcgan_cli.core.storage import entries
from dcgan_cli.settings.registry import foreign_entries
from dcgan_cli.settings.tree import keys

EXAMPLES = """\
  dcgan train epochs=50
  dcgan train experiment=quick
  dcgan train resume=latest epochs=100
  dcgan train -m seed=1,2,3 optimizer.learning_rate=1e-4,2e-4"""

HYDRA_FLAGS = """\
  -m, --multirun         run every combination of KEY=A,B,... one after another
  -c, --cfg job          print the composed settings and stop
  -i, --info WHAT        explain the composition: defaults, defaults-tree, searchpath, ...
  --plugin FILE          load a Python file that registers losses, models, data or optimizers
  -cd, --config-dir DIR  look for more groups and experiments in DIR
  -cn, --config-name F   start from F.yaml instead of train.yaml
  --hydra-help           what else Hydra does"""


def settings_help(conf: Path) -> str:
    """Describe what can be written after `dcgan train`.

    Args:
        conf: the folder of the shipped configs; help is given without it, too.
    """
    folders = [f for f in sorted(entries(conf)) if f.is_dir() and f.name != "hydra"]
    groups = "\n".join(f"  {folder.name}={'|'.join(_choices(folder))}" for folder in folders)
    settings = "\n".join(
        f"  {f'{key.name}={shown(key.default)}':32} {key.doc} ({key.kind})"
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


def _choices(folder: Path) -> list[str]:
    shipped = sorted(path.stem for path in folder.glob("*.yaml"))
    return shipped + [one.name for one in foreign_entries() if one.kind == folder.name]


def shown(value: object) -> str:
    """Write a default as it would be typed."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def configuration_page() -> str:
    """Return docs/configuration.md: a table of every setting."""
    rows = "\n".join(
        f"| `{key.name}` | `{shown(key.default)}` | {key.kind} | {key.doc} |" for key in keys()
    )
    changeable = "\n".join(f"- `{key.name}`" for key in keys() if key.may_change)
    return f"""\
# Configuration

Every setting of `dcgan train`, written `KEY=VALUE`. `make docs` makes this page from
`dcgan_cli/settings/schema.py`; `dcgan train --help` shows the same.

| key | default | what it may be | meaning |
| --- | --- | --- | --- |
{rows}

A run that is resumed keeps its own settings. These may be given another value then:

{changeable}

The images must stay the same, wherever `data.path` finds them. Changing any other setting is
refused by name.

Keys that begin with `hydra.` are Hydra's, such as `hydra.run.dir=FOLDER` for the run folder and
`hydra.sweep.dir=FOLDER` for that of a sweep.
"""
