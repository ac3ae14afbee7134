"""`dcgan sample`: what is drawn depends on seeds alone, and says what it is."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.sampling.pictures import read_png_facts, sample_grid


@pytest.fixture
def images(dcgan, workplace, finished_run) -> np.ndarray:
    """The samples 0 to 99."""
    assert dcgan("sample", "--run", finished_run, "--n", "100", "--out", "all.npz").code == 0
    return np.load(workplace / "all.npz")["images"]


def test_array(images, workplace):
    assert (images.shape, images.dtype) == ((100, 28, 28, 1), np.uint8)
    assert len(np.unique(images.reshape(100, -1), axis=0)) == 100
    np.testing.assert_array_equal(np.load(workplace / "all.npz")["seeds"], np.arange(100))


def test_grid(dcgan, workplace, finished_run, images):
    done = dcgan("sample", "--n", "6", "--out", "grid.png", "--run", finished_run, "--cols", "3")
    assert (done.code, done.out) == (0, "grid.png\n")
    assert f"using {finished_run}, epoch 3, step 12" in done.err
    grid = sample_grid(images[:6], columns=3)[..., 0]
    scale = 512 // grid.shape[1]
    pixels = np.asarray(Image.open(workplace / "grid.png"))
    np.testing.assert_array_equal(pixels[::scale, ::scale], grid)
    assert pixels.shape == (grid.shape[0] * scale, grid.shape[1] * scale)


def test_folder(dcgan, workplace, finished_run, images):
    done = dcgan("sample", "--run", finished_run, "--seeds", "0,3,7-9", "--out", "faces")
    assert done.code == 0
    names = sorted(path.name for path in (workplace / "faces").iterdir())
    assert names == [f"seed_{seed:06d}.png" for seed in (0, 3, 7, 8, 9)]
    for seed in (0, 3, 7, 8, 9):
        pixels = np.asarray(Image.open(workplace / "faces" / f"seed_{seed:06d}.png"))
        np.testing.assert_array_equal(pixels, images[seed, ..., 0])


@pytest.mark.parametrize("options", [["--seed", "70", "--n", "3"], ["--seeds", "72,70,71"]])
def test_an_image_depends_on_its_seed_alone(dcgan, workplace, finished_run, images, options):
    assert dcgan("sample", "--run", finished_run, *options, "--out", "few.npz").code == 0
    few = np.load(workplace / "few.npz")
    for seed, image in zip(few["seeds"], few["images"], strict=True):
        np.testing.assert_array_equal(image, images[seed])


def test_training_frames_show_the_same_samples(dcgan, workplace, finished_run):
    options = ["--n", "4", "--epoch", "2", "--out", "grid.png"]
    assert dcgan("sample", "--run", finished_run, *options).code == 0
    frame = Image.open(finished_run / "samples" / "epoch_0002.png")
    np.testing.assert_array_equal(Image.open(workplace / "grid.png"), frame)


def test_picture_says_what_made_it(dcgan, workplace, finished_run):
    dcgan("sample", "--run", finished_run, "--seeds", "5,2", "--out", "grid.png", "--epoch", "1")
    facts = read_png_facts(workplace / "grid.png")
    assert facts is not None
    assert (facts["run"], facts["epoch"], facts["step"]) == (finished_run.name, 1, 4)
    assert facts["seeds"] == [5, 2]
    done = dcgan("inspect", "grid.png", "--json")
    assert json.loads(done.out)["made_by"] == facts


def test_a_checkpoint_inside_an_epoch_is_said_to_be_one(dcgan, workplace, finished_run):
    run = shutil.copytree(finished_run, workplace / "run")
    newest = checkpoints.find(run / "checkpoints")[0]
    parts = [name.removesuffix(".npz") for name in newest.files]
    progress = Progress(step=14, epoch=3, epoch_step=2)
    arrays = {part: newest.load(part) for part in parts}
    checkpoints.save(run / "checkpoints", arrays, progress, newest.run)
    where = "epoch 3 and 2 steps, step 14"
    assert f"step_0000000014  {where}," in dcgan("inspect", "run").out
    assert f"using run, {where}\n" in dcgan("sample", "--run", "run").err
    facts = read_png_facts(workplace / "grid.png")
    assert (facts["epoch"], facts["epoch_step"], facts["step"]) == (3, 2, 14)
    done = dcgan("evaluate", "--run", "run", "--n", "20", "--json")
    assert f"using run, {where}\n" in done.err
    assert json.loads(done.out)["epoch_step"] == 2


def test_newest_run_is_the_default(dcgan, workplace, finished_run):
    (workplace / "runs").mkdir()
    (workplace / "runs" / "latest").symlink_to(finished_run)
    done = dcgan("sample", "--out", "grid.png")
    assert done.code == 0
    assert f"{finished_run.name}, epoch 3" in done.err


@pytest.mark.parametrize(
    ("words", "code", "fragment"),
    [
        (["--epoch", "9"], 4, "has no checkpoint of epoch 9; it has 1, 2, 3"),
        (["--out", "x.bmp"], 2, "must end in .png, .jpg, .jpeg, .webp or .npz"),
        (["--seeds", "5-2"], 2, "a range goes up"),
        (["--seeds", "a"], 2, "numbers and ranges"),
        (["--seed", "1", "--seeds", "2"], 2, "without --seed and --n"),
        (["--n", "0"], 2, "--n"),
        (["--n", "10001"], 2, "at most 10,000 images"),
        (["--cols", "0"], 2, "--cols"),
    ],
)
def test_mistakes(dcgan, workplace, finished_run, words, code, fragment):
    done = dcgan("sample", "--run", finished_run, *words)
    assert (done.code, len(done.err.splitlines())) == (code, 1), done.err
    assert fragment in done.err
    assert not list(workplace.iterdir())


def test_no_run_yet(dcgan, workplace):
    done = dcgan("sample", "--run", "latest")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert "dcgan train" in done.err


def test_damaged_checkpoint_is_refused(dcgan, workplace, finished_run):
    shutil.copytree(finished_run, "a")
    for step in (4, 8):
        shutil.rmtree(f"a/checkpoints/step_{step:010d}")
    path = next((workplace / "a").rglob("generator.npz"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = dcgan("sample", "--run", "a")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert "generator.npz is damaged" in done.err
    assert dcgan("inspect", "a").code == 4


def test_place_that_cannot_be_written_is_named_once(dcgan, workplace):
    done = dcgan("sample", "--run", "bundled", "--out", "/proc/x.png")
    assert (done.code, len(done.err.splitlines())) == (5, 2)
    assert "'/proc/x.png'" in done.err
    assert "None" not in done.err
