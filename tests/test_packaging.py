"""The wheel holds everything, and works from anywhere."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import TINY

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    done = subprocess.run([*command, PROJECT], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_wheel_holds_configs_data_and_licences(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (PROJECT / "conf").rglob("*.yaml"):
        assert f"dcgan_cli/{path.relative_to(PROJECT)}" in names
    assert "dcgan_cli/assets/mnist/mnist.npz" in names
    assert "dcgan_cli/assets/mnist/LICENSE.txt" in names
    assert "dcgan_cli/py.typed" in names
    for folder in ("assets", "core/export/live_page", "core/report/templates"):
        for path in (PROJECT / "dcgan_cli" / folder).rglob("*.*"):
            assert str(path.relative_to(PROJECT)) in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "conf/", "benchmarks"))]


@pytest.mark.slow
def test_installed_wheel_trains_samples_and_animates(wheel, tmp_path):
    """Its own copy of the package, found first; the packages it needs are those at hand."""
    site, place = tmp_path / "site", tmp_path / "place"
    place.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site]
    subprocess.run([*install, wheel], check=True)

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, site / "bin" / "dcgan", *words],
            capture_output=True,
            text=True,
            cwd=place,
            env=os.environ | {"PYTHONPATH": str(site)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    assert str(site) in run("train", "--info", "searchpath")
    assert "using the bundled generator" in run("sample", "--n", "4")
    assert run("train", *TINY, "epochs=1", "experiment=tutorial", "hydra.run.dir=a")
    assert run("animate")
    assert {"a", "grid.png", "runs"} == {path.name for path in place.iterdir()}
    assert (place / "a" / "dcgan.gif").stat().st_size > 1000
