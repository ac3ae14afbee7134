"""`dcgan export`: files give the images of `dcgan sample`, in other programs."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

import dcgan_cli
from dcgan_cli.cli import run_program
from dcgan_cli.core.export import formats
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.sampling.latents import latents
from dcgan_cli.core.storage import is_temporary
from tests.conftest import CONVOLUTIONAL, QUICK
from tests.plugin_files import write_plugins

COUNT = 5
FILES = ["x.keras", "x.onnx", "x.tflite", "x.safetensors"]
HALVES = [pytest.param([], id="float32"), pytest.param(["--half"], id="half")]
OWN_LAYER = """
import keras

import dcgan_cli as dcgan


class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


@dcgan.model("twice")
class Model:
    def generator(self, latent, image_shape, blocks):
        height, width, channels = image_shape
        x = blocks.dense(height * width * channels, name="dense")(latent)
        return keras.layers.Reshape(image_shape, name="reshape")(Twice(name="own")(x))

    def discriminator(self, image, dropout_key, blocks):
        return keras.layers.Flatten(name="pixels")(image)
"""


@pytest.fixture(scope="session")
def conditional_convolutional(trained) -> Path:
    """A run with transposed convolutions that is told classes. Not to be changed."""
    words = ["model.conditional=true", "model.leaky_relu_slope=0.1", "ema=0.9"]
    return trained("conditional_convolutional", *words, settings=CONVOLUTIONAL)


@pytest.fixture(scope="session")
def half_precision_run(trained) -> Path:
    """A run that computes in bfloat16, resizes, and makes 32x32 images. Not to be changed."""
    words = ["precision=bfloat16", "model=dcgan", "data.image_size=32", "model.upsample=resize"]
    return trained("half_precision", *words, settings=CONVOLUTIONAL)


@pytest.fixture(scope="session")
def private_run(trained) -> Path:
    """A run with paths in its settings, changes and state. Not to be changed."""
    from dcgan_cli.core.evaluation.features import CLASSIFIERS

    folder = trained("private")
    features, data = folder.parent / "of_digits.npz", folder.parent / "moved.npz"
    shutil.copy(CLASSIFIERS / "mnist-1.npz", features)
    shutil.copy(QUICK[0].partition("=")[2], data)
    words = [f"evaluation.features={features}", f"data.path={data}"]
    assert run_program(["train", f"resume={folder}", "epochs=4", *words]) == 0
    run = RunFolder(folder)
    assert str(data) in json.dumps(run.record()["lineage"])
    run.write_status("failed", epoch=4, reason=f"cannot read {data}")
    return folder


def inputs_of(run: RunFolder, count: int) -> dict[str, np.ndarray]:
    """Return the inputs of the seeds 0, 1, 2, ..."""
    config = run.config()
    inputs = {"latent": latents(range(count), config.noise_dim)}
    if config.num_classes:
        inputs["label"] = np.arange(count, dtype=np.int32) % config.num_classes
    return inputs


def read(path: Path) -> tuple[Callable[[dict[str, np.ndarray]], np.ndarray], dict]:
    """Return an exported file as a function, and its facts, by its own library alone."""
    import keras

    if path.suffix == ".onnx":
        onnxruntime = pytest.importorskip("onnxruntime")
        session = onnxruntime.InferenceSession(path)
        axes = [value.shape[0] for value in (*session.get_inputs(), *session.get_outputs())]
        assert set(axes) == {"n"}
        facts = session.get_modelmeta().custom_metadata_map["dcgan"]
        return lambda inputs: session.run(["image"], inputs)[0], json.loads(facts)
    if path.suffix == ".tflite":
        interpreter = pytest.importorskip("ai_edge_litert.interpreter")
        run = interpreter.Interpreter(str(path)).get_signature_runner()
        facts = zipfile.ZipFile(path).read("dcgan.json")
        return lambda inputs: run(**inputs)["image"], json.loads(facts)
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "numpy") as file:
            header = file.metadata()
            model = keras.models.model_from_json(header["keras"])
            for variable in model.variables:
                variable.assign(file.get_tensor(variable.path))
        facts = header["dcgan"]
    else:
        model = keras.saving.load_model(path)
        archive = path if path.is_dir() else zipfile.Path(path)
        facts = (archive / "dcgan.json").read_text()
    return lambda inputs: np.asarray(model(inputs)["image"]), json.loads(facts)


def needs(name: str) -> None:
    """Skip a test whose optional library is not installed."""
    if name.endswith(".onnx"):
        pytest.importorskip("tf2onnx", reason="the extra onnx is not installed")


def largest_difference(one: np.ndarray, other: np.ndarray) -> int:
    assert (one.dtype, one.shape) == (np.uint8, other.shape)
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("which", ["finished_run", "conditional_convolutional"])
def test_files_give_the_samples(dcgan, workplace, request, which, name, half):
    needs(name)
    run = RunFolder(request.getfixturevalue(which))
    done = dcgan("export", name, "--run", run.path, *half)
    assert (done.code, done.out) == (0, f"{name}\n"), done.err
    assert re.search(r"read back with \S+ \S+: largest difference [01] grey level", done.err)
    images, facts = read(workplace / name)
    expected = dcgan_cli.load(run.path).sample(COUNT)
    for count in (COUNT, 1):
        found = images(inputs_of(run, count))
        assert largest_difference(found, expected[:count]) <= 1
    assert (facts["run"], facts["epoch"], facts["step"]) == (run.path.name, 3, 12)
    assert facts["licence"].startswith("CC BY-SA 3.0")
    assert facts["settings"]["noise_dim"] == facts["noise_dim"] == 8
    assert facts["classes"] == run.config().num_classes
    assert str(Path(run.config().data.path).parent) not in json.dumps(facts)


@pytest.mark.parametrize("name", FILES)
def test_half_is_smaller(dcgan, workplace, convolutional_run, name):
    needs(name)
    sizes = {}
    for half in ([], ["--half"]):
        assert dcgan("export", name, "--run", convolutional_run, *half).code == 0
        sizes[bool(half)] = (workplace / name).stat().st_size
    weights = sum(
        one["parameters"] for one in RunFolder(convolutional_run).record()["networks"]["generator"]
    )
    assert sizes[False] - sizes[True] > weights  # Of two bytes saved for each, half at least.


@pytest.mark.parametrize("name", FILES)
def test_a_bfloat16_run_is_exported_in_float32(dcgan, workplace, half_precision_run, name):
    needs(name)
    done = dcgan("export", name, "--run", half_precision_run)
    assert done.code == 0, done.err
    assert "note: the run computes in bfloat16, exported files in float32" in done.err
    images, _ = read(workplace / name)
    run = RunFolder(half_precision_run)
    expected = dcgan_cli.load(half_precision_run).sample(COUNT)
    # bfloat16 has 8 bits of precision.
    assert largest_difference(images(inputs_of(run, COUNT)), expected) < 16


def test_labels_beyond_the_classes_are_refused(dcgan, workplace, conditional_run):
    assert dcgan("export", "x.keras", "--run", conditional_run).code == 0
    images, _ = read(workplace / "x.keras")
    inputs = inputs_of(RunFolder(conditional_run), COUNT)
    inputs["label"][2] = 10
    with pytest.raises(Exception, match="10 is not in"):
        images(inputs)


def test_it_loads_where_this_program_is_not(dcgan, workplace, conditional_convolutional):
    assert dcgan("export", "x.keras", "--run", conditional_convolutional).code == 0
    run = RunFolder(conditional_convolutional)
    np.savez("inputs.npz", **inputs_of(run, COUNT))
    program = """
        import sys
        sys.modules["dcgan_cli"] = None  # Importing it fails.
        import keras, numpy as np
        model = keras.saving.load_model("x.keras")
        np.save("images.npy", np.asarray(model(dict(np.load("inputs.npz")))["image"]))
    """
    words = [sys.executable, "-I", "-c", re.sub(r"^ {8}", "", program, flags=re.M)]
    subprocess.run(words, check=True, capture_output=True)
    expected = dcgan_cli.load(run.path).sample(COUNT)
    assert largest_difference(np.load("images.npy"), expected) <= 1


def test_a_zip_is_a_run_folder(dcgan, workplace, conditional_convolutional):
    run = conditional_convolutional
    assert dcgan("export", "x.zip", "--run", run, "--epoch", "2").code == 0
    with zipfile.ZipFile("x.zip") as archive:
        archive.extractall()
    slim = RunFolder(Path("run"))
    assert slim.config().data.path == "mnist.npz"
    assert [path.name for path in slim.samples.iterdir()] == ["epoch_0002.png"]
    (checkpoint,) = slim.checkpoints.iterdir()
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "generator_average.npz",
        "manifest.json",
    ]
    assert dcgan("inspect", "run").code == 0
    expected = dcgan_cli.load(run, 2).sample(COUNT)
    np.testing.assert_array_equal(dcgan_cli.load("run").sample(COUNT), expected)


def test_a_report_of_a_zip_has_the_real_images_and_the_figures(dcgan, workplace, scored_run):
    shutil.copytree(scored_run, "own")
    assert dcgan("evaluate", "--run", "own").code == 0
    assert dcgan("export", "x.zip", "--run", "own").code == 0
    with zipfile.ZipFile("x.zip") as archive:
        archive.extractall()
    own, slim = RunFolder(Path("own")), RunFolder(Path("run"))
    assert slim.real_figures() == own.real_figures() != {}
    assert slim.evaluations() == own.evaluations() != []
    done = dcgan("report", "run", "--out", "report.html")
    assert done.code == 0, done.err
    page = Path("report.html").read_text()
    assert "Grid of training images" in page
    assert "Not evaluated yet" not in page
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert f"real images {own.real_figures()['figures']['frechet_distance']:.4g}" in text


@pytest.mark.parametrize("name", [*FILES, "x.html", "x.zip", "x"])
def test_no_path_of_this_machine_is_published(dcgan, workplace, private_run, name):
    needs(name)
    done = dcgan("export", name, "--run", private_run)
    assert done.code == 0, done.err
    out = Path(name)
    if out.suffix in (".keras", ".tflite", ".zip"):
        out = workplace / "unzipped"
        zipfile.ZipFile(name).extractall(out)
    files = (
        [out, Path(name)] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    )
    contents = [path.read_bytes() for path in files]
    for folder in (private_run.parent, Path(QUICK[0].partition("=")[2]).parent, Path.home()):
        assert not [part for part in contents if f"{folder}/".encode() in part]
    kept = [part for part in contents if b"of_digits.npz" in part]
    assert kept, "the name of the file is no secret"


@pytest.mark.parametrize("name", [*FILES, "x.html", "x.zip", "x"])
def test_a_run_whose_name_is_no_text_is_exported(workplace, finished_run, name):
    """To a file whose name is none either."""
    needs(name)
    run = shutil.copytree(finished_run, os.fsdecode(b"a\xff"))
    out = os.fsdecode(b"\xff") + name
    assert run_program(["export", out, "--run", run]) == 0
    assert Path(out).exists()


@pytest.mark.parametrize(
    ("name", "call", "where"),
    [("x.keras", "rmdir", "assets"), ("x.zip", "rename", "step_"), ("x", "rmdir", "assets")],
)
def test_a_kill_leaves_only_what_is_named_as_temporary(
    processes, workplace, finished_run, name, call, where
):
    words = ["export", name, "--run", finished_run]
    killed = processes.run(*words, faults=[("kill_before", call, where)])
    assert killed.code == -9, killed.err
    left = list(workplace.iterdir()) if name != "x" else list(Path(name).iterdir())
    assert left
    assert all(map(is_temporary, left)), left


def test_a_folder_is_what_hubs_take(dcgan, workplace, conditional_run, monkeypatch):
    run = RunFolder(conditional_run)
    done = dcgan("export", "hub", "--run", run.path)
    assert done.code == 0, done.err
    files = {path.name for path in Path("hub").iterdir()}
    always = {"README.md", "config.json", "dcgan.json", "grid.png", "metadata.json", "metrics.csv"}
    assert files - {"generator.onnx"} == always | {"model.weights.h5"}
    assert done.err.count("read back with") == 1 + ("generator.onnx" in files)
    expected = dcgan_cli.load(run.path).sample(COUNT)
    images, facts = read(Path("hub"))
    assert largest_difference(images(inputs_of(run, COUNT)), expected) <= 1
    assert facts["classes"] == 10
    card = Path("hub/README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    assert (head["license"], head["datasets"]) == ("cc-by-sa-3.0", ["ylecun/mnist"])
    monkeypatch.chdir("hub")
    for block in re.findall(r"```python\n(.*?)```", card, re.S):
        if "onnxruntime" in block:
            pytest.importorskip("onnxruntime")
        namespace: dict[str, object] = {}
        exec(block, namespace)
        assert np.asarray(namespace["images"]).shape == (16, 28, 28, 1)
    again = dcgan("export", "../hub", "--run", run.path)
    assert (again.code, "name a folder that is new or empty" in again.err) == (2, True)


def test_a_card_shows_values_of_a_run_as_they_are(dcgan, workplace, conditional_run):
    names = ["<script>alert(1)</script>", "`</code><b>", "a\n# b", *map(str, range(7))]
    with zipfile.ZipFile("x.zip", "w") as archive:
        for path in conditional_run.rglob("*"):
            archive.write(path, Path("r<b>") / path.relative_to(conditional_run))
    zipfile.ZipFile("x.zip").extractall()
    RunFolder(Path("r<b>")).update({"class_names": names})
    assert dcgan("export", "hub", "--run", "r<b>").code == 0
    card = Path("hub/README.md").read_text()
    outside = re.sub(r"`[^`\n]*`", "", card.replace("```", ""))
    assert "<" not in outside
    assert "\n# b" not in card
    assert json.loads(Path("hub/dcgan.json").read_text())["class_names"] == names


def test_a_plug_in_of_the_page_is_exported(dcgan, workplace):
    write_plugins(workplace)
    words = ["model=resnet", "model.options.width=4", "epochs=1", "hydra.run.dir=run"]
    assert dcgan("--plugin", "resnet.py", "train", *CONVOLUTIONAL, *words).code == 0
    done = dcgan("export", "x.keras", "--run", "run")
    assert done.code == 0, done.err
    images, _ = read(workplace / "x.keras")
    expected = dcgan_cli.load("run").sample(COUNT)
    assert largest_difference(images(inputs_of(RunFolder(Path("run")), COUNT)), expected) <= 1


def test_a_layer_of_a_plug_in_is_exported_as_a_computation(dcgan, workplace):
    Path("twice.py").write_text(OWN_LAYER)
    words = ["model=twice", "epochs=1", "hydra.run.dir=run"]
    trained = dcgan("--plugin", "twice.py", "train", *QUICK[:-2], *words)
    assert trained.code == 0, trained.err
    for name in ("x.keras", "x.safetensors", "hub"):
        done = dcgan("export", name, "--run", "run")
        assert done.code == 2
        assert done.err.splitlines()[-1].endswith(
            "export .onnx or .tflite, which hold its computation"
        )
        assert "model=twice has own (Twice)" in done.err
        assert not Path(name).exists()
    assert dcgan("export", "x.tflite", "--run", "run").code == 0
    images, _ = read(workplace / "x.tflite")
    expected = dcgan_cli.load("run").sample(COUNT)
    assert largest_difference(images(inputs_of(RunFolder(Path("run")), COUNT)), expected) <= 1


@pytest.mark.parametrize(
    ("factor", "fragment"),
    [(1e7, "too large for float16"), (3e-7, "differ by up to")],
)
def test_weights_that_float16_cannot_hold_are_refused(
    dcgan, workplace, finished_run, factor, fragment
):
    """Small weights have few bits in float16; those of the next layers make up for it."""
    made = RunFolder(Path("run"))
    made.samples.mkdir(parents=True)
    made.checkpoints.mkdir()
    source = RunFolder(finished_run)
    made.run_json.write_text(source.run_json.read_text())
    newest = checkpoints.newest_intact(source.checkpoints)[0]
    arrays = newest.load("generator")
    for name in ("dense_1/kernel", "dense_1/bias"):
        arrays[name] = (arrays[name] * factor).astype(np.float32)
    for name, next_factor in (("dense_2/kernel", 5e4), ("dense_3/kernel", 50)):
        arrays[name] = (arrays[name] * next_factor).astype(np.float32)
    checkpoints.save(made.checkpoints, {"generator": arrays}, newest.progress, newest.run)
    assert dcgan("export", "x.keras", "--run", "run").code == 0
    before = Path("x.keras").read_bytes()
    done = dcgan("export", "x.keras", "--run", "run", "--half")
    assert (done.code, len(done.err.splitlines())) == (2, 2), done.err
    assert fragment in done.err
    assert "leave --half out" in done.err
    assert Path("x.keras").read_bytes() == before
    assert sorted(path.name for path in workplace.iterdir()) == ["run", "x.keras"]


@pytest.mark.parametrize(
    ("words", "code", "fragment"),
    [
        (["x.bmp"], 2, "must end in .keras, .onnx"),
        ([".onnx"], 2, ".onnx is an ending without a name; give one, such as generator.onnx"),
        (["a/.HTML"], 2, "give one, such as a/generator.HTML"),
        (["x.keras", "--epoch", "9"], 4, "has no checkpoint of epoch 9"),
        (["x.keras", "--epoch", "best"], 4, "no checkpoint with a score"),
        (["x.keras", "--run", "nothing"], 4, "nothing"),
        (["full"], 2, "has files in it; name a folder that is new or empty"),
        (["full.keras"], 2, "is a folder; name a file"),
        (["a_file"], 2, "is a file; name a folder, or give it an ending"),
        ([], 2, "OUT"),
        ([""], 2, "is empty"),
    ],
)
def test_mistakes(dcgan, workplace, finished_run, words, code, fragment):
    for folder in ("full", "full.keras"):
        Path(folder).mkdir()
        Path(folder, "kept").touch()
    Path("a_file").touch()
    run = [] if "--run" in words else ["--run", finished_run]
    done = dcgan("export", *words, *run)
    assert done.code == code, done.err
    assert fragment in done.err.splitlines()[-1]
    assert {path.name for path in workplace.iterdir()} == {"a_file", "full", "full.keras"}


def test_a_missing_library_is_named_with_its_extra(dcgan, workplace, finished_run, monkeypatch):
    monkeypatch.setattr(formats, "is_installed", lambda library: library != "tf2onnx")
    done = dcgan("export", "x.onnx", "--run", finished_run)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "pip install 'dcgan-cli[onnx]'" in done.err


def test_without_a_runtime_it_says_that_nothing_was_compared(
    dcgan, workplace, finished_run, monkeypatch
):
    needs("x.onnx")
    monkeypatch.setattr(formats, "is_installed", lambda library: library != "onnxruntime")
    done = dcgan("export", "x.onnx", "--run", finished_run)
    assert done.code == 0
    assert "not read back: onnxruntime is not installed" in done.err
    assert Path("x.onnx").is_file()


def test_the_page_shows_how_to_read_the_files(workplace):
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    generator, namespace = dcgan_cli.load("bundled"), {}
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        if name := re.search(r'"(digits\.\w+)"', block):
            needs(name[1])
            if name[1].endswith(".tflite"):
                pytest.importorskip("ai_edge_litert")
            generator.export(name[1])
        exec(block, namespace)
        if name:
            expected = generator.render(namespace["inputs"]["latent"])
            assert largest_difference(np.asarray(namespace["images"]), expected) <= 1
    np.testing.assert_array_equal(namespace["latent"], latents([namespace["seed"]], 100)[0])


def test_from_python(workplace, finished_run):
    generator = dcgan_cli.load(finished_run, 1)
    assert generator.export("x.keras", half=True) is None
    images, facts = read(workplace / "x.keras")
    assert facts["epoch"] == 1
    expected = generator.sample(COUNT)
    assert largest_difference(images(inputs_of(RunFolder(finished_run), COUNT)), expected) <= 1
    with pytest.raises(dcgan_cli.ConfigError, match="must end in"):
        generator.export("x.png")
