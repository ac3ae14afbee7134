"""How people name a run, a checkpoint or a file, and where samples go."""

import io
import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.cli import run_program
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.sampling.pictures import facts_in


@pytest.fixture
def run(workplace, finished_run):
    shutil.copytree(finished_run, workplace / "r")
    return workplace / "r"


@pytest.mark.parametrize("command", ["sample", "animate"])
def test_a_run_is_a_word_of_its_own(dcgan, run, command):
    done = dcgan(command, "r", "--out", "x.gif" if command == "animate" else "x.png")
    assert done.code == 0, done.err
    assert "using r" in done.err


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["sample", "16"], "for 16 images write dcgan sample --n 16"),
        (["evaluate", "500"], "for 500 images write dcgan evaluate --n 500"),
        (["animate", "16"], "--run 16: no run folder there"),
        (["sample", "nothing"], "--run nothing: no run folder there"),
        (["sample", "n=3"], "write --n 3"),
        (["sample", "r/run.json"], "is a file, not a run folder"),
        (["sample", "--out", ""], "--out is empty"),
        (["sample", "r", "--run", "r"], "both name a run; give one"),
        (["sample", "r", "r"], "dcgan sample --help"),
    ],
)
def test_words_that_name_no_run(dcgan, run, words, fragment):
    done = dcgan(*words)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert fragment in done.err


@pytest.mark.parametrize("words", [["sample", "--run"], ["animate"], ["evaluate", "--run"]])
@pytest.mark.parametrize("part", ["checkpoints/step_0000000012", "checkpoints", "run.json"])
def test_a_part_of_a_run_is_named_as_one(dcgan, run, words, part):
    code, said = 4, "of the run r; give the run: r"
    if (words, part) == (["animate"], "run.json"):  # As a word of its own: --run takes any path.
        code, said = 2, "r/run.json is a file, not a run folder; dcgan inspect says what it is"
    done = dcgan(*words, f"r/{part}")
    assert (done.code, len(done.err.splitlines())) == (code, 1), done.err
    assert said in done.err


def test_resume_of_a_checkpoint_names_its_run(dcgan, run):
    done = dcgan("train", "resume=r/checkpoints/step_0000000012", "epochs=4")
    assert done.code == 4
    assert "is a checkpoint of the run r; give the run: r" in done.err


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("metrics.csv", "the metrics of a run, a row an epoch"),
        ("run.json", "the settings, versions and networks of a run"),
        ("dcgan.gif", "an animation"),
        ("status.json", "how far a run is"),
        ("train.log", "what a run said"),
        ("checkpoints", "the checkpoints of a run"),
        (".hydra/config.yaml", "Hydra's record of the command"),
        ("checkpoints/step_0000000012/generator.npz", "a part of a checkpoint"),
    ],
)
def test_inspect_says_what_a_file_of_a_run_is(dcgan, run, name, fragment):
    shown = dcgan("inspect", f"r/{name}")
    assert shown.code == 0, shown.err
    assert fragment in shown.out
    assert "dcgan inspect r" in shown.out


def test_inspect_counts_the_frames_of_a_gif(dcgan, run):
    assert "3 frames" in dcgan("inspect", "r/dcgan.gif").out


@pytest.mark.parametrize("name", ["other.csv", "other.json"])
def test_inspect_of_another_file_says_what_it_takes(dcgan, workplace, name):
    (workplace / name).write_text("a,b\n1,2\n")
    done = dcgan("inspect", name)
    assert done.code == 3
    assert "is no file that inspect knows" in done.err


@pytest.mark.parametrize("name", ["x.jpg", "x.jpeg", "x.webp", "x.PNG"])
def test_grids_in_other_formats_say_what_made_them(dcgan, run, name):
    done = dcgan("sample", "r", "--n", "4", "--out", name)
    assert done.code == 0, done.err
    with Image.open(name) as picture:
        picture.load()
        assert facts_in(picture)["seeds"] == [0, 1, 2, 3]
        reference = np.asarray(picture.convert("L"), float)
    dcgan("sample", "r", "--n", "4", "--out", "reference.png")
    exact = np.asarray(Image.open("reference.png").convert("L"), float)
    assert np.abs(reference - exact).mean() < 6
    assert "seeds" in dcgan("inspect", name).out


def test_a_png_on_standard_output(run, capfdbinary):
    words = ["sample", "r", "--n", "4", "--out"]
    assert run_program([*words, "x.png"]) == 0
    capfdbinary.readouterr()
    assert run_program([*words, "-"]) == 0
    piped = capfdbinary.readouterr().out
    with Image.open(io.BytesIO(piped), formats=["PNG"]) as picture, Image.open("x.png") as same:
        assert np.array_equal(np.asarray(picture), np.asarray(same))
    assert not (run.parent / "-").exists()


def test_a_grid_too_large_for_a_format_names_another(dcgan, run):
    done = dcgan("sample", "r", "--n", "2000", "--cols", "2000", "--out", "x.webp")
    assert done.code == 2
    assert "write a .png" in done.err
    assert not list(run.parent.glob("*.webp"))


def test_a_png_is_not_written_to_a_terminal(run, dcgan, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    done = dcgan("sample", "r", "--n", "4", "--out", "-")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "--out - is for another program" in done.err


def test_a_reader_that_leaves_early_is_no_error(run, processes):
    """As `head` does."""
    words = ["sample", "r", "--n", "4", "--out", "-"]
    done = processes.run(*words, faults=[("nobody_reads", 1)], cwd=run.parent)
    assert done.code == 0, done.err
    assert done.err.splitlines()[1:] == []  # The first says which run is used.


@pytest.mark.parametrize("place", ["runs/x/checkpoints/last.pt", "x/checkpoints/epoch_1/w.bin"])
def test_checkpoints_of_another_program_are_in_nobodys_way(dcgan, workplace, place):
    (workplace / place).parent.mkdir(parents=True)
    (workplace / place).write_bytes(b"weights")
    assert "No run here yet" in dcgan("inspect").out
    done = dcgan("sample", "--n", "1", "--out", "x.png")
    assert done.code == 0, done.err
    assert "bundled generator" in done.err
    assert dcgan("animate", "--out", "x.gif").code == 0


def test_pictures_of_a_class_called_checkpoints(dcgan, workplace):
    for name in ("checkpoints", "step_0000000001"):
        (workplace / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            picture = Image.new("L", (28, 28), 10 * number)
            picture.save(workplace / "pictures" / name / f"{number}.png")
    shown = dcgan("inspect", "pictures")
    assert shown.code == 0, shown.err
    assert "checkpoints 6" in shown.out


@pytest.mark.parametrize("digits", ["0" * 30 + "2", "2"])
def test_every_digit_of_an_epoch_counts(dcgan, run, digits):
    done = dcgan("sample", "r", "--epoch", digits)
    assert done.code == 0, done.err
    assert "epoch 2, step 8" in done.err


@pytest.mark.parametrize(("digits", "code"), [("1" + "0" * 30 + "2", 4), ("9" * 5000, 2)])
def test_an_epoch_with_too_many_digits(dcgan, run, digits, code):
    done = dcgan("sample", "r", "--epoch", digits)
    assert (done.code, len(done.err.splitlines())) == (code, 1)
    assert digits in done.err


OWNED = "a\x1b]0;owned\x07"


def test_a_folder_name_cannot_write_to_the_terminal(dcgan, run, monkeypatch):
    """Scripts get a path as it is, for they open it."""
    (run.parent / OWNED).mkdir()
    run.rename(run.parent / OWNED / "r")
    name = f"{OWNED}/r"
    commands = [
        ["inspect", name],
        ["inspect", OWNED],
        ["inspect", f"{name}/dcgan.gif"],
        ["inspect", f"{name}/samples/epoch_0001.png"],
        ["animate", name],
        ["animate", name, "--out", f"{OWNED}/x.gif", "--fps", "60"],
        ["sample", name, "--out", f"{OWNED}/x.png"],
        ["evaluate", name, "--n", "20"],
        ["pack", f"{name}/samples", f"{OWNED}/packed", "--image-size", "28"],
        ["train", f"resume={name}"],
        ["sample", f"{OWNED}/none"],
        ["sample", OWNED],
    ]
    for words in commands:
        assert "\x1b" not in dcgan(*words).err, words
    assert dcgan("animate", name).out == f"{name}/dcgan.gif\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for words in commands[:-4]:
        done = dcgan(*words)
        assert done.code == 0, done.err
        assert not {"\x1b", "\x07"} & set(done.out.replace("\x1b[", "")), words


def test_class_names_are_not_taken_for_markup(dcgan, workplace, conditional_run):
    run = shutil.copytree(conditional_run, workplace / "c")
    record = json.loads((run / "run.json").read_text())
    record["class_names"] = ["[/b]", *"bcdefghij"]
    (run / "run.json").write_text(json.dumps(record))
    done = dcgan("evaluate", "c", "--n", "60")
    assert done.code == 0, done.err
    assert "[/b]" in done.out


def test_a_checkpoint_that_is_pruned_meanwhile_is_not_damaged(dcgan, run, monkeypatch):
    """Inspect hashes a file of it, and finds the others gone."""
    real = checkpoints.Checkpoint._problem

    def pruned(self, name):
        problem = real(self, name)
        if self.path.name == "step_0000000004" and self.path.exists():
            shutil.rmtree(self.path)
        return problem

    monkeypatch.setattr(checkpoints.Checkpoint, "_problem", pruned)
    done = dcgan("inspect", "r")
    assert done.code == 0, done.err
    assert "step_0000000004" not in done.out
    assert "step_0000000008" in done.out


def test_a_manifest_that_is_pruned_meanwhile(dcgan, run, monkeypatch):
    real = checkpoints.read_or_damaged

    def pruned(path):
        if path.name == "step_0000000004":
            shutil.rmtree(path)
        return real(path)

    monkeypatch.setattr(checkpoints, "read_or_damaged", pruned)
    assert dcgan("inspect", "r").code == 0
