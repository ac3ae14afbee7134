"""Who may import whom. (That nothing heavy is imported at a module's top, ruff's TID253 holds.)"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "dcgan_cli"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_knows_no_command_line_and_only_core_knows_tensorflow(path):
    if (PACKAGE / "core") in path.parents:
        assert not imported(path) & {"typer", "hydra", "omegaconf", "rich"}
    else:
        assert not imported(path) & {"tensorflow", "keras"}


def test_nothing_runs_code_from_files():
    for path in MODULES:
        text = path.read_text()
        for word in ("import pickle", "load_model", "allow_pickle=True", "instantiate(", "eval("):
            assert word not in text, path
