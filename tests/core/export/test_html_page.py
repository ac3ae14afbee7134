"""Exported pages: the file, and the pictures that it draws in Chromium or Node.js."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dcgan_cli.cli import run_program
from dcgan_cli.core.export.html_page import PARTS
from dcgan_cli.core.export.page_reading import open_page
from dcgan_cli.core.runs.find import BUNDLED
from dcgan_cli.core.sampling.latent_walk import slerp
from dcgan_cli.core.sampling.latents import latents
from dcgan_cli.core.sampling.sampler import Sampler, load_generator
from tests.chromium import Chromium, find_chromium
from tests.conftest import CONVOLUTIONAL
from tests.core.export.page_in_node import images_in_node

CHROMIUM, NODE = find_chromium(), shutil.which("node")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
GRID = range(40)
"""Seeds of the pictures in the section "Many seeds" of a page just opened."""
STEPS = 100
"""Positions of the walk's slider from one seed to the next."""
IDLE = """typeof painter !== "undefined" && !document.querySelector("main").hidden
  && !painter.painting && painter.wanted.size === 0"""
PIXELS = """(selector) => [...document.querySelectorAll(selector)].map((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
})"""

ODD = '''
import keras
import dcgan_cli as dcgan


@dcgan.model("odd", sizes=(28,), initial_stddev=0.4)
class Odd:
    """Layers that the program's own models do not have, or not with these sizes."""

    def generator(self, latent, image_shape, blocks):
        # With a seed: Keras would draw other weights in each process.
        weights = keras.initializers.HeNormal(seed=1)
        x = keras.layers.Dense(7 * 7 * 6, kernel_initializer=weights, name="dense")(latent)
        x = keras.layers.Reshape((7, 7, 6), name="reshape")(x)
        x = blocks.norm("norm_1")(x)
        x = keras.layers.Activation("relu", name="relu_1")(x)
        up = {"padding": "same", "kernel_initializer": weights}
        x = keras.layers.Conv2DTranspose(10, 3, strides=2, name="conv_1", **up)(x)
        x = blocks.norm("norm_2")(x)
        x = keras.layers.Conv2D(9, 4, activation="relu", name="conv_2", **up)(x)
        x = keras.layers.UpSampling2D(4, name="resize")(x)
        x = keras.layers.Conv2D(5, 4, name="conv_3", **up)(x)
        x = keras.layers.LeakyReLU(negative_slope=0.1, name="relu_3")(x)
        x = keras.layers.Conv2D(5, 5, strides=2, activation="tanh", name="conv_4", **up)(x)
        x = keras.layers.Conv2D(5, 1, name="conv_5", **up)(x)
        return keras.layers.Conv2D(image_shape[-1], 5, name="conv_6", **up)(x)

    def discriminator(self, image, dropout_key, blocks):
        return blocks.down(4, name="conv_1")(image)


@dcgan.model("branching")
class Branching(Odd):
    """A layer with two inputs."""

    def generator(self, latent, image_shape, blocks):
        x = blocks.dense(784, name="dense_1")(latent)
        x = keras.layers.Add(name="sum")([x, blocks.dense(784, name="dense_2")(x)])
        return keras.layers.Reshape(image_shape, name="reshape")(x)
'''


@pytest.fixture(scope="module")
def bundled_page(tmp_path_factory) -> Path:
    page = tmp_path_factory.mktemp("page") / "page.html"
    assert run_program(["export", str(page), "--run", "bundled"]) == 0
    return page


@pytest.fixture(scope="module")
def bundled() -> Sampler:
    return load_generator(BUNDLED).sampler


@pytest.fixture
def opened(chromium, bundled_page) -> Chromium:
    """The page of the bundled generator, after it has drawn everything."""
    show(chromium, bundled_page)
    return chromium


@pytest.fixture
def draw(request) -> Callable[[Path, np.ndarray, int], np.ndarray]:
    """Return the pictures of the seeds in GRID that a page draws, uint8 like those expected."""
    if CHROMIUM:
        chromium = request.getfixturevalue("chromium")

        def in_chromium(page: Path, expected: np.ndarray, classes: int) -> np.ndarray:
            show(chromium, page)
            assert not chromium.errors
            return shown(chromium, "#grid canvas", expected.shape)

        return in_chromium
    if NODE:
        return in_node
    return pytest.skip("neither Chromium nor Node.js is installed")


def show(chromium: Chromium, page: Path, **options: object) -> None:
    """Open a page and wait until it has drawn everything."""
    chromium.errors.clear()
    chromium.open(page.resolve().as_uri(), **options)
    chromium.wait(IDLE)


def shown(chromium: Chromium, selector: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the pictures in canvases: uint8 [N, *shape[1:]]."""
    rgba = np.array(chromium.run(f"({PIXELS})({json.dumps(selector)})"), np.uint8)
    return rgba.reshape(-1, *shape[1:3], 4)[..., : shape[3]]


def in_node(page: Path, expected: np.ndarray, classes: int) -> np.ndarray:
    return images_in_node(page, GRID, classes, expected.shape)


def difference(found: np.ndarray, expected: np.ndarray) -> int:
    """Return the largest difference in grey levels."""
    assert found.shape == expected.shape
    return int(np.abs(found.astype(np.int16) - expected).max())


def sampled(dcgan, run: Path | str, *plugin: str) -> np.ndarray:
    """Return the images of GRID by `dcgan sample`."""
    words = ["--run", run, "--seeds", f"{GRID[0]}-{GRID[-1]}", "--out", "samples.npz"]
    assert dcgan("sample", *plugin, *words).code == 0
    with np.load("samples.npz") as file:
        return file["images"]


def exported(dcgan, run: Path | str, *plugin: str) -> Path:
    done = dcgan("export", *plugin, "page.html", "--run", run)
    assert (done.code, done.out) == (0, "page.html\n"), done.err
    assert "read back with numpy" in done.err
    return Path("page.html")


def generator_in(page: Path) -> dict:
    text = re.search(r'id="generator">(.*?)</script>', page.read_text())
    assert text
    return json.loads(text[1])


def test_page_is_small_and_asks_no_network(bundled_page):
    text = bundled_page.read_text()
    weights = sum(
        2 * layer["size"] ** 2 * layer["input"][2] * layer["output"][2]
        for layer in generator_in(bundled_page)["layers"]
    )
    assert len(text) < 1.4 * weights + 100_000
    assert "http:" not in text
    assert "https:" not in text
    policy = re.search(r'Security-Policy" content="(.*?)"', text)[1]
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy


@pytest.mark.parametrize("name", ["bundled", "mlp", "dcgan28", "dcgan"])
def test_pictures_are_those_of_the_program(
    dcgan, workplace, request, trained, draw, bundled_page, name
):
    colour = ["model=dcgan", "data.image_size=32", "data.channels=3", "model.upsample=resize"]
    runs = {
        "bundled": lambda: name,
        "mlp": lambda: request.getfixturevalue("conditional_run"),
        "dcgan28": lambda: request.getfixturevalue("convolutional_run"),
        "dcgan": lambda: trained("colour", *colour, settings=CONVOLUTIONAL),
    }
    run = runs[name]()
    page = bundled_page if run == "bundled" else exported(dcgan, run)
    expected = sampled(dcgan, run)
    classes = generator_in(page)["classes"]
    assert bool(classes) == (name in ("bundled", "mlp"))
    assert difference(draw(page, expected, classes), expected) <= 1


def test_layers_of_all_sizes(dcgan, workplace, draw):
    Path("odd.py").write_text(ODD)
    words = ["model=odd", *CONVOLUTIONAL, "epochs=1", "hydra.run.dir=run"]
    plugin = ("--plugin", "odd.py")
    assert dcgan("train", *plugin, *words).code == 0
    expected = sampled(dcgan, "run", *plugin)
    assert expected.std() > 10
    page = exported(dcgan, "run", *plugin)
    assert difference(open_page(page)({"latent": latents(GRID, 8)}), expected) <= 1
    assert difference(draw(page, expected, 0), expected) <= 1


def test_other_layers_are_refused(dcgan, workplace):
    Path("odd.py").write_text(ODD)
    words = ["model=branching", *CONVOLUTIONAL, "epochs=1", "hydra.run.dir=run"]
    plugin = ("--plugin", "odd.py")
    assert dcgan("train", *plugin, *words).code == 0
    Path("page.html").write_text("mine")
    done = dcgan("export", *plugin, "page.html", "--run", "run")
    assert done.code == 2
    assert "cannot hold model=branching: its layer sum (Add)" in done.err
    assert "pages do not support; export an .onnx file instead" in done.err
    assert Path("page.html").read_text() == "mine"


@needs_chromium
def test_latent_vectors_are_numpys(chromium):
    """The rare branches too: in the tail, 1 value in 4,000, the last bit may differ."""
    chromium.open("about:blank")
    script = (PARTS / "latents.js").read_text()
    seeds = [*range(3000), 5018, 54364, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**62]
    words = json.dumps([str(seed) for seed in seeds])
    drawn = f"{words}.map((seed) => [...latentOfSeed(BigInt(seed), 100)])"
    # Strict mode keeps what it declares to itself.
    found = chromium.run(f"(() => {{ {script}; return {drawn} }})()")
    expected = latents(seeds, 100)
    np.testing.assert_allclose(np.float32(found), expected, rtol=2e-7)
    assert np.mean(np.float32(found) == expected) > 0.99999


@needs_chromium
def test_walk_by_keyboard(opened, bundled):
    shape = (1, 28, 28, 1)
    opened.run("byId('walk').focus()")
    before = shown(opened, "#walk-picture", shape)
    for _ in range(3):
        opened.press("ArrowRight")
    opened.wait(IDLE)
    assert opened.run("byId('walk').value") == "3"
    text = "3% of the way from seed 0 to seed 1"
    assert opened.run("byId('walk').getAttribute('aria-valuetext')") == text
    label = opened.run("byId('walk-picture').getAttribute('aria-label')")
    assert label == f"Picture of {text}, class 0"
    vectors = latents([0, 1], 100)
    vector = slerp(vectors[:1], vectors[1:], 3 / STEPS)
    found = shown(opened, "#walk-picture", shape)
    assert difference(found, bundled.render(vector, [0])) <= 1
    assert difference(found, before) > 1
    classes = shown(opened, "#each-class canvas", shape)
    expected = bundled.render(vector.repeat(10, axis=0), range(10))
    assert difference(classes, expected) <= 1
    assert not opened.errors


@needs_chromium
def test_walk_plays_until_the_slider_is_moved(opened):
    opened.run("byId('walk-play').click()")
    opened.wait("Number(byId('walk').value) > 5")
    assert opened.run("byId('walk-play').getAttribute('aria-pressed')") == "true"
    opened.run("byId('walk').dispatchEvent(new Event('input'))")
    assert opened.run("byId('walk-play').getAttribute('aria-pressed')") == "false"
    opened.wait(IDLE)
    assert not opened.errors


@needs_chromium
def test_class_buttons(opened, bundled):
    opened.run("document.querySelectorAll('[name=class]')[7].click(); byId('grid-class').click()")
    opened.wait(IDLE)
    for selector in ("#walk-picture", ".corner"):
        found = shown(opened, selector, (1, 28, 28, 1))
        assert difference(found, bundled.sample(range(len(found)), label=7)) <= 1
    expected = bundled.sample(GRID, label=7)
    assert difference(shown(opened, "#grid canvas", expected.shape), expected) <= 1
    command = opened.run("byId('grid-command').textContent")
    assert command == "dcgan sample --seeds 0-39 --class 7"


@needs_chromium
def test_drag_between_four_latent_vectors(opened, bundled):
    opened.run("byId('pad').scrollIntoView({block: 'center'})")
    box = opened.run("JSON.parse(JSON.stringify(byId('pad').getBoundingClientRect()))")
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.drag(middle, (box["x"] + box["width"] / 4, box["y"] + box["height"] + 50))
    opened.wait(IDLE)
    assert opened.run("[byId('square-x').value, byId('square-y').value]") == ["25", "100"]
    vectors = latents([2, 3], 100)
    expected = bundled.render(slerp(vectors[:1], vectors[1:], 0.25), [0])
    assert difference(shown(opened, "#square-picture", (1, 28, 28, 1)), expected) <= 1
    assert not opened.errors


@needs_chromium
def test_seeds(opened, bundled):
    opened.run("byId('grid-new').click()")
    opened.wait(IDLE)
    first = int(opened.run("byId('grid-seed').value"))
    expected = bundled.sample(range(first, first + len(GRID)))
    assert difference(shown(opened, "#grid canvas", expected.shape), expected) <= 1
    opened.run("document.querySelectorAll('#grid button')[4].click()")
    opened.wait(IDLE)
    expected = bundled.sample([first + 4])
    assert difference(shown(opened, "#walk-picture", expected.shape), expected) <= 1
    opened.run(
        "byId('walk-seed').value = '1.5'; byId('walk-seed').dispatchEvent(new Event('input'))"
    )
    opened.wait(IDLE)
    assert opened.run("byId('walk-seed').getAttribute('aria-invalid')") == "true"
    assert difference(shown(opened, "#walk-picture", expected.shape), expected) <= 1
    assert not opened.errors


@needs_chromium
def test_browser_without_webassembly(chromium, bundled_page, bundled, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(bundled_page.read_text().replace(" 'wasm-unsafe-eval'", "", 1))
    show(chromium, page)
    assert "plain JavaScript" in chromium.run("byId('time').textContent")
    expected = bundled.sample(GRID)
    assert difference(shown(chromium, "#grid canvas", expected.shape), expected) <= 1


@needs_chromium
def test_names_of_a_hostile_run_are_text(dcgan, workplace, conditional_run, chromium):
    """A script in a name would set `hacked`, or be an error of the Content-Security-Policy."""
    name = "<img src=x onerror=hacked=1>{{weights}}"
    record = json.loads((conditional_run / "run.json").read_text())
    script = "</script><script>hacked=1</script>"
    record["class_names"] = [script, *"123456789"]
    run = Path(shutil.copytree(conditional_run, workplace / name))
    (run / "run.json").write_text(json.dumps(record))
    show(chromium, exported(dcgan, run))
    assert chromium.run("typeof hacked") == "undefined"
    assert name in chromium.run("document.querySelector('h1').textContent")
    assert chromium.run("document.querySelector('#each-class span').textContent") == script
    assert not chromium.errors


@needs_chromium
@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)])
def test_page_fits_the_window(chromium, bundled_page, width, dark):
    show(chromium, bundled_page, width=width, dark=dark)
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
    light = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert (light == "rgb(22, 23, 26)") == dark
    unnamed = """[...document.querySelectorAll("canvas, input, button")].filter((element) =>
      !(element.getAttribute("aria-label") || element.labels?.length || element.textContent))"""
    assert chromium.run(f"{unnamed}.map((element) => element.outerHTML)") == []
