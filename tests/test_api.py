"""`import dcgan_cli`: training, sampling and evaluating in somebody else's process."""

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import absl.logging
import hydra
import keras
import numpy as np
import pytest
import tensorflow as tf
from hydra.core.config_store import ConfigStore
from hydra.core.singleton import Singleton
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer
from PIL import Image
from tensorflow.python.framework.config import is_op_determinism_enabled

import dcgan_cli as dcgan
from dcgan_cli.console import PlainReporter
from dcgan_cli.hydra_cli.compose import conf_dir
from dcgan_cli.settings import registry
from tests.conftest import QUICK
from tests.plugin_files import write_plugins
from tests.same_run import assert_same_run

LONGER = [*QUICK, "epochs=3", "checkpoint_every=1"]
"""The words of `finished_run`."""


@pytest.fixture
def dcgan_line(request):
    """`dcgan WORDS`; the fixture of that name is hidden by the module's."""
    return request.getfixturevalue("dcgan")


@pytest.fixture(scope="module")
def generator(finished_run) -> dcgan.Generator:
    return dcgan.load(finished_run)


@pytest.fixture(scope="module")
def conditional(conditional_run) -> dcgan.Generator:
    return dcgan.load(conditional_run)


def surroundings() -> dict[str, object]:
    """Return everything about this process that training might leave changed."""
    loggers = [logging.getLogger(n) for n in (None, "absl", "tensorflow", "keras", "dcgan_cli")]
    return {
        "policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "image format": keras.config.image_data_format(),
        "epsilon": keras.config.epsilon(),
        "deterministic": is_op_determinism_enabled(),
        "eager": tf.executing_eagerly(),
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "argv": list(sys.argv),
        "streams": (sys.stdout, sys.stderr, os.fstat(1).st_ino, os.fstat(2).st_ino),
        "signals": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "loggers": [(o.level, list(o.handlers), o.propagate, o.disabled) for o in loggers],
        "logging": (logging.raiseExceptions, logging.root.manager.disable),
        "absl": absl.logging.get_verbosity(),
        "warnings": list(warnings.filters),
        "threads": [t.name for t in threading.enumerate() if t.name.startswith("Thread")],
        "hydra": {
            kind.__name__: id(one)
            for kind, one in Singleton._instances.items()
            if kind.__name__ in ("GlobalHydra", "HydraConfig", "JobRuntime", "VersionBase")
        },
        "resolvers": dict(BaseContainer._resolvers),
        "schemas": sorted(ConfigStore.instance().repo),
    }


@pytest.fixture
def notebook(workplace, monkeypatch):
    """Set this process up for other work: unusual settings of Keras, Hydra, logging and TensorFlow.

    Returns:
        A model of that other work.
    """
    monkeypatch.setenv("TF_ENABLE_AUTO_MIXED_PRECISION", "1")
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setattr(logging.getLogger("absl"), "level", logging.ERROR)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    resolvers = dict(BaseContainer._resolvers)
    OmegaConf.register_new_resolver("now", lambda form: "mine", replace=True)
    before = keras.config.floatx(), keras.config.image_data_format()
    keras.config.set_floatx("float64")
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_float16")
    with hydra.initialize_config_dir(str(conf_dir()), version_base="1.2"):
        yield model
        keras.config.set_dtype_policy("float32")
        keras.config.set_floatx(before[0])
        keras.config.set_image_data_format(before[1])
        BaseContainer._resolvers = resolvers


def test_train_leaves_the_process_as_it_was(notebook, finished_run, capfd):
    """And what it trains is a run of `dcgan train`, to the bit."""
    x, y = np.ones((32, 4)), np.ones((32, 1))
    notebook.fit(x, y, verbose=0)
    expected = notebook.predict(x, verbose=0)
    names = [keras.layers.Identity().name]
    before = surroundings()
    run = dcgan.train(*LONGER, "hydra.run.dir=run", progress=False)
    generator = run.load()
    generator.sample(4)
    dcgan.evaluate(run, samples=20, progress=False)
    after = surroundings()
    for name, value in before.items():
        assert after[name] == value, name
    assert_same_run(run.path, finished_run)
    np.testing.assert_array_equal(generator.sample(16), dcgan.load(finished_run).sample(16))
    names.append(keras.layers.Identity().name)
    assert names[0] != names[1]  # Else they could not be in one model.
    np.testing.assert_array_equal(notebook.predict(x, verbose=0), expected)
    notebook.fit(x, y, verbose=0)
    assert capfd.readouterr() == ("", "")


def test_folder_is_that_of_the_command(workplace, finished_run):
    (workplace / "lower").mkdir()
    run = dcgan.train(*LONGER, "hydra.run.dir=lower/run", progress=False)

    def names(folder: Path) -> list[Path]:
        return sorted(path.relative_to(folder) for path in folder.rglob("*"))

    assert names(run.path) == names(finished_run)
    here, there = ((folder / "train.log").read_text() for folder in (run.path, finished_run))
    kinds = [[line.split()[2:4] for line in log.splitlines()] for log in (here, there)]
    assert kinds[0] == kinds[1][: len(kinds[0])]  # Other tests may have been refused to resume it.
    for name in ("config.yaml", "overrides.yaml"):
        texts = [(folder / ".hydra" / name).read_text() for folder in (run.path, finished_run)]
        assert texts[0].replace("lower/run", str(finished_run)) == texts[1]


def test_training_says_how_far_it_is_in_plain_lines(workplace, capfd, monkeypatch):
    monkeypatch.setenv("JPY_PARENT_PID", "7")
    dcgan.train(*QUICK, "epochs=2")
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.partition("  time")[0] for line in err.splitlines() if "epoch " in line] == [
        "epoch 1/2",
        "epoch 2/2",
    ]
    assert err.replace("\n", "").isprintable()


def test_run(workplace, scored_run):
    run = dcgan.Run(scored_run)
    assert run.path == scored_run
    assert run.state == "finished"
    assert run.settings["epochs"] == 3
    assert run.settings["model.units"] == 8
    assert [row["epoch"] for row in run.metrics] == [1, 2, 3]
    assert all("frechet_distance" in row for row in run.metrics)
    assert [(c.epoch, c.step) for c in run.checkpoints] == [(1, 4), (2, 8), (3, 12)]
    assert [c.score for c in run.checkpoints] == [r["frechet_distance"] for r in run.metrics]
    assert all((c.path / "manifest.json").is_file() for c in run.checkpoints)
    assert [path.name for path in run.samples] == [f"epoch_000{n}.png" for n in (1, 2, 3)]
    last = run.metrics[-1]["frechet_distance"]
    name = f"<Run {scored_run}: finished, epoch 3 of 3, Fréchet distance {last:.1f}>"
    assert repr(run) == name
    assert run._repr_png_() == run.samples[-1].read_bytes()
    assert "epoch 1, step 4" in repr(run.load(1))


def test_metrics_are_rows_of_a_table(scored_run):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(dcgan.Run(scored_run).metrics)
    assert list(table["epoch"]) == [1, 2, 3]
    assert all(kind.kind in "if" for kind in table.dtypes)


def test_without_runs_latest_is_the_bundled_generator(workplace):
    run = dcgan.Run()
    assert repr(run).startswith("<Run the bundled generator (mnist-1): finished, epoch 18 of ")
    generator = dcgan.load()
    assert generator.image_shape == (28, 28, 1)
    assert "bundled" in repr(generator)
    assert not list(workplace.iterdir())


def test_samples_are_those_of_the_command(workplace, finished_run, dcgan_line):
    assert dcgan_line("sample", finished_run, "--seeds", "3,7,900", "--out", "a.npz").code == 0
    images = dcgan.load(finished_run).sample(seeds=[3, 7, 900])
    with np.load("a.npz") as archive:
        np.testing.assert_array_equal(images, archive["images"])
    assert images.dtype == np.uint8


def test_number_of_samples(generator):
    assert generator.sample().shape == (16, 28, 28, 1)
    np.testing.assert_array_equal(generator.sample(np.int64(3)), generator.sample(seeds=range(3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be from 1 to"),
        ({"n": 1.5}, "n must be a whole number, got 1.5"),
        ({"n": True}, "n must be a whole number, got True"),
        ({"n": 3, "seeds": [1]}, "give one"),
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [-1]}, "seeds must be from 0"),
        ({"seeds": [2**63]}, "seeds must be from 0"),
        ({"seeds": 3}, "seeds must be a list, got 3"),
        ({"seeds": range(10**7 + 1)}, "seeds must have at most 10,000,000 values"),
        ({"seeds": ["a"]}, "a seed must be a whole number, got 'a'"),
        ({"label": 3}, "label 3: this generator is not conditional"),
    ],
)
def test_samples_that_cannot_be(generator, arguments, message):
    with pytest.raises(dcgan.ConfigError, match=message):
        generator.sample(**arguments)


def test_labels(conditional):
    generator = conditional
    assert generator.classes == 10
    threes = generator.sample(2, label=3)
    np.testing.assert_array_equal(threes, generator.sample(2, label="3"))
    np.testing.assert_array_equal(threes, generator.sample(2, label=np.int32(3)))
    assert (threes != generator.sample(2)).any()
    for label in (10, -1, "cat"):
        with pytest.raises(dcgan.ConfigError, match=f"label must be from 0 to 9 .* got {label}"):
            generator.sample(label=label)


def test_render(conditional):
    generator = conditional
    latents = np.random.default_rng(0).standard_normal((70, generator.noise_dim))
    images = generator.render(latents)
    assert (images.shape, images.dtype) == ((70, 28, 28, 1), np.uint8)
    np.testing.assert_array_equal(images[3:4], generator.render(latents[3:4], label=3))
    np.testing.assert_array_equal(images[3:4], generator.render(latents[3:4].tolist(), label=3))


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((0, 8)), r"\[N, 8\] with N at least 1, got \[0, 8\]"),
        (np.zeros((2, 7)), r"got \[2, 7\]"),
        (np.zeros(8), r"got \[8\]"),
        (np.full((1, 8), np.nan), "finite"),
        (np.full((1, 8), 1e300), "finite"),
        (np.zeros((1, 8), complex), "real numbers, got complex128"),
        ([["a"] * 8], "real numbers"),
        ([[0] * 8, [0] * 7], "latents must be an array"),
    ],
)
def test_latents_that_cannot_be_rendered(generator, latents, message):
    with (
        warnings.catch_warnings(action="ignore"),  # Of a number too large for float32.
        pytest.raises(dcgan.ConfigError, match=message),
    ):
        generator.render(latents)


def test_walk(conditional):
    generator = conditional
    frames = generator.walk(3, stops=2, frames=4)
    assert (frames.shape, frames.dtype) == ((8, 3, 28, 28, 1), np.uint8)
    np.testing.assert_array_equal(frames[0], generator.sample(3))
    sevens = generator.walk(1, stops=2, frames=1, label=7)
    np.testing.assert_array_equal(sevens[:, 0], generator.sample(seeds=[0, 1], label=7))
    for arguments in ({"n": 0}, {"stops": 1}, {"frames": 0}, {"n": "a"}, {"n": 10**9}):
        with pytest.raises(dcgan.ConfigError, match=next(iter(arguments))):
            generator.walk(**arguments)


def test_save_grid(workplace, generator):
    images = generator.sample(6)
    path = dcgan.save_grid(images, "a/grid.png", columns=3)
    assert path == Path("a/grid.png")
    grid = np.asarray(Image.open(path))
    scale = grid.shape[1] // 92
    assert grid.shape == (62 * scale, 92 * scale)
    np.testing.assert_array_equal(
        grid[2 * scale : 30 * scale : scale, 2 * scale : 30 * scale : scale], images[0, ..., 0]
    )
    assert dcgan.save_grid(images[..., 0], Path("flat.webp")).is_file()
    (workplace / "file").touch()
    with pytest.raises(dcgan.StorageError, match="check the path"):
        dcgan.save_grid(images, "file/grid.png")
    for wrong in (images[0], images.astype(float), images[:0], np.zeros((1, 2, 2, 2), np.uint8)):
        with pytest.raises(dcgan.ConfigError, match="images"):
            dcgan.save_grid(wrong, "grid.png")
    with pytest.raises(dcgan.ConfigError, match=r"must end in \.png"):
        dcgan.save_grid(images, "grid.gif")
    for columns, message in ((0, "at least 1"), (2.0, "a whole number"), ("3", "a whole number")):
        with pytest.raises(dcgan.ConfigError, match=f"columns must be {message}"):
            dcgan.save_grid(images, "grid.png", columns=columns)
    with pytest.raises(dcgan.ConfigError, match="images must be an array"):
        dcgan.save_grid([[[0, 1], [0]]], "grid.png")
    with pytest.raises(dcgan.ConfigError, match="path must be a name or a path, got 3"):
        dcgan.save_grid(images, 3)


def test_evaluate_is_the_command(workplace, scored_run, dcgan_line):
    images = np.zeros((2, 2))
    done = dcgan_line("evaluate", scored_run, "--n", "20", "--epoch", "best", "--json")
    assert dcgan.evaluate(scored_run, "best", 20, progress=False) == json.loads(done.out)
    wrong = [{"samples": 5}, {"samples": 10**6 + 1}, {"samples": 20.5}, {"samples": "20"}]
    wrong += [{"seed": -1}, {"seed": 1.5}, {"seed": None}, {"epoch": "all"}, {"epoch": images}]
    for arguments in [*wrong, {"features": 3}, {"data": 3}, {"run": 3}]:
        with pytest.raises(dcgan.ConfigError, match=next(iter(arguments))):
            dcgan.evaluate(**{"run": scored_run} | arguments)


@pytest.mark.parametrize("epoch", ["first", 0, -1, 1.5, None, True, "1"])
def test_epoch_that_is_none(finished_run, epoch):
    with pytest.raises(dcgan.ConfigError, match="epoch must be"):
        dcgan.load(finished_run, epoch)


def test_errors_are_raised(workplace, finished_run):
    with pytest.raises(dcgan.ConfigError, match=r"unknown key epoch; did you mean epochs\?"):
        dcgan.train("epoch=4")
    with pytest.raises(dcgan.ConfigError, match='words such as "epochs=10", got 3'):
        dcgan.train(3)
    with pytest.raises(dcgan.ConfigError, match="command line: dcgan train -m seed=1,2"):
        dcgan.train("-m", "seed=1,2")
    with pytest.raises(dcgan.ConfigError, match="on the command line"):
        dcgan.train("--cfg", "job")
    with pytest.raises(dcgan.DataError, match=r"none\.npz is not readable"):
        dcgan.train("data=npz", "data.path=none.npz")
    with pytest.raises(dcgan.CheckpointError):
        dcgan.load("nowhere")
    with pytest.raises(dcgan.CheckpointError):
        dcgan.load("./bundled")
    for call in (dcgan.load, dcgan.Run, dcgan.plugin):
        with pytest.raises(dcgan.ConfigError, match="must be a name or a path, got 3"):
            call(3)
    with pytest.raises(dcgan.CheckpointError, match="has no checkpoint of epoch 9"):
        dcgan.load(finished_run, 9)
    with pytest.raises(dcgan.CheckpointError):
        dcgan.train("resume=latest")
    assert issubclass(dcgan.ConfigError, dcgan.DcganError)
    assert not list(workplace.iterdir())


def test_attributes_of_a_run_raise_its_errors(workplace, finished_run):
    """Also of a run whose plug-in or folder has gone since it was opened."""
    run = dcgan.Run(shutil.copytree(finished_run, "run"))
    record = json.loads((run.path / "run.json").read_text())
    plugin = {"choice": "loss=x", "name": "x.py", "sha256": "0", "version": None}
    (run.path / "run.json").write_text(json.dumps(record | {"plugins": [plugin]}))
    with pytest.raises(dcgan.PluginError, match=r'load it first: dcgan.plugin\("PATH/x.py"\)'):
        _ = run.settings


def test_sampling_ignores_variables_that_change_the_arithmetic(workplace, finished_run):
    code = (
        "import os, dcgan_cli as dcgan; generator = dcgan.load('bundled');"
        "os.environ['XLA_FLAGS'] = '--no_such_flag';"
        "real = generator._sampler.sample;"
        "generator._sampler.sample = lambda *a: (os.environ.get('XLA_FLAGS'), real(*a));"
        "flags, images = generator.sample(1);"
        "assert flags is None, flags;"
        "assert os.environ['XLA_FLAGS'] == '--no_such_flag'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_damaged_checkpoint_is_passed_over_with_a_warning(workplace, finished_run):
    shutil.copytree(finished_run, "run")
    (Path("run") / "checkpoints" / "step_0000000012" / "generator.npz").write_bytes(b"x")
    with pytest.warns(UserWarning, match="generator.npz is damaged"):
        generator = dcgan.load("run")
    assert generator.facts["epoch"] == 2


def interrupt(monkeypatch, number: int) -> None:
    """Send a signal to this process after the sixth step of a training."""
    step = PlainReporter.step

    def interrupting(self, report):
        step(self, report)
        if report.step == 6:
            signal.raise_signal(number)

    monkeypatch.setattr(PlainReporter, "step", interrupting)
    if number == signal.SIGINT:  # As in a program of one's own, whatever pytest's worker has.
        signal.signal(number, signal.default_int_handler)


def test_ctrl_c_saves_and_training_goes_on(workplace, finished_run, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, signal.SIGINT)
        with pytest.raises(
            KeyboardInterrupt, match=r"saved at step 7; resume with: dcgan train res"
        ):
            dcgan.train(*LONGER, "hydra.run.dir=run", progress=False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert dcgan.Run("run").state == "interrupted"
    assert dcgan.Run("run").checkpoints[-1].step == 7
    run = dcgan.train("resume=run", progress=False)
    assert run.state == "finished"
    assert_same_run(run.path, finished_run)


def test_sigterm_saves_and_has_its_effect(workplace, monkeypatch):
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        interrupt(monkeypatch, signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt, match="SIGTERM: saved at step 7"):
            dcgan.train(*LONGER, "hydra.run.dir=run", progress=False)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]


def test_train_in_another_thread(workplace, finished_run):
    runs = []
    words = [*LONGER, "hydra.run.dir=run"]
    thread = threading.Thread(target=lambda: runs.append(dcgan.train(*words, progress=False)))
    thread.start()
    others = dcgan.load("bundled").sample(2)
    thread.join()
    assert_same_run(runs[0].path, finished_run)
    np.testing.assert_array_equal(others, dcgan.load("bundled").sample(2))


def test_variables_return_when_the_last_thread_ends(workplace, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--no_such_flag")
    (workplace / "slow.py").write_text(
        "import os, threading, keras, dcgan_cli as dcgan\n"
        "inside, other_ended = dcgan.waits\n"
        "inside.set()\n"
        "assert other_ended.wait(60)\n"
        "@dcgan.loss('slow_' + str('XLA_FLAGS' in os.environ).lower())\n"
        "def slow(real, fake, settings): ...\n"
    )
    waits = threading.Event(), threading.Event()
    monkeypatch.setattr(dcgan, "waits", waits, raising=False)
    thread = threading.Thread(target=dcgan.plugin, args=["slow.py"])
    thread.start()
    assert waits[0].wait(60)
    dcgan.load("bundled")
    waits[1].set()
    thread.join()
    assert registry.names("loss")[-1] == "slow_false"
    assert os.environ["XLA_FLAGS"] == "--no_such_flag"


def test_import_is_light():
    code = (
        "import sys, dcgan_cli; heavy = {'numpy', 'tensorflow', 'keras', 'hydra', 'rich', 'typer',"
        " 'PIL', 'omegaconf'} & set(sys.modules); assert not heavy, heavy;"
        "assert set(dir(dcgan_cli)) == set(dcgan_cli.__all__);"
        "assert all(hasattr(dcgan_cli, name) for name in dcgan_cli.__all__);"
        "assert not {'tensorflow', 'keras', 'hydra'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_is_documented():
    page = (Path(__file__).parent.parent / "docs" / "python.md").read_text()
    for name in dcgan.__all__:
        assert f"`{name}" in page, name
        if name != "__version__":
            assert getattr(dcgan, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'sample'"):
        _ = dcgan.sample


def test_first_import_of_tensorflow_is_left_alone(workplace):
    """Also where a variable had to be out of the way, and TensorFlow's log keeps its level."""
    write_plugins(workplace)
    code = (
        "import logging, os, dcgan_cli as dcgan; dcgan.plugin('relativistic.py');"
        "assert os.environ['XLA_FLAGS'] == '--no_such_flag';"
        "dcgan.load('bundled').sample(1);"
        "assert os.environ['XLA_FLAGS'] == '--no_such_flag';"
        "assert not [n for n in os.environ if n.startswith(('KERAS_', 'TF_CPP_MIN'))];"
        "assert not logging.root.handlers and logging.raiseExceptions"
    )
    own = ("KERAS_", "TF_CPP_MIN")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment = kept | {"XLA_FLAGS": "--no_such_flag"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
