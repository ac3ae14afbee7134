"""Who may import whom. (That nothing heavy is imported at a module's top, ruff's TID253 holds.)"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "dcgan_cli"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_MODULES = 16
"""In one folder; what needs more is two subjects."""
COMMON = {"dcgan_cli", "settings", "errors", "text"}
"""What every part may import. `settings` itself may import `errors` alone."""
ARROWS = {
    "__main__": {"cli", "shadowing"},
    "__init__": {"api", "core.gan.losses", "plugins", "settings"},
    "api": {
        *("commands", "console", "core", "core.data", "core.export", "core.runs"),
        *("core.sampling", "hints", "hydra_cli", "plugins"),
    },
    "plugins": {"core"},
    "cli": {
        *("commands", "core", "hints", "hydra_cli", "core.runs", "core.training", "plugins"),
        *("shadowing", "streams"),
    },
    "hints": {"core", "core.runs", "plugins"},
    "commands": {
        *("console", "core", "core.data", "core.evaluation", "core.runs", "core.sampling"),
        *("core.data.arrays", "core.data.pictures", "core.data.records", "core.training"),
        *("core.comparison", "core.export", "core.report", "core.tracking"),
        *("hints", "hydra_cli", "streams"),
    },
    "console": {"core.runs", "core.training", "hints", "preview", "streams"},
    "hydra_cli": {"core", "core.comparison", "core.runs", "hints", "plugins", "streams"},
    "core.training": {
        *("core", "core.data", "core.evaluation", "core.gan", "core.networks", "core.runs"),
        *("core.data.pictures", "core.sampling"),
    },
    "core.tracking": {"core.runs", "core.training"},
    "core.tracking.trackers": {"core", "core.runs", "core.tracking"},
    "core.export": {"core", "core.networks", "core.runs", "core.sampling"},
    "core.evaluation": {"core", "core.data", "core.networks", "core.runs", "core.sampling"},
    "core.gan": {"core.gan.losses", "core.networks"},
    "core.sampling": {"core", "core.networks", "core.runs"},
    "core.data": {
        "core",
        "core.data.sources",
        "core.data.arrays",
        "core.data.pictures",
        "core.data.records",
    },
    "core.data.arrays": {"core", "core.data", "core.data.pictures"},
    "core.data.records": {"core", "core.data", "core.data.pictures"},
    "core.data.pictures": {"core"},
    "core.data.sources": {
        *("core", "core.data", "core.data.arrays", "core.data.pictures", "core.data.records"),
    },
    "core.networks": {"core"},
    "core.networks.models": {"core.networks"},
    "core.gan.losses": {"core.gan"},
    "core.gan.optimizers": {"core.gan"},
    "core.runs": {"core"},
    "core.comparison": {"core", "core.runs"},
    "core.report": {
        *("core", "core.comparison", "core.data", "core.data.pictures", "core.runs"),
        *("core.sampling", "core.training"),
    },
}
"""Which parts each part may import besides `COMMON`. No circle, but within `core.data`."""


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it, by their full names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part(names: list[str]) -> str:
    """Return the part of the program that a module or one of its names is in.

    A part is a package below `core`, another package, or a module beside the packages.
    """
    folder, found = PACKAGE, []
    for name in names:
        folder /= name
        if not folder.is_dir():
            break
        found.append(name)
    return ".".join(found or names[:1]) or "dcgan_cli"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = part([*path.relative_to(PACKAGE).with_suffix("").parts])
    names = [name.split(".")[1:] for name in imported(path) if name.startswith("dcgan_cli.")]
    allowed = {own, "errors"} if own == "settings" else {own, *COMMON} | ARROWS.get(own, set())
    if not names or own in COMMON - {"settings"}:
        allowed = {own}
    wrong = {part(name) for name in names if name != ["__version__"]} - allowed
    assert not wrong


def test_no_folder_is_crowded():
    for folder in {path.parent for path in MODULES}:
        assert len(list(folder.glob("*.py"))) <= MOST_MODULES, folder


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_knows_no_command_line_and_only_core_knows_tensorflow(path):
    libraries = {name.partition(".")[0] for name in imported(path)}
    if (PACKAGE / "core") in path.parents:
        assert not libraries & {"typer", "hydra", "omegaconf", "rich"}
    else:
        assert not libraries & {"tensorflow", "keras"}


def test_nothing_runs_code_from_files():
    for path in MODULES:
        text = path.read_text()
        if path.name == "plugins.py" and path.parent == PACKAGE:
            continue  # It runs the files that the command line names.
        if path.parent.name == "export":
            # In Keras's safe mode, what was just written; and as text, in the card.
            text = text.replace("keras.saving.load_model(", "")
        for word in (
            "exec(",
            "import pickle",
            "load_model",
            "allow_pickle=True",
            "instantiate(",
            "eval(",
        ):
            assert word not in text, path
