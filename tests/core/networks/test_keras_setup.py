"""Keras, TensorFlow and Python are set up for something else; results stay the program's own."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dcgan_cli.core.data import fashion_mnist
from dcgan_cli.core.data.load import fetch, load_training_images
from dcgan_cli.core.environment import keras_folder
from dcgan_cli.core.evaluation import features
from dcgan_cli.core.networks.device import onednn
from dcgan_cli.errors import DataError
from dcgan_cli.settings.schema import DataConfig
from tests.conftest import CONVOLUTIONAL
from tests.core.data.test_fashion_mnist import write_files
from tests.pictures import write_colours
from tests.same_run import assert_same_run

PROGRAM = [sys.executable, "-m", "dcgan_cli"]
KERAS_JSON = {
    "floatx": "float16",
    "epsilon": 1e-3,
    "backend": "jax",
    "image_data_format": "channels_first",
    "nnx_enabled": True,
}
ELSEWHERE = {
    "KERAS_BACKEND": "torch",
    "KERAS_MAX_EPOCHS": "none",
    "KERAS_NNX_ENABLED": "1",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit --no_such_flag",
    "TF_ENABLE_AUTO_MIXED_PRECISION": "1",
    "TF_SET_ONEDNN_FPMATH_MODE": "BF16",
    "TF_FUNCTION_JIT_COMPILE_DEFAULT": "1",
    "XLA_FLAGS": "--no_such_flag",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "TF_CLI_CONFIG_FILE": "terraform",
}
PYTHON = [
    {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
    pytest.param({"PYTHONOPTIMIZE": "2", "PYTHONSAFEPATH": "1"}, marks=pytest.mark.slow),
]
LIBRARIES = ["data", "hydra", "keras", "numpy", "PIL", "random", "rich", "tempfile", "tensorflow"]


def run(*words: str, environment: dict[str, str | None]) -> subprocess.CompletedProcess:
    """Run the program in the current folder; None takes a variable away."""
    changed = {name: value for name, value in environment.items() if value is not None}
    kept = {name: value for name, value in os.environ.items() if name not in environment}
    return subprocess.run(
        [*PROGRAM, *words], env=kept | changed, capture_output=True, text=True, check=False
    )


def train(folder: str, environment: dict[str, str | None]) -> subprocess.CompletedProcess:
    """Train for as long as `convolutional_run` was."""
    words = ["train", *CONVOLUTIONAL, "epochs=3", "checkpoint_every=1", f"hydra.run.dir={folder}"]
    done = run(*words, environment=environment)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("settings", PYTHON, ids=lambda settings: next(iter(settings)))
def test_set_up_for_something_else(workplace, convolutional_run, settings):
    """And modules that have the names of libraries lie in the current folder.

    Nothing is written but the run.
    """
    for name in ("home/.keras", "temporary", "place"):
        (workplace / name).mkdir(parents=True)
    setup = workplace / "home" / ".keras" / "keras.json"
    setup.write_text(json.dumps(KERAS_JSON))
    os.chdir("place")
    for name in LIBRARIES:
        Path(f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    homes = {"HOME": str(workplace / "home"), "TMPDIR": str(workplace / "temporary")}
    done = train("run", ELSEWHERE | settings | homes | {"KERAS_HOME": None})
    assert_same_run(workplace / "place" / "run", convolutional_run)
    (ignored,) = [line for line in done.stderr.splitlines() if line.startswith("ignored")]
    removed = sorted(name for name in ELSEWHERE if not name.startswith(("KERAS", "TF_CLI")))
    assert ignored == f"ignored   {', '.join(removed)}, which would change the arithmetic"
    assert json.loads(setup.read_text()) == KERAS_JSON
    assert [path for path in (workplace / "home").rglob("*") if path.is_file()] == [setup]
    assert not os.listdir(workplace / "temporary")
    assert sorted(os.listdir()) == sorted([*(f"{name}.py" for name in LIBRARIES), "run", "runs"])


@pytest.fixture
def nobody(workplace):
    """The environment of a user without a home: a sitecustomize has no entry for any."""
    (workplace / "site").mkdir()
    (workplace / "site" / "sitecustomize.py").write_text(
        "import pwd\ndef unknown(*_): raise KeyError\npwd.getpwuid = unknown\n"
    )
    return {"HOME": None, "KERAS_HOME": None, "PYTHONPATH": str(workplace / "site")}


def test_no_home_for_what_keras_keeps(workplace, nobody):
    words = ["train", *CONVOLUTIONAL[1:], "data=fashion_mnist", "epochs=1"]
    done = run(*words, environment=nobody | {"XDG_DATA_DIRS": str(workplace / "share")})
    assert done.returncode == 3
    assert done.stderr == (
        "dcgan: there is no home folder for the files of Keras; set KERAS_HOME to a folder\n"
    )


@pytest.mark.slow
def test_no_home_for_the_cache_and_data_sets(workplace, nobody):
    for words, answer in (
        (
            ["data=tfds", "data.path=mnist"],
            "for tensorflow-datasets; set TFDS_DATA_DIR to a folder",
        ),
        (["data=image_folder", "data.path=."], "for the cache; set DCGAN_CACHE to a folder"),
    ):
        write_colours(workplace, 1)
        homeless = nobody | {"TFDS_DATA_DIR": None, "XDG_CACHE_HOME": None, "DCGAN_CACHE": "~/c"}
        done = run("train", *words, environment=homeless)
        assert done.stderr == f"dcgan: there is no home folder {answer}\n"
    assert sorted(os.listdir()) == ["0000.png", "site"]


def test_home_of_keras(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert keras_folder() == tmp_path
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert keras_folder() == Path("/home/me/.keras")

    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    with pytest.raises(DataError, match="set KERAS_HOME to a folder"):
        keras_folder()
    with pytest.raises(DataError, match="set KERAS_HOME to a folder"):
        features.feature_extractor("inception", None, (28, 28, 1))


def test_fashion_mnist_is_downloaded_into_the_folder_of_keras(tmp_path, monkeypatch):
    served = write_files(tmp_path / "served", 7)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    monkeypatch.setattr(handler.func, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(fashion_mnist, "SOURCE", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        fetch(DataConfig(name="fashion_mnist"))
        server.shutdown()
    data = load_training_images(DataConfig(name="fashion_mnist"))
    assert (data.images == 7).all()
    names = sorted(os.listdir(tmp_path / "keras" / "datasets" / "fashion-mnist"))
    assert names == sorted(fashion_mnist.FILES)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((name, "x = 1\n") for name in ("numpy", "random", "rich", "tensorflow", "typing")),
        ("numpy", "x = (\n"),
        ("typing", "raise ValueError\n"),
    ],
)
def test_library_that_python_path_has_another_file_for(workplace, name, content):
    (workplace / "mine").mkdir()
    file = workplace / "mine" / f"{name}.py"
    file.write_text(content)
    done = run("sample", "--n", "1", environment={"PYTHONPATH": str(file.parent)})
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"dcgan: {file} shadows the library {name}, because")
    assert last.endswith("rename the file, or run dcgan without PYTHONPATH")
    assert "Traceback" not in done.stderr


def test_empty_entry_of_python_path(workplace):
    """It means the current folder, which nobody named."""
    for name in LIBRARIES:
        (workplace / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    done = run("inspect", "bundled", environment={"PYTHONPATH": os.pathsep})
    assert done.returncode == 0, done.stderr


def test_instructions_that_onednn_is_kept_from_are_recorded(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert onednn() == "0, up to AVX2"
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    assert onednn() == "default"
