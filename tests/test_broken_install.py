"""An installation that has lost its configs says so, and does what needs none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dcgan_cli


@pytest.fixture(params=["no folder", "empty folder", "no train.yaml"])
def broken(request, tmp_path) -> Path:
    """A copy of the package whose configs are spoiled; its assets are those of the original."""
    package = Path(dcgan_cli.__file__).parent
    copy = tmp_path / "library" / "dcgan_cli"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("assets", "conf", "__pycache__"))
    (copy / "assets").symlink_to(package / "assets")
    if request.param == "empty folder":
        (copy / "conf").mkdir()
    elif request.param == "no train.yaml":
        from dcgan_cli.hydra_cli.compose import conf_dir

        shutil.copytree(conf_dir(), copy / "conf")
        (copy / "conf" / "train.yaml").unlink()
    return copy.parent


def run(broken: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "dcgan_cli", *words],
        env=os.environ | {"PYTHONPATH": str(broken)},
        cwd=broken.parent,
        capture_output=True,
        text=True,
    )


def test_commands(broken):
    done = run(broken, "train", "epochs=1")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "conf/train.yaml; reinstall dcgan-cli" in done.stderr
    assert str(broken) in done.stderr
    assert run(broken, "--version").stdout == f"{dcgan_cli.__version__}\n"
    done = run(broken, "inspect", "bundled")
    assert done.returncode == 0, done.stderr
    done = run(broken, "train", "--help")
    assert done.returncode == 0, done.stderr
    assert "learning_rate" in done.stdout
