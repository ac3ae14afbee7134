"""`dcgan inspect` on arrays: facts agree with training, suggested commands work."""

import json
import shlex

import numpy as np
import pytest

from dcgan_cli.core.data.arrays import images as image_arrays
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from tests.conftest import BRIEF, SMALL_NETWORKS
from tests.core.data.arrays.test_array_forms import GREY, RGB

LABELS = np.arange(40) % 4 + 1


def facts(dcgan, path, code: int = 0) -> dict:
    done = dcgan("inspect", path, "--json")
    assert done.code == code, done.err
    return json.loads(done.out)


def test_agrees_with_training(dcgan, workplace):
    floats = (RGB.transpose(0, 3, 1, 2) / 255).astype(np.float32)
    np.savez("x.npz", images=floats, labels=np.ones((40, 3)))
    found = facts(dcgan, "x.npz")
    assert found["notes"][0] == "array     float32 in [0, 1], channels first"
    assert found["notes"][1].startswith("labels    not used: labels is float64 [40, 3]")
    shown = dcgan("inspect", "x.npz").out
    _, *words = shlex.split(found["commands"]["train on it"])
    assert words == ["train", "data=npz", "data.path=x.npz", "data.image_size=32"]
    done = dcgan(*words, *BRIEF, *SMALL_NETWORKS, "epochs=1")
    assert done.code == 0, done.err
    for note in found["notes"]:
        assert f"{note}\n" in shown
        assert f"{note}\n" in done.err


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"x_train": GREY}, ""),
        ({"x": GREY / 255, "y": LABELS}, "model.conditional=true data.classes=0"),
        ({"x": GREY, "y": LABELS - 1}, "model.conditional=true"),
        ({"x": RGB}, "data=npz data.image_size=32"),
        ({"x": RGB, "y": LABELS}, "data=npz data.image_size=32 model.conditional=true"),
        ({"x": np.tile(RGB, (1, 2, 2, 1))}, "data=npz"),
        ({"x": np.tile(RGB, (1, 4, 4, 1))}, "data=npz data.image_size=128"),
        ({"x": np.tile(GREY, (1, 3, 3))}, "data=npz data.channels=1"),
        ({"x": RGB[:, :28, :28]}, "data=npz model=dcgan28 data.image_size=28"),
        (
            {"x": GREY[:, :20, :20]},
            "data=npz model=dcgan28 data.image_size=28 data.channels=1",
        ),
        ({"x": RGB[:11]}, "data=npz data.image_size=32 evaluate_every=0"),
        ({"x_train": RGB[:6], "x_test": RGB[:6]}, "data=npz data.image_size=32"),
    ],
)
def test_commands(dcgan, workplace, arrays, expected):
    np.savez("x.npz", **arrays)
    *_, command = facts(dcgan, "x.npz")["commands"].values()
    name, *words = shlex.split(command)[1:]
    assert [word for word in words if word != "data.path=x.npz"] == expected.split()
    compose(CommandLine.parse(words))
    assert name == "train"


def test_class_by_class(dcgan, workplace):
    np.savez("x.npz", x=GREY, y=LABELS)
    found = facts(dcgan, "x.npz")
    assert found["splits"]["train"]["classes"] == {"1": 10, "2": 10, "3": 10, "4": 10}
    words = shlex.split(found["commands"]["class by class"])[2:]
    config = compose(CommandLine.parse(words))
    assert config.model.conditional
    assert load_training_images(config.data).count_classes() == 4


def test_npy(dcgan, workplace, monkeypatch):
    monkeypatch.setattr(image_arrays, "MAPPED_FROM", 0)
    np.save("x.npy", GREY.reshape(40, 784))
    found = facts(dcgan, "x.npy")
    assert found["splits"]["train"]["shape"] == [40, 28, 28, 1]
    assert found["notes"] == ["array     uint8, rows of 784 as 28x28"]
    assert found["commands"] == {"train on it": "dcgan train data.path=x.npy"}
    data = load_training_images(compose(CommandLine.parse(["data.path=x.npy"])).data)
    assert data.images.shape == (40, 28, 28, 1)
    assert dcgan("pack", "x.npy", "packed", "--image-size", "28", "--channels", "1").code == 0
    assert dcgan("train", "data=tfrecord", "data.path=packed", "--cfg", "job").code == 0


def test_unusable_images(dcgan, workplace):
    np.savez("x.npz", x_train=RGB * 40.0 - 900, ids=np.array([{}] * 40, dtype=object))
    found = facts(dcgan, "x.npz", code=3)
    assert found["kind"] == "arrays"
    assert found["arrays"]["x_train"]["min"] == -900
    assert found["arrays"]["ids"] == {"shape": [40], "dtype": "object"}
    inspected, trained = dcgan("inspect", "x.npz"), dcgan("train", "data=npz", "data.path=x.npz")
    assert (trained.code, len(trained.err.splitlines())) == (3, 1)
    assert "is float64 from -900 to" in inspected.err
    assert trained.err.partition("x.npz: ")[2] == inspected.err.partition("x.npz: ")[2]


def test_unusable_test_split(dcgan, workplace):
    np.savez("x.npz", x_train=RGB, x_test=RGB * 1j)
    found = facts(dcgan, "x.npz", code=3)
    assert list(found["splits"]) == ["train"]
    assert found["commands"]["train on it"].endswith("evaluate_every=0")


def test_arrays_without_images(dcgan, workplace):
    np.savez("x.npz", kernel=np.ones((5, 5, 3, 64), np.float32), bias=np.zeros(64))
    found = facts(dcgan, "x.npz")
    assert found["kind"] == "arrays"
    assert list(found["arrays"]) == ["bias", "kernel"]
    assert "x.npz has no train images" in dcgan("inspect", "x.npz").out


def test_samples_can_be_inspected(dcgan, workplace, finished_run):
    assert dcgan("sample", "--run", finished_run, "--n", "20", "--out", "s.npz").code == 0
    found = facts(dcgan, "s.npz")
    assert found["notes"] == []
    words = shlex.split(found["commands"]["train on it"])[1:]
    assert words == ["train", "data.path=s.npz"]
    data = load_training_images(compose(CommandLine.parse(words[1:])).data)
    assert data.images.shape == (20, 28, 28, 1)
    done = dcgan("train", "data=npz", *words[1:], "model.conditional=true")
    assert done.code == 3
    assert "s.npz has none" in done.err, "seeds are no labels"
