"""Code from outside the program: the files of docs/extending.md, bad ones, and packages."""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import dcgan_cli
from dcgan_cli import plugins
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.sweeps import job_folders
from dcgan_cli.errors import PluginError
from dcgan_cli.settings import registry
from tests.conftest import CONVOLUTIONAL, QUICK
from tests.plugin_files import FILES, write_plugins
from tests.same_run import assert_same_run

WITH_BOTH = ["--plugin", "relativistic.py", "--plugin", "resnet.py"]
BOTH = [*CONVOLUTIONAL, "loss=relativistic", "model=resnet", "model.options.width=4"]


@pytest.fixture
def files(workplace) -> Path:
    """The files of the page, in the current folder."""
    names = {"relativistic", "resnet", "stripes", "rmsprop", "json_lines"}
    assert {f"{name}.py" for name in names} == FILES.keys()
    write_plugins(workplace)
    return workplace


def forget() -> None:
    """Forget all plug-ins, as a new process has."""
    for one in registry.foreign_entries():
        registry.remove(one.origin)
    plugins._files.clear()


def test_loss_and_model_of_the_page_resume_to_the_same_bits_and_sample(dcgan, files):
    options = ["loss.options.temperature=2", "ema=0.9"]
    options += ["epochs=2", "checkpoint_every=1", "hydra.run.dir=a/run"]
    assert dcgan("train", *WITH_BOTH, *BOTH, *options).code == 0
    copy = Path(shutil.copytree("a", "b")) / "run"
    shutil.rmtree(copy / "checkpoints" / "step_0000000008")
    resumed = dcgan("train", f"resume={copy}", *WITH_BOTH)
    assert resumed.code == 0, resumed.err
    assert_same_run(files / "a" / "run", files / "b" / "run")
    record = RunFolder(files / "a" / "run").record()
    assert record["config"]["loss"]["options"] == {"temperature": 2}
    assert [(p["choice"], p["name"]) for p in record["plugins"]] == [
        ("model=resnet", "resnet.py"),
        ("loss=relativistic", "relativistic.py"),
    ]
    for plugin in record["plugins"]:
        assert plugin["sha256"] == hashlib.sha256(FILES[plugin["name"]].encode()).hexdigest()
    found = json.loads(dcgan("inspect", *WITH_BOTH, "a/run", "--json").out)
    assert found["changed_settings"]["loss.options.temperature"] == {"value": 2, "default": 1.0}
    sample = found["commands"]["sample"]
    assert sample.startswith("dcgan sample --plugin relativistic.py --plugin resnet.py --run a/run")
    assert dcgan("sample", *WITH_BOTH, "--run", "a/run", "--out", "a.npz", "--n", "3").code == 0
    with np.load("a.npz") as samples:
        assert samples["images"].shape == (3, 28, 28, 1)


def test_run_opened_without_its_plugins_names_them_and_imports_nothing(dcgan, files):
    words = ["--plugin", "relativistic.py", "--plugin", "rmsprop.py", *QUICK]
    words += ["loss=relativistic", "optimizer=rmsprop"]
    trained = dcgan("train", *words, "epochs=1", "hydra.run.dir=run")
    assert trained.code == 0, trained.err
    forget()
    for name in FILES:  # A file in the run folder is not the one that the command line names.
        (files / "run" / name).write_text("raise SystemExit('imported')")
    for command in ("sample", "evaluate", "animate --walk"):
        words = [*command.split(), "--run", "run"]
        ended = dcgan(*words)
        assert (ended.code, ended.out) == (4, "")
        assert ended.err.count("\n") == 1
        assert (
            "loss=relativistic optimizer=rmsprop from relativistic.py and rmsprop.py" in ended.err
        )
        both = "--plugin relativistic.py --plugin rmsprop.py"
        command = " ".join(["dcgan", words[0], both, *words[1:]])
        assert ended.err.endswith(f"; add the file: {command}\n")
    table = dcgan("inspect", ".").out
    assert "finished" in table
    assert "damaged" not in table
    for path in FILES:
        (files / path).unlink()
    ended = dcgan("sample", "--run", "run")
    command = "dcgan sample --plugin PATH/relativistic.py --plugin PATH/rmsprop.py --run run"
    assert ended.err.endswith(f"; add the file, with its path: {command}\n")
    with pytest.raises(PluginError, match=r'load it first: dcgan.plugin\("PATH/relativistic.py"\)'):
        dcgan_cli.load("run")
    resumed = dcgan("train", "resume=run", "epochs=2")
    assert resumed.code == 4
    assert "--plugin PATH/rmsprop.py" in resumed.err
    assert not [name for name in sys.modules if name.startswith("dcgan_plugin_rmsprop")][1:]


def train_and_change(dcgan, files: Path, old: str, new: str) -> None:
    """Train a run with the loss of the page, and change the file afterwards."""
    words = ["--plugin", "relativistic.py", "loss=relativistic", *QUICK]
    assert dcgan("train", *words, "epochs=1", "hydra.run.dir=run").code == 0
    forget()
    (files / "relativistic.py").write_text(FILES["relativistic.py"].replace(old, new))


TWO_LOSSES = """
import dataclasses
import typing
import tensorflow as tf
import dcgan_cli as dcgan

@dataclasses.dataclass
class A:
    x: int = dcgan.setting(1, "both have it", may_change=True)

@dataclasses.dataclass
class B:
    x: int = 1
    y: typing.Optional[int] = None

def loss(real, fake, settings):
    return dcgan.LossTerms(tf.nn.softplus(-real), tf.nn.softplus(fake), tf.nn.softplus(-fake))

dcgan.loss("la", options=A)(loss)
dcgan.loss("lb", options=B)(loss)
"""


def test_options_of_a_resumed_run(dcgan, workplace):
    (workplace / "mine.py").write_text(TWO_LOSSES)
    words = ["--plugin", "mine.py", "loss=la", *QUICK, "epochs=1", "hydra.run.dir=run"]
    assert dcgan("train", *words).code == 0

    def resumed(*words: str) -> str:
        ended = dcgan("train", "--plugin", "mine.py", "resume=run", *words)
        return ended.err.splitlines()[-1] if ended.code else ""

    def options() -> dict:
        return RunFolder(workplace / "run").record()["config"]["loss"]["options"]

    assert not resumed("loss=la", "epochs=2")
    assert options() == {"x": 1}
    assert not resumed("loss.options.x=2", "epochs=3")
    assert options() == {"x": 2}
    assert "loss.name cannot change when resuming" in resumed("loss=lb")
    assert "loss.options.x must be a whole number" in resumed("loss.options.x=a")
    assert "loss.options.y needs loss=lb" in resumed("loss.options.y=3")
    words = ["--plugin", "mine.py", "loss=lb", *QUICK, "epochs=1", "hydra.run.dir=other"]
    assert dcgan("train", *words).code == 0
    message = resumed("resume=other", "loss.options.x=2")
    assert "loss.options.x cannot change when resuming" in message
    forget()
    ended = dcgan("train", "resume=run", "loss.options.x=3")
    assert (ended.code, "add the file: dcgan train --plugin mine.py" in ended.err) == (4, True)


def test_file_that_has_changed_is_noted(dcgan, files):
    train_and_change(dcgan, files, "class Options:", "class Options:\n    new: int = 1")
    ended = dcgan("train", "--plugin", "relativistic.py", "resume=run", "epochs=2")
    assert ended.code == 0, ended.err
    assert "relativistic.py has changed since the run was started (loss=relativistic)" in ended.err


def test_option_that_a_file_has_no_longer_is_explained(dcgan, files):
    train_and_change(dcgan, files, "temperature", "warmth")
    ended = dcgan("sample", "--plugin", "relativistic.py", "--run", "run")
    assert ended.code == 4
    assert "unknown key loss.options.temperature" in ended.err
    assert (
        "(relativistic.py has changed since the run was started (loss=relativistic))" in ended.err
    )


@pytest.mark.usefixtures("forked_jobs")
def test_sweep_over_a_loss_of_the_program_and_one_of_a_plugin(dcgan, files):
    words = ["loss=non_saturating,relativistic", *QUICK, "epochs=1", "hydra.sweep.dir=sweep"]
    words.append("evaluate_every=1")
    ended = dcgan("train", "--plugin", "relativistic.py", "-m", *words)
    assert ended.code == 0, ended.err
    assert "train it longer: dcgan train --plugin relativistic.py resume=sweep/" in ended.err
    losses = [RunFolder(files / "sweep" / job).record()["config"]["loss"]["name"] for job in "01"]
    assert losses == ["non_saturating", "relativistic"]


@pytest.mark.usefixtures("forked_jobs")
@pytest.mark.parametrize("values", ["3", "1,2"])
def test_sweep_over_losses_and_an_option_that_they_share(dcgan, workplace, values):
    (workplace / "mine.py").write_text(TWO_LOSSES)
    words = ["loss=la,lb", f"loss.options.x={values}", *QUICK, "epochs=1", "hydra.sweep.dir=sweep"]
    ended = dcgan("train", "--plugin", "mine.py", "-m", *words)
    assert ended.code == 0, ended.err
    losses = [RunFolder(path).record()["config"]["loss"] for path in job_folders(Path("sweep"))]
    found = [(loss["name"], str(loss["options"]["x"])) for loss in losses]
    assert found == [(name, x) for name in ("la", "lb") for x in values.split(",")]
    refused = dcgan("train", "--plugin", "mine.py", "-m", "loss=la,lb", "loss.options.y=1,2")
    assert (refused.code, "loss.options.y needs loss=lb; add it" in refused.err) == (2, True)


def test_data_source_and_optimizer_of_the_page_train_by_class(dcgan, files):
    both = ["--plugin", "stripes.py", "--plugin", "rmsprop.py", "data=stripes", "optimizer=rmsprop"]
    small = [word for word in QUICK if not word.startswith("data.")]
    words = [*both, *small, "data.limit=128", "model.conditional=true", "epochs=1"]
    ended = dcgan("train", *words, "hydra.run.dir=run")
    assert ended.code == 0, ended.err
    assert RunFolder(files / "run").config().data.classes == 2
    assert dcgan("sample", *both[:4], "--run", "run", "--class", "1").code == 0


def test_help_lists_what_a_plugin_registers(dcgan, files):
    ended = dcgan("train", "--help", *WITH_BOTH)
    assert ended.code == 0
    listed = next(line for line in ended.out.splitlines() if "loss=relativistic" in line)
    assert "Relativistic average loss: is an image more realistic" in listed
    assert "loss.options.temperature=1" in ended.out
    assert "divisor of the logits; for loss=relativistic (a number, above 0)" in ended.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["loss.options.temperature=0"], "loss.options.temperature must be a number, above 0"),
        (["loss.options.temperature=warm"], "loss.options.temperature must be a number, above 0"),
        (["loss.options.temperatur=1"], "did you mean loss.options.temperature?"),
        (["loss=hinge", "loss.options.temperature=2"], "needs loss=relativistic; add it"),
        (["data.image_size=48"], "data.image_size must be 28 or 32 or 64 for model=resnet"),
        (["loss.label_smoothing=0.1"], "loss.label_smoothing must be 0 for loss=relativistic"),
    ],
)
def test_wrong_settings_of_a_plugin_end_in_one_line(dcgan, files, words, message):
    ended = dcgan("train", *WITH_BOTH, *BOTH, *words, "hydra.run.dir=run")
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not (files / "run").exists()


REGISTER = "import dcgan_cli as dcgan\n"
TWO_WEIGHTS = """class Two(keras.layers.Layer):
  def build(self, shape):
    self.w = [self.add_weight(shape=(1,), name="w") for _ in range(2)]
  def call(self, x):
    return x * self.w[0] + self.w[1]
"""
DATACLASS = REGISTER + "from dataclasses import dataclass, field\n@dataclass\nclass O:\n"
TAKES_IT = "@dcgan.loss('mine', options=O)\ndef f(r, f, s): ..."
NESTED = "@dataclass\nclass P:\n  a: O = None\n" + TAKES_IT.replace("=O", "=P")
MODEL = REGISTER + "import keras\n@dcgan.model('mine')\nclass Mine:\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", "mine.py line 1: '(' was never closed"),
        ("x = 1", "mine.py registers nothing"),
        ("\nimport no_such_library", "mine.py line 2: ModuleNotFoundError"),
        (REGISTER + "1 / 0", "mine.py line 2: ZeroDivisionError"),
        (
            REGISTER + "@dcgan.loss('hinge')\ndef f(r, f, s): ...",
            "loss=hinge is already registered",
        ),
        (REGISTER + "@dcgan.loss('My Loss')\ndef f(r, f, s): ...", "lower-case letters"),
        (REGISTER + "@dcgan.loss('mine', options=int)\ndef f(r, f, s): ...", "be a dataclass"),
        (
            REGISTER + "import dataclasses\n@dataclasses.dataclass\nclass O:\n  a: int\n"
            "@dcgan.loss('mine', options=O)\ndef f(r, f, s): ...",
            "loss=mine: option a needs a default",
        ),
        (DATACLASS + "  a: list = None\n" + TAKES_IT, "O.a must have the type int, float, str or"),
        (DATACLASS + "  a: list[int] = None\n" + TAKES_IT, "O.a must have the type int, float,"),
        (DATACLASS + "  a: int | str = 1\n" + TAKES_IT, "O.a must have the type int, float, str"),
        (DATACLASS + "  a: dict = field(default_factory=dict)\n" + TAKES_IT, "O.a must have the"),
        (DATACLASS + "  a: O2 = None\n" + TAKES_IT, "mine.py line 5: NameError"),
        (DATACLASS + "  a: 'O2' = None\n" + TAKES_IT, "mine.py line 6: NameError"),
        (DATACLASS + "  a: int = 1\n" + NESTED, "P.a must have the type int, float, str or bool"),
        (DATACLASS + "  a: int = 'x'\n" + TAKES_IT, "loss.options.a must be a whole number"),
        (
            DATACLASS + "  a: int = 1\n" + TAKES_IT.replace("=O", "=O()"),
            "loss=mine: options must be a dataclass (the class, not an instance)",
        ),
        (REGISTER + "@dcgan.loss\ndef f(r, f, s): ...", 'give a name: @dcgan.loss("NAME")'),
        (
            REGISTER + "@dcgan.loss('mine')\ndef f(r, f, s): ...\n"
            "@dcgan.loss('mine')\ndef g(r, f, s): ...",
            "loss=mine is already registered (by mine.py)",
        ),
        (
            REGISTER + "@dcgan.model('mine', sizes=28)\nclass M: ...",
            "sizes must be a tuple such as",
        ),
        ("import sys\nsys.exit(3)", "mine.py line 2: SystemExit: 3"),
    ],
)
def test_file_that_cannot_be_loaded_ends_in_one_line(dcgan, workplace, text, message):
    (workplace / "mine.py").write_text(text)
    ended = dcgan("train", "--plugin", "mine.py", "loss=mine")
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not registry.foreign_entries()


def test_file_that_is_not_there(dcgan, workplace):
    assert "must end in .py; rename it" in dcgan("train", "--plugin", "none").err
    assert "none.py is not readable" in dcgan("train", "--plugin", "none.py").err
    assert "--plugin needs a file" in dcgan("train", "--plugin").err


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (
            REGISTER + "@dcgan.loss('mine')\ndef mine(real, fake, settings):\n    return real",
            ["loss=mine"],
            "loss=mine must return LossTerms",
        ),
        (
            REGISTER + "@dcgan.loss('mine')\ndef mine(real, fake, settings):\n"
            "    return dcgan.LossTerms(real[:, 0], fake, fake)",
            ["loss=mine"],
            "loss=mine: real must be one term for each image",
        ),
        (
            REGISTER + "@dcgan.loss('mine')\ndef mine(real, fake, settings):\n    return real.x",
            ["loss=mine"],
            "mine.py line 4: AttributeError",
        ),
        (
            MODEL + "  def generator(self, latent, image_shape, blocks):\n"
            "    x = keras.layers.Dense(784)(latent)\n"
            "    return keras.layers.Reshape(image_shape, name='r')(x)\n"
            "  def discriminator(self, image, key, blocks):\n    return image\n",
            ["model=mine"],
            "give every layer a name=, so that checkpoints fit; dense/bias has none",
        ),
        (
            MODEL + "  def generator(self, latent, image_shape, blocks):\n"
            "    x = blocks.dense(784, name='d')(latent)\n"
            "    return keras.layers.Reshape(image_shape, name='r')(x)\n"
            "  def discriminator(self, image, key, blocks):\n"
            "    return keras.layers.BatchNormalization(name='n')(image)\n",
            ["model=mine", "loss.r1_gamma=1"],
            "but penalties need independent images",
        ),
        (
            MODEL + "  def generator(self, latent, image_shape, blocks):\n"
            "    x = blocks.dense(784, name='d')(latent)\n"
            "    return keras.layers.Reshape(image_shape, name='r')(x)\n"
            "  def discriminator(self, image, key, blocks):\n"
            "    return image - keras.ops.mean(image, axis=0, keepdims=True)\n",
            ["model=mine"],
            'register it with @dcgan.model("mine", independent=False)',
        ),
        (
            MODEL.replace("@", TWO_WEIGHTS + "@")
            + "  def generator(self, latent, shape, blocks):\n"
            "    x = Two(name='two')(blocks.dense(784, name='d')(latent))\n"
            "    return keras.layers.Reshape(shape, name='r')(x)\n"
            "  def discriminator(self, image, key, blocks):\n    return image\n",
            ["model=mine"],
            "two variables of the generator have the name two/w; give every layer",
        ),
        (
            REGISTER + "import keras\n@dcgan.optimizer('mine')\ndef mine(settings, rate):\n"
            "  class Mine(keras.optimizers.SGD):\n"
            "    def build(self, variables):\n"
            "      super().build(variables)\n"
            "      self.more = [self.add_variable((), name='m') for _ in variables]\n"
            "  return Mine(rate, name='mine')\n",
            ["optimizer=mine"],
            "two variables of the optimizer mine have the name m; give every layer",
        ),
        (
            MODEL + "  def generator(self, latent, image_shape, blocks):\n    pass\n",
            ["model=mine"],
            "model=mine from mine.py fails: ",
        ),
        (
            REGISTER + "@dcgan.loss('mine')\ndef mine(real, fake):\n    return real",
            ["loss=mine"],
            "loss=mine from mine.py fails: TypeError: mine() takes 2 positional arguments",
        ),
        (
            REGISTER + "import tensorflow as tf\n@dcgan.loss('mine')\n"
            "def mine(real, fake, settings):\n"
            "    return dcgan.LossTerms(*[tf.ones_like(fake)] * 3)",
            ["loss=mine"],
            "loss=mine from mine.py fails: ValueError: None values not supported.",
        ),
        (
            REGISTER + "@dcgan.optimizer('mine')\ndef mine(settings, rate):\n    return 3",
            ["optimizer=mine"],
            "optimizer=mine from mine.py fails: AttributeError",
        ),
        (
            REGISTER + "@dcgan.data('mine')\ndef mine(settings, split):\n    return 1, 2, 3",
            ["data=mine"],
            "data=mine must return images, or images and labels, got 3 parts",
        ),
        (
            REGISTER + "@dcgan.data('mine')\ndef mine(settings, split):\n    return [1.0, 2.0]",
            ["data=mine"],
            "data=mine must return images as uint8",
        ),
        (
            REGISTER + "import numpy as np\n@dcgan.data('mine')\ndef mine(settings, split):\n"
            "    return [np.zeros((28, size), np.uint8) for size in (28, 27)]",
            ["data=mine"],
            "data=mine must return images as one array, all of one size (",
        ),
        (
            REGISTER + "import numpy as np\n@dcgan.data('mine')\ndef mine(settings, split):\n"
            "    return np.zeros((9, 28, 28), np.uint8), [[1], [1, 2]]",
            ["data=mine"],
            "data=mine must return labels as one array, all of one size (",
        ),
        (
            REGISTER + "@dcgan.data('mine')\ndef mine(settings):\n    ...",
            ["data=mine"],
            "data=mine from mine.py fails: TypeError: mine() takes 1 positional argument",
        ),
        (
            REGISTER + "@dcgan.data('mine', fetch=lambda: 1)\ndef mine(settings, split):\n    ...",
            ["data=mine"],
            "data=mine from mine.py fails: TypeError: <lambda>() takes 0 positional arguments",
        ),
    ],
)
def test_what_a_plugin_gets_wrong_is_said_in_one_line(dcgan, workplace, text, words, message):
    (workplace / "mine.py").write_text(text)
    small = [w for w in QUICK if not (w.startswith("data.") and words == ["data=mine"])]
    ended = dcgan("train", "--plugin", "mine.py", *small, *words, "hydra.run.dir=run")
    assert ended.code in (2, 3)
    line = ended.err.splitlines()[-1]
    assert line.startswith("dcgan: ")
    assert message in line


@pytest.mark.parametrize("name", ["mine.py", "step.py", "blocks.py"])
def test_plugin_may_be_called_like_a_module_of_the_program(dcgan, workplace, name):
    text = REGISTER + "@dcgan.loss('mine')\ndef mine(real, fake):\n    return real"
    (workplace / name).write_text(text)
    ended = dcgan("train", "--plugin", name, *QUICK, "loss=mine")
    assert f"dcgan: loss=mine from {name} fails: TypeError: mine() takes 2" in ended.err


def test_model_that_can_no_longer_be_built(dcgan, files):
    words = ["--plugin", "resnet.py", *CONVOLUTIONAL, "model=resnet", "model.options.width=4"]
    assert dcgan("train", *words, "epochs=1", "hydra.run.dir=run").code == 0
    forget()
    broken = FILES["resnet.py"].replace("def generator(self, ", "def generator(self, more, ")
    (files / "resnet.py").write_text(broken)
    ended = dcgan("sample", "--plugin", "resnet.py", "--run", "run")
    assert ended.code == 2
    assert "dcgan: model=resnet from resnet.py fails: TypeError" in ended.err


@pytest.mark.parametrize(("words", "batch_size"), [([], 16), (["recipe=tutorial"], 256)])
def test_own_data_has_the_settings_for_pictures(dcgan, files, words, batch_size):
    ended = dcgan("train", "--plugin", "stripes.py", "data=stripes", *words, "--cfg", "job")
    assert ended.code == 0, ended.err
    assert f"\nbatch_size: {batch_size}\n" in ended.out


def test_alarm_of_a_loss_without_draw_is_reported(dcgan, workplace):
    text = FILES["relativistic.py"].replace('"relativistic",', '"relativistic", alarm=99,')
    (workplace / "mine.py").write_text(text)
    words = ["--plugin", "mine.py", *QUICK, "loss=relativistic", "epochs=1", "hydra.run.dir=run"]
    ended = dcgan("train", *words)
    assert ended.code == 0, ended.err
    assert re.search(r"discriminator wins: its loss is [0-9.]+: it recognizes", ended.err)


def test_loss_registered_by_the_running_program_may_be_registered_again():
    def mine(real, fake, settings):
        raise NotImplementedError

    for _ in range(2):
        registry.loss("mine")(mine)
    assert registry.names("loss")[-1] == "mine"


def test_plugin_that_loads_another_registers_its_own(dcgan, workplace):
    (workplace / "inner.py").write_text(TWO_LOSSES)
    outer = REGISTER + "dcgan.plugin('inner.py')\n@dcgan.loss('outer')\ndef f(r, f, s): ..."
    (workplace / "outer.py").write_text(outer)
    assert dcgan("train", "--plugin", "outer.py", "--help").code == 0
    found = {one.name: one.origin.name for one in registry.foreign_entries()}
    assert found == {"la": "inner.py", "lb": "inner.py", "outer": "outer.py"}


def test_installed_package_offers_a_plugin(dcgan, workplace, monkeypatch):
    (workplace / "site").mkdir()
    (workplace / "site" / "gan_pack.py").write_text(FILES["relativistic.py"])
    (workplace / "site" / "broken_pack.py").write_text("1 / 0")
    (workplace / "site" / "leaving_pack.py").write_text("raise SystemExit(4)")
    info = workplace / "site" / "gan_pack-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gan-pack\nVersion: 1.2\n")
    points = (
        "[dcgan.plugins]\nrelativistic = gan_pack\nbroken = broken_pack\nleaving = leaving_pack\n"
    )
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(workplace / "site")
    monkeypatch.setattr(plugins, "_installed", set())
    words = ["loss=relativistic", *QUICK, "epochs=1", "hydra.run.dir=run"]
    ended = dcgan("train", *words)
    assert ended.code == 0, ended.err
    for name in ("broken", "leaving"):
        assert f"warning: the plug-in {name} of gan-pack cannot be loaded" in ended.err
    (fact,) = json.loads((workplace / "run" / "run.json").read_text())["plugins"]
    assert (fact["name"], fact["version"], fact["sha256"]) == ("gan-pack", "1.2", None)
    forget()
    monkeypatch.setattr(plugins, "load_installed", list)
    ended = dcgan("sample", "--run", "run")
    assert ended.code == 4
    assert ended.err.endswith("which is not loaded; install gan-pack\n")
