"""What the tests share: the program's real entry point, and one small finished run."""

import atexit
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import absl.logging
import hypothesis
import numpy as np
import pytest
from filelock import FileLock

from dcgan_cli import plugins
from dcgan_cli.cli import run_program
from dcgan_cli.core.data.mnist import BUNDLED_MNIST
from dcgan_cli.hydra_cli.sweep import Sweep
from dcgan_cli.settings import registry
from tests.chromium import Chromium, find_chromium
from tests.process_server import ProcessServer

# The same examples every time: a suite that fails at random is soon not read any more.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")

BRIEF = [
    "batch_size=64",
    "noise_dim=8",
    "num_examples_to_generate=4",
    "precision=float32",
    "evaluate_every=0",
]
"""Small batches and grids, and no scores."""

SMALL_NETWORKS = ["model=mlp", "model.units=8"]
"""Fully connected ones. They are traced in half the time, which is most of a short training."""

TINY = ["data.limit=200", *BRIEF, "model.base_channels=4"]
"""Settings that train an epoch in a blink: 4 steps, the last one with 8 images."""


def _first_images() -> str:
    """Write the images of TINY to a file, which is read much faster than all of MNIST.

    The workers of pytest-xdist are told of the one that their parent wrote.
    """
    if "DCGAN_TEST_IMAGES" not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="dcgan_tests_"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        with np.load(BUNDLED_MNIST) as archive:
            first = {name: archive[name][:200] for name in ("x_train", "y_train")}
            np.savez(folder / "mnist.npz", **first)
        os.environ["DCGAN_TEST_IMAGES"] = str(folder / "mnist.npz")
    return os.environ["DCGAN_TEST_IMAGES"]


CONVOLUTIONAL = [f"data.path={_first_images()}", *BRIEF, "model.base_channels=4"]
"""The same training on the same images, begun sooner."""

QUICK = [f"data.path={_first_images()}", *BRIEF, *SMALL_NETWORKS]
"""The same with small networks, for tests of what does not depend on the networks."""


@dataclass(frozen=True)
class Result:
    """How a command line ended."""

    code: int
    out: str
    err: str


Dcgan = Callable[..., Result]


# TensorFlow's logger keeps the standard error of the moment it was imported in, which in a test is
# pytest's, and closes it when logging is set up anew.
absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__


@pytest.fixture(autouse=True)
def _own_logging():
    """Undo what Hydra sets up for a process, which here outlives the command."""
    loggers = [logging.getLogger(name) for name in (None, "dcgan_cli")]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture(autouse=True)
def _own_plugins(monkeypatch):
    """Forget after each test what its plug-ins have registered."""
    registry.names("loss")  # The program's own are registered by then.
    entries = {kind: dict(entries) for kind, entries in registry._registry.entries.items()}
    monkeypatch.setattr(registry._registry, "entries", entries)
    monkeypatch.setattr(plugins, "_files", {})


@pytest.fixture
def dcgan(capfd) -> Dcgan:
    """Run `dcgan WORDS` in this process and return how it ended."""

    def run(*words: str | Path) -> Result:
        capfd.readouterr()
        code = run_program([str(word) for word in words])
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture(scope="session")
def processes(tmp_path_factory) -> Iterator[ProcessServer]:
    """Start `dcgan WORDS` in processes that can be killed, with faults put into them."""
    server = ProcessServer(tmp_path_factory.mktemp("processes"))
    yield server
    server.close()


@pytest.fixture
def forked_jobs(processes, monkeypatch) -> None:
    """Have a sweep fork its jobs, which is faster than to start each anew."""

    def fork(sweep: Sweep, words: list[str], name: str) -> tuple[int, int]:
        ended = processes.run(*sweep.job_words(words))
        print(ended.out, end="", flush=True)
        print(ended.err, end="", flush=True, file=sys.stderr)
        return ended.code, 0

    monkeypatch.setattr(Sweep, "_run_process", fork)


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Callable[..., Path]:
    """Train for three epochs that all keep their checkpoints, once for all workers of pytest-xdist.

    Each worker has a copy of its own, and with it a lock of its own.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def train(name: str, *words: str, settings: list[str] = QUICK) -> Path:
        folder, before = shared / f"shared_{name}", Path.cwd()
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                folder.mkdir()
                os.chdir(folder)
                try:
                    every = ["epochs=3", "checkpoint_every=1", "hydra.run.dir=run"]
                    assert run_program(["train", *settings, *words, *every]) == 0
                finally:
                    os.chdir(before)
        return Path(shutil.copytree(folder / "run", tmp_path_factory.mktemp(name) / "run"))

    return train


@pytest.fixture(scope="session")
def finished_run(trained) -> Path:
    """A run of three epochs that keeps the checkpoints of all of them. Not to be changed."""
    return trained("finished")


@pytest.fixture(scope="session")
def convolutional_run(trained) -> Path:
    """The same with the networks of the tutorial. Not to be changed."""
    return trained("convolutional", settings=CONVOLUTIONAL)


@pytest.fixture(scope="session")
def scored_run(trained) -> Path:
    """The same with a score after each epoch. Not to be changed."""
    return trained("scored", "evaluate_every=1")


@pytest.fixture(scope="session")
def conditional_run(trained) -> Path:
    """The same, told the classes of its images. Not to be changed."""
    return trained("conditional", "model.conditional=true")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[Chromium]:
    """A browser without a network, whose errors are those of this test file."""
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed")
    with Chromium(program, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
