"""Training on a folder of pictures, from the command line to the finished run."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from dcgan_cli.console import PlainReporter
from dcgan_cli.core.runs.find import open_run
from dcgan_cli.core.sampling.pictures import facts_in, open_png
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from tests.conftest import BRIEF, SMALL_NETWORKS
from tests.pictures import write_bad, write_colours
from tests.same_run import assert_same_run

SMALL = [*SMALL_NETWORKS, "data.image_size=28", "data.channels=1", *BRIEF, "epochs=2"]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DCGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pictures(workplace) -> Path:
    """Return a folder of 100 colour pictures."""
    return write_colours(workplace / "pictures", 100)


def words(folder: Path | str, *more: str) -> list[str]:
    return [
        "train",
        "data=image_folder",
        f"data.path={folder}",
        *SMALL,
        "passes_per_epoch=1",
        *more,
    ]


def test_train_sample_animate_evaluate(pictures, dcgan, workplace):
    done = dcgan(*words("pictures", "hydra.run.dir=run", "evaluate_every=1", "data.flip=true"))
    assert done.code == 0, done.err
    assert f"data      {pictures}, 100 images" in done.err
    assert "untrained-1 features" in done.err
    assert "shuffles all" not in done.err
    for command in (["sample"], ["animate"], ["evaluate", "--n", "20"], ["inspect"]):
        ended = dcgan(*command, *(["--run"] if command != ["inspect"] else []), "run")
        assert ended.code == 0, ended.err
    pictures.rename(workplace / "elsewhere")
    done = dcgan("evaluate", "--run", "run", "--n", "20")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "say where to with --data" in done.err
    done = dcgan("evaluate", "--run", "run", "--n", "20", "--data", "elsewhere")
    assert done.code == 0, done.err
    write_colours(workplace / "others", 20)
    done = dcgan("evaluate", "--run", "run", "--n", "20", "--data", "others")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "are not those that run was trained on" in done.err


def test_scores_of_colour_pictures(pictures, dcgan):
    sizes = ["data.channels=3", "data.image_size=40", "evaluate_every=1"]
    done = dcgan(*words("pictures", "hydra.run.dir=run", *sizes))
    assert done.code == 0, done.err
    assert "by colour-1 features at 32x32, lower is better" in done.err
    done = dcgan("evaluate", "--run", "run", "--n", "20")
    assert done.out.startswith("features  colour-1 at 32x32, 20 images of each kind\n"), done.out
    assert "class distance" not in done.out  # They are not pictures of its ten classes.
    done = dcgan("evaluate", "--run", "run", "--n", "20", "--json")
    facts = json.loads(done.out)
    assert (facts["features"], facts["scaled_to"]) == ("colour-1", 32)


def test_bad_files(pictures, dcgan, workplace):
    write_bad(pictures)
    done = dcgan(*words(pictures, "hydra.run.dir=run"))
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "6 of 106 images cannot be used" in done.err
    assert not (workplace / "run").exists()


def test_folder_that_changes_between_epochs(pictures, dcgan, workplace, monkeypatch):
    """Resuming reads the folder again; a change during training stops the run."""

    def remove(reporter, row):
        if row["epoch"] == 2:
            (pictures / "0042.png").rename(workplace / "kept.png")

    with monkeypatch.context() as patch:
        patch.setattr(PlainReporter, "epoch", remove)
        done = dcgan(*words(pictures, "epochs=4", "hydra.run.dir=run"))
    assert done.code == 3
    assert re.search(r"0042\.png was removed.*: dcgan train resume=run", done.err)
    status = open_run("run").status()
    assert (status["state"], status["epoch"], status["saved_step"]) == ("failed", 2, 4)

    changed = dcgan("train", "resume=run", "epochs=4")
    assert (changed.code, len(changed.err.splitlines())) == (3, 1)
    assert "(99 now, 100 then)" in changed.err
    shutil.move(workplace / "kept.png", pictures / "0042.png")
    assert dcgan("train", "resume=run", "epochs=4").code == 0


def test_pictures_that_go_before_the_first_score(pictures, dcgan, workplace, monkeypatch):
    """Statistics of real images are precomputed, so the epoch is not lost."""

    def remove(reporter, report):
        if report.step == 2:
            pictures.rename(workplace / "elsewhere")

    monkeypatch.setattr(PlainReporter, "step", remove)
    done = dcgan(*words(pictures, "hydra.run.dir=run", "data.cache=false", "evaluate_every=1"))
    assert done.code == 3
    assert re.search(r"is not readable|was removed", done.err)
    status = open_run("run").status()
    assert (status["epoch"], status["saved_step"]) == (1, 2)


def test_resume_with_another_image_size(pictures, dcgan, workplace):
    done = dcgan(*words(pictures, "model=dcgan28", "data.image_size=64", "data.channels=3"))
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "data.image_size must be 28 for model=dcgan28, got 64" in done.err
    assert not (workplace / "runs").exists()


def test_too_few_images_for_scores_leaves_no_run(dcgan, workplace):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    np.savez("floats.npz", x_train=pixels, x_test=pixels * 7.0)
    np.savez("few.npz", x_train=pixels[:11])
    for name, fragment in (
        ("floats", "x_test is float64 from 0 to 1785"),
        ("few", "too few images for scores"),
    ):
        done = dcgan("train", "data=npz", f"data.path={name}.npz", *SMALL, "evaluate_every=1")
        assert (done.code, len(done.err.splitlines())) == (3, 1)
        assert fragment in done.err
    assert not (workplace / "runs").exists()


def test_number_of_classes(dcgan, workplace):
    for name in ("cats", "dogs", "owls"):
        write_colours(workplace / "photos" / name, 8)
    asked = [*words(workplace / "photos"), "model.conditional=true", "hydra.run.dir=run"]
    done = dcgan(*asked, "data.classes=10")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "has 3 classes (cats, dogs, owls); give data.classes=3" in done.err


def test_classes_are_counted_and_named(dcgan, workplace):
    names = ["a b", "cats", "1"]
    for number, name in enumerate(names):
        write_colours(workplace / "photos" / name, 8 + number)
    asked = words(workplace / "photos", "model.conditional=true", "hydra.run.dir=run")
    assert dcgan(*asked).code == 0
    assert open_run("run").config().data.classes == 3
    assert open_run("run").record()["class_names"] == sorted(names)
    # The first folder is named 1: class names take precedence over numbers.
    for asked, number in (("cats", 2), ("a b", 1), ("1", 0), ("0", 0), ("2", 2)):
        done = dcgan("sample", "--run", "run", "--class", asked, "--out", "x.png")
        assert done.code == 0, done.err
        facts = facts_in(open_png(workplace / "x.png"))
        assert (facts["class"], facts["class_name"]) == (number, sorted(names)[number])
    done = dcgan("sample", "--run", "run", "--class", "dogs")
    assert done.code == 2
    assert "must be from 0 to 2, or one of 1, a b, cats, for this generator, got dogs" in done.err
    done = dcgan("evaluate", "--run", "run", "--n", "9")
    assert done.code == 0, done.err
    assert any(line.split() == ["class", "1", "a", "b", "cats"] for line in done.out.splitlines())
    assert dcgan("train", "resume=run").code == 0
    open_run("run").update({"class_names": ["cats"]})
    done = dcgan("sample", "--run", "run", "--class", "2")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert "has 1 class_names in run.json and 3 classes" in done.err


def test_limit_excludes_classes(dcgan, workplace):
    for name in ("cats", "dogs", "owls"):
        write_colours(workplace / "photos" / name, 8)
    done = dcgan(*words(workplace / "photos", "data.limit=12", "epochs=1"))
    assert done.code == 0, done.err
    assert 'classes   no images of class "owls" among the 12' in done.err


class TestUncached:
    """`data.cache=false`: lazy images."""

    @pytest.fixture
    def cached_run(self, pictures, dcgan, workplace) -> Path:
        assert dcgan(*words(pictures, *self.OPTIONS, "hydra.run.dir=cached/run")).code == 0
        return workplace / "cached" / "run"

    OPTIONS = ("data.flip=true", "batch_size=16", "evaluate_every=1")

    def test_the_same_bits_as_from_the_cache(self, cached_run, pictures, dcgan, workplace):
        """Also where it comes back to the cache, and from what `dcgan pack` made."""

        def decoded() -> int:
            return sum(path.name[:6] == "images" for path in (workplace / "cache").iterdir())

        write_bad(pictures)
        options = ["--image-size", "28", "--channels", "1", "--shard-images", "30"]
        assert dcgan("pack", pictures, "packed", "--skip-bad", *options).code == 0
        asked = words(pictures, "data.cache=false", "data.skip_bad=true", *self.OPTIONS)
        done = dcgan(*asked, "epochs=1", "hydra.run.dir=uncached/run")
        assert done.code == 0, done.err
        assert "skipped   6 of 106 images" in done.err
        assert decoded() == 1, "the first run's alone"
        more = ["epochs=2", "data.cache=true"]
        assert dcgan("train", "resume=uncached/run", *more).code == 0
        assert_same_run(workplace / "uncached" / "run", cached_run)

        before = decoded()
        asked = words("packed", *self.OPTIONS)
        asked[1] = "data=tfrecord"
        assert dcgan(*asked, "hydra.run.dir=packed_run/run").code == 0
        assert decoded() == before
        assert_same_run(workplace / "packed_run" / "run", cached_run)

    def test_a_picture_that_changes_within_an_epoch(self, pictures, processes, workplace):
        """The run stops; after the picture is restored, it resumes with the same bits."""
        asked = words(pictures, "data.cache=false", "data.flip=true", "batch_size=4", "epochs=1")
        for name, faults in (("unbroken", []), ("stopped", [("change_at_step", 5)])):
            ended = processes.run(*asked, f"hydra.run.dir={name}/run", faults=faults, cwd=workplace)
            assert ended.code == (3 if faults else 0), ended.err
        assert "has changed" in ended.err
        assert "Traceback" not in ended.err
        assert ended.err.splitlines()[-1].endswith("dcgan train resume=stopped/run")
        status = open_run("stopped/run").status()
        assert (status["state"], status["epoch"]) == ("failed", 0)
        assert 5 <= status["saved_step"] < 25
        for path in workplace.rglob("*.before"):
            path.rename(path.with_suffix(""))
        done = processes.run("train", "resume=stopped/run", cwd=workplace)
        assert done.code == 0, done.err
        assert_same_run(workplace / "stopped" / "run", workplace / "unbroken" / "run")


def test_no_path(dcgan, workplace):
    for name, needed in (("image_folder", "FOLDER"), ("npz", "FILE.npz")):
        done = dcgan("train", f"data={name}", *SMALL)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert f"data={name} needs data.path={needed}" in done.err


def test_npz_with_another_shape(dcgan, workplace):
    pixels = np.random.default_rng(0).integers(0, 256, (100, 40, 30, 3), np.uint8)
    np.savez("own.npz", x_train=pixels, x_test=pixels[:20])
    done = dcgan("train", "data=npz", "data.path=own.npz", *SMALL, "evaluate_every=1")
    assert done.code == 0, done.err
    done = dcgan("train", "data=mnist", "data.path=own.npz", *SMALL)
    assert done.code == 3
    assert "found uint8 [100, 40, 30, 3]; for other sizes, give data=npz" in done.err


@pytest.mark.parametrize("name", ["image_folder", "npz", "tfds", "tfrecord"])
def test_data_choose_a_model(name):
    def model(*words):
        return compose(CommandLine.parse([f"data={name}", *words])).model.name

    assert model() == model("experiment=quick") == "dcgan"
    assert model("model=mlp") == "mlp"
