"""`dcgan train`, from its words to the run folder."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.find import point_latest_to
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.metrics import METRICS_COLUMNS
from dcgan_cli.core.training import setup
from tests.conftest import QUICK, TINY
from tests.same_run import assert_same_run, newest_arrays, rows


def test_run_folder_is_complete(finished_run):
    names = {str(path.relative_to(finished_run)) for path in finished_run.rglob("*")}
    assert names >= {
        ".hydra/config.yaml",
        "run.json",
        "status.json",
        "metrics.csv",
        "train.log",
        "dcgan.gif",
        "samples/epoch_0001.png",
        "samples/epoch_0003.png",
        "checkpoints/step_0000000012/manifest.json",
        "checkpoints/step_0000000012/generator.npz",
    }
    assert not [name for name in names if ".tmp" in name]
    status = json.loads((finished_run / "status.json").read_text())
    assert (status["state"], status["epoch"], status["step"]) == ("finished", 3, 12)
    record = json.loads((finished_run / "run.json").read_text())
    assert record["config"]["model"]["units"] == 8
    assert record["precision"] == "float32"
    assert len(record["lineage"]) == 1


def test_metrics_have_a_row_an_epoch(finished_run):
    text = (finished_run / "metrics.csv").read_text().splitlines()
    assert text[0] == ",".join(METRICS_COLUMNS)
    table = RunFolder(finished_run).metrics()
    assert [(row["epoch"], row["step"]) for row in table] == [(1, 4), (2, 8), (3, 12)]
    assert all(row["seconds"] > 0 and row["images_per_second"] > 0 for row in table)
    assert all(0 < row["generator_loss"] < 5 for row in table)


def test_frames_are_grids_of_the_right_size_and_not_blank(finished_run):
    for path in (finished_run / "samples").iterdir():
        with Image.open(path) as picture:
            side = 2 * (28 + 2) + 2  # four images, two in a row
            scale = 512 // side
            assert picture.size == (side * scale, side * scale)
            assert picture.getextrema()[1] - picture.getextrema()[0] > 50


def test_checkpoints_hold_arrays_only(finished_run):
    for path in finished_run.rglob("*.npz"):
        with np.load(path, allow_pickle=False) as archive:
            assert all(archive[name].dtype.kind in "fiu" for name in archive)
            assert all(np.isfinite(archive[name]).all() for name in archive)
        assert zipfile.ZipFile(path).testzip() is None


def test_says_what_it_does(dcgan, workplace):
    done = dcgan("train", *TINY, "epochs=2", "hydra.run.dir=here")
    assert done.code == 0
    assert done.out == "here\n"
    for fact in ("here", "CPU", "MNIST, 200 images", "generator", "2 epochs of 4 = 8", "forecast"):
        assert fact in done.err
    assert "epoch 2/2  time " in done.err
    assert "\x1b" not in done.err
    assert "\r" not in done.err
    assert "epoch 2/2" in (workplace / "here" / "train.log").read_text()
    assert (workplace / "runs" / "latest" / "run.json").is_file()


def test_same_seed_same_run_other_seed_other_run(dcgan, workplace, finished_run):
    words = ["train", *QUICK, "checkpoint_every=1"]
    assert dcgan(*words, "epochs=3", "hydra.run.dir=run").code == 0
    assert_same_run(workplace / "run", finished_run)
    assert dcgan(*words, "epochs=1", "seed=1", "hydra.run.dir=other").code == 0
    assert rows(workplace / "other") != rows(finished_run)[:1]


def test_lineage_tells_of_every_part(dcgan, workplace, finished_run):
    shutil.copytree(finished_run, "a")
    done = dcgan("train", "resume=a", "epochs=4", "optimizer.beta_1=0.5")
    assert done.code == 0
    assert "changed   optimizer.beta_1 from 0.9 to 0.5\n" in done.err
    record = RunFolder(workplace / "a").record()
    assert [part["from_step"] for part in record["lineage"]] == [0, 12]
    assert record["lineage"][1]["changed"] == {"epochs": [3, 4], "optimizer.beta_1": [0.9, 0.5]}
    assert record["config"]["epochs"] == 4


def test_resume_latest_goes_on_with_the_newest_run(dcgan, workplace, finished_run):
    newest = Path(shutil.copytree(finished_run, workplace / "runs" / "a"))
    point_latest_to(RunFolder(newest))
    assert dcgan("train", "resume=latest", "epochs=4").code == 0
    assert len(rows(newest)) == 4
    assert len(list((workplace / "runs").iterdir())) == 2  # the run and the link


def test_resume_of_a_finished_run_does_nothing_and_says_so(dcgan, workplace, finished_run):
    shutil.copytree(finished_run, "a")
    before = newest_arrays(workplace / "a")
    done = dcgan("train", "resume=a")
    assert done.code == 0
    assert "nothing left to do" in done.err
    for name, array in newest_arrays(workplace / "a").items():
        np.testing.assert_array_equal(array, before[name])


def test_resume_refuses_what_makes_another_run(dcgan, workplace, finished_run):
    for word, fragment in [
        ("batch_size=32", "batch_size cannot change when resuming"),
        ("model.units=4", "model.units cannot change"),
        ("seed=9", "seed cannot change"),
        ("epochs=2", "epochs=2 is less than the 3 epochs that"),
        ("experiment=quick", "experiment cannot be combined with resume"),
    ]:
        done = dcgan("train", f"resume={finished_run}", word)
        assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
        assert fragment in done.err


def test_resume_refuses_other_images(dcgan, workplace, finished_run):
    """The limit is the run's own; where its images are may be said."""
    shutil.copytree(finished_run, "run")
    with np.load(QUICK[0].partition("=")[2]) as archive:
        np.savez("other.npz", x_train=archive["x_train"][::-1], y_train=archive["y_train"][::-1])
    done = dcgan("train", "resume=run", "data.path=other.npz", "epochs=4")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "training images are not those of" in done.err
    assert done.err.endswith("restore them, or set data.path= to where they are\n")


def test_resume_of_a_run_that_may_not_be_written_to(dcgan, workplace, finished_run, monkeypatch):
    """Root may write anywhere, so the system's answer is changed rather than the permissions."""
    monkeypatch.setattr("os.access", lambda path, mode: False)
    done = dcgan("train", f"resume={finished_run}", "epochs=9")
    assert (done.code, len(done.err.splitlines())) == (5, 1)
    assert "may not be written to" in done.err


def test_resume_finds_data_from_another_folder(dcgan, workplace, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)
    np.savez(workplace / "mine.npz", x_train=pixels)
    words = QUICK[1:]
    dcgan("train", *words, "data.path=mine.npz", "epochs=1", "hydra.run.dir=a")
    (workplace / "elsewhere").mkdir()
    monkeypatch.chdir(workplace / "elsewhere")
    assert dcgan("train", "resume=../a").code == 0


def test_folder_with_a_run_is_not_overwritten(dcgan, workplace, finished_run):
    shutil.copytree(finished_run, "a")
    before = newest_arrays(workplace / "a")
    status = (workplace / "a" / "status.json").read_text()
    done = dcgan("train", *QUICK, "epochs=1", "seed=4", "hydra.run.dir=a")
    assert done.code == 2
    assert "dcgan train resume=a" in done.err
    assert (workplace / "a" / "status.json").read_text() == status
    for name, array in newest_arrays(workplace / "a").items():
        np.testing.assert_array_equal(array, before[name])


def test_kept_checkpoints_are_the_two_newest_and_every_nth(dcgan, workplace):
    words = ["train", *QUICK, "epochs=8", "checkpoint_every=2", "hydra.run.dir=a"]
    assert dcgan(*words).code == 0
    kept = [c.progress.epoch for c in checkpoints.find(workplace / "a" / "checkpoints")]
    assert kept == [8, 7, 6, 4, 2]


def test_goes_on_in_the_arithmetic_it_began_in(dcgan, workplace, convolutional_run, monkeypatch):
    """Also where `auto` would now stand for another one."""
    shutil.copytree(convolutional_run, "a")
    record = RunFolder(workplace / "a").record
    assert record()["convolution"] == "transformed"
    monkeypatch.setattr(setup, "resolve_convolution", lambda config: "direct")
    assert dcgan("train", "resume=a", "epochs=4").code == 0
    assert record()["convolution"] == "transformed"
    assert dcgan("train", "resume=a", "epochs=5", "convolution=direct").code == 0
    assert record()["convolution"] == "direct"


def test_settings_without_effect_are_said(dcgan, workplace):
    without = ["model.base_channels=4", "loss.gradient_penalty=1"]
    done = dcgan("train", *QUICK, "epochs=1", *without)
    assert done.code == 0, done.err
    assert "unused    model.base_channels: only model=dcgan28 and dcgan use it\n" in done.err
    assert "unused    loss.gradient_penalty: only loss=wasserstein_gp uses it\n" in done.err
    assert "unused    model.units" not in done.err


def test_a_rate_that_begins_anew_is_said(dcgan, workplace):
    assert dcgan("train", *QUICK, "epochs=1", "optimizer.cooldown=1", "hydra.run.dir=a").code == 0
    done = dcgan("train", "resume=a", "epochs=4")
    assert done.code == 0, done.err
    assert "rate      7.5e-05 now; it decays to zero at epoch 4" in done.err


def test_loss_that_is_not_finite_stops_with_the_last_good_state(dcgan, workplace, finished_run):
    shutil.copytree(finished_run, "a")
    done = dcgan("train", "resume=a", "epochs=40", "optimizer.learning_rate=1e30")
    assert done.code == 6, done.err
    last = done.err.splitlines()[-1]
    assert "dcgan: step " in last
    assert "optimizer.learning_rate=1e+30; try a smaller one, in a new run or from step 12" in last
    assert last.endswith("dcgan train resume=a optimizer.learning_rate=1e+29")
    assert all(np.isfinite(array).all() for array in newest_arrays(workplace / "a").values())
    status = json.loads((workplace / "a" / "status.json").read_text())
    assert status["state"] == "failed"
    assert "not finite" in status["reason"]


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["data.path=nowhere"], "nowhere is not readable: no such file"),
        (["data.limit=60001"], "data.limit=60001 is more than the 60,000 images"),
        (["data.path=text.npz"], "is not an .npz archive"),
    ],
)
def test_data_that_cannot_be_used_leaves_nothing_behind(dcgan, workplace, words, fragment):
    (workplace / "text.npz").write_text("not an archive")
    done = dcgan("train", *words)
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert fragment in done.err
    assert {path.name for path in workplace.iterdir()} == {"text.npz"}


def test_run_folder_that_is_a_file(dcgan, workplace):
    (workplace / "a").write_text("")
    done = dcgan("train", *QUICK, "epochs=1", "hydra.run.dir=a")
    assert (done.code, len(done.err.splitlines())) == (5, 1)
    assert "a" in done.err
