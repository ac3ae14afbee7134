"""`dcgan inspect` on folders of pictures."""

import json
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from tests.pictures import MODES, colours, write_bad, write_colours, write_picture


@pytest.fixture
def folder(workplace):
    made = workplace / "my pictures"
    made.mkdir()
    return made


def facts(dcgan, target="my pictures", code=0, *words) -> dict:
    done = dcgan("inspect", target, "--json", *words)
    assert done.code == code, done.err
    return json.loads(done.out)


def names(folder) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def test_facts(folder, dcgan):
    write_colours(folder / "many", 5, 80, 60)
    write_picture(folder / "small.png", colours(9, 70, 50))
    shutil.copy(folder / "small.png", folder / "again.PNG")
    (folder / "labels.csv").touch()
    before = names(folder)
    found = facts(dcgan)
    assert (found["kind"], found["files"], found["images"]) == ("image_folder", 7, 7)
    assert found["sizes"]["common"][0] == {"width": 80, "height": 60, "images": 5}
    assert (found["sizes"]["width"], found["sizes"]["height"]) == ([70, 80], [50, 60])
    assert found["modes"] == {"RGB": 7}
    assert found["duplicates"] == [["again.PNG", "small.png"]]
    assert found["other_files"] == ["labels.csv"]
    assert found["suggested"] == {"image_size": 32, "channels": 3}
    assert found["changes"] == {"scaled down to 32x32": 7, "cropped to the central square": 7}
    assert facts(dcgan, "data=my pictures") == found
    assert names(folder) == before


def test_few_names_of_equal_files_are_shown(dcgan, folder):
    write_picture(folder / "0.png", colours(9, 70, 50))
    for number in range(1, 7):
        shutil.copy(folder / "0.png", folder / f"{number}.png")
    assert facts(dcgan)["duplicates"] == [[f"{number}.png" for number in range(7)]]
    shown = dcgan("inspect", str(folder)).out
    assert "\n  0.png = 1.png = 2.png = 3.png and 3 more\n" in shown


def test_bad_files_exit_with_3(folder, dcgan):
    bad = write_bad(folder)
    write_colours(folder, 3)
    found = facts(dcgan, "my pictures", 3)
    assert found["unusable"].keys() == bad.keys()
    assert "data.skip_bad=true" in found["commands"]["train on it"]
    done = dcgan("inspect", folder)
    assert done.err.count("\n") == 1
    assert "6 of 9 images cannot be used" in done.err
    for name, word in bad.items():
        assert any(line.strip().startswith(name) and word in line for line in done.out.splitlines())


def test_first_ten_of_each_are_shown_and_all_with_json(folder, dcgan):
    write_colours(folder, 2)
    for number in range(12):
        (folder / f"bad{number:02}.png").touch()
        (folder / f"notes{number:02}.txt").touch()
    text = dcgan("inspect", folder).out
    assert "bad09.png is empty" in text
    assert "bad10.png" not in text
    assert "notes09.txt" in text
    assert "notes10.txt" not in text
    assert text.count("and 2 more; --json lists all") == 2
    found = facts(dcgan, folder, 3)
    assert len(found["unusable"]) == len(found["other_files"]) == 12


def test_nothing_usable(folder, dcgan):
    write_bad(folder)
    found = facts(dcgan, folder, 3)
    assert (found["images"], found["commands"]) == (0, {})
    assert "0 of 6 files" in dcgan("inspect", folder).out


def test_conversions_are_counted(folder, dcgan):
    for mode, ending in MODES.items():
        picture = Image.new(mode if mode != "PA" else "RGBA", (90, 90))
        write_picture(folder / f"{mode.replace(';', '')}.{ending}", picture)
    write_picture(folder / "colour.png", colours(1, 90, 90))
    exif = Image.Exif()
    exif[0x0112] = 6
    colours(1, 90, 70).save(folder / "turned.jpg", exif=exif)
    changes = facts(dcgan)["changes"]
    assert changes["composited onto white where transparent"] == 3
    assert changes["converted to 8 bits"] == 3
    assert changes["rotated by their EXIF orientation"] == 1
    assert changes["cropped to the central square"] == 1


@pytest.mark.parametrize(
    ("side", "grey", "expected"),
    [
        (28, True, {"data.image_size": 28, "data.channels": 1, "model.name": "dcgan28"}),
        (20, True, {"data.image_size": 28, "data.channels": 1, "model.name": "dcgan28"}),
        (500, True, {"data.image_size": 64, "data.channels": 1, "model.name": "dcgan"}),
        (500, False, {"data.image_size": 64, "data.channels": 3, "model.name": "dcgan"}),
        (50, False, {"data.image_size": 32, "data.channels": 3, "model.name": "dcgan"}),
        (20, False, {"data.image_size": 32, "data.channels": 3, "model.name": "dcgan"}),
    ],
)
def test_the_suggested_command_composes(folder, dcgan, side, grey, expected):
    """JPEG files in mode RGB with grey content count as grey."""
    picture = colours(1, side, side)
    write_picture(folder / "x.jpg", picture.convert("L").convert("RGB") if grey else picture)
    command = facts(dcgan)["commands"]["train on it"]
    shown = subprocess.run(
        ["/bin/sh", "-c", f'for word in {command}; do echo "$word"; done'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert shown[:2] == ["dcgan", "train"]
    config = compose(CommandLine.parse(shown[2:]))
    found = {
        "data.image_size": config.data.image_size,
        "data.channels": config.data.channels,
        "model.name": config.model.name,
    }
    assert found.items() >= expected.items()
    assert config.data.path == str(folder)
    assert config.evaluate_every == 0  # One picture cannot be split into halves.


def test_the_suggested_command_trains(folder, dcgan):
    for count in (11, 12):
        shutil.rmtree(folder)
        write_colours(folder, count, 20, 20)
        command = facts(dcgan)["commands"]["train on it"]
        assert ("evaluate_every=0" in command) == (count == 11)
    done = dcgan(*shlex.split(command)[1:], "model.base_channels=2", "epochs=1", "batch_size=4")
    assert done.code == 0, done.err


def test_classes_are_counted(folder, dcgan):
    for name, count in (("dogs", 3), ("cats", 2)):
        write_colours(folder / name, count)
    assert facts(dcgan)["classes"] == {"cats": 2, "dogs": 3}
    assert "classes  2: cats 2, dogs 3\n" in dcgan("inspect", folder).out
    write_picture(folder / "x.png", colours(1, 9, 9))
    assert facts(dcgan)["classes"] == {}


def test_unrelated_files_with_our_names(folder, dcgan):
    write_colours(folder, 3)
    (folder / "manifest.json").write_text("{}")
    write_picture(folder / "x-ubyte.png", colours(1, 40, 40))
    assert facts(dcgan)["images"] == 4


def test_contact_sheet(folder, dcgan, workplace):
    write_colours(folder, 100)
    found = facts(dcgan, "my pictures", 0, "--out", "sheets/sheet.png")
    assert found["sheet"] == "sheets/sheet.png"
    with Image.open("sheets/sheet.png") as sheet:
        assert (sheet.mode, sheet.size) == ("RGB", (530, 530))  # Eight rows of eight.
    write_picture(workplace / "grey" / "x.png", Image.new("L", (64, 64), 7))
    text = dcgan("inspect", "grey", "--out", "sheet.png").out
    assert "contact sheet sheet.png" in text
    with Image.open("sheet.png") as sheet:
        assert sheet.mode == "L"
        assert (np.asarray(sheet) == 7).mean() > 0.8
    assert "contact_sheet_of" in dcgan("inspect", "sheet.png").out


def test_contact_sheet_needs_pictures(dcgan, workplace, finished_run):
    done = dcgan("inspect", finished_run, "--out", "x.png")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    write_colours(workplace / "pictures", 1)
    done = dcgan("inspect", "pictures", "--out", "x.jpg")
    assert done.code == 2
    assert "must end in .png" in done.err
    before = (workplace / "pictures" / "0000.png").read_bytes()
    for out in ("pictures/0000.png", "pictures/new/sheet.png"):
        done = dcgan("inspect", "pictures", "--out", out)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert "choose another place" in done.err
    assert [p.name for p in (workplace / "pictures").iterdir()] == ["0000.png"]
    assert (workplace / "pictures" / "0000.png").read_bytes() == before


def test_sample_grids_of_a_run(dcgan, finished_run):
    assert facts(dcgan, finished_run / "samples")["images"] == 3


def test_tensorflow_is_not_imported(folder):
    write_colours(folder, 2)
    code = (
        "import sys; from dcgan_cli.cli import run_program;"
        f"code = run_program(['inspect', {str(folder)!r}]);"
        "sys.exit(code or 'tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_sizes_that_fit_and_their_relative_times(folder, dcgan):
    write_colours(folder, 4, 130, 128)
    assert facts(dcgan)["step_times"] == {"32": 1, "64": 5, "128": 24}
    text = dcgan("inspect", folder).out
    assert "data.image_size=128" in text
    assert "data.image_size=256" not in text


def test_risks(folder, dcgan):
    """Few pictures, copies, one class for most, and sources that would be scaled up."""
    write_colours(folder / "many", 9, 20, 20)
    write_colours(folder / "one", 1, 20, 20)
    for number in range(3):
        shutil.copy(next((folder / "many").iterdir()), folder / "many" / f"copy{number}.png")
    risks = facts(dcgan)["risks"]
    for words in ("few pictures", "copies of others", "class many has 92%", "smaller than 32x32"):
        assert sum(words in risk for risk in risks) == 1, risks


def test_a_large_and_varied_set_has_no_risks(folder, dcgan):
    write_colours(folder / "a", 500, 33, 33)
    write_colours(folder / "b", 500, 34, 34)
    assert facts(dcgan)["risks"] == []
