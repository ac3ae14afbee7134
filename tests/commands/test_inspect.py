"""`dcgan inspect`: the facts, for people and as JSON."""

import json
import shutil

import numpy as np
import pytest

from dcgan_cli.commands.curves import BARS, curve
from dcgan_cli.core.data.mnist import BUNDLED_MNIST


def facts(dcgan, *words) -> dict:
    done = dcgan("inspect", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_run(dcgan, convolutional_run):
    found = facts(dcgan, convolutional_run)
    assert found["kind"] == "run"
    assert found["status"]["state"] == "finished"
    changed = found["changed_settings"]
    assert changed["model.base_channels"] == {"value": 4, "default": 64}
    assert "optimizer.beta_1" not in changed
    assert found["networks"]["generator"][0]["name"] == "dense"
    assert [row["epoch"] for row in found["metrics"]] == [1, 2, 3]
    assert [c["epoch"] for c in found["checkpoints"]] == [3, 2, 1]
    assert all(c["verified"] for c in found["checkpoints"])
    assert "resume=" in found["commands"]["train longer"]


def test_run_for_people(dcgan, convolutional_run):
    text = dcgan("inspect", convolutional_run).out
    for fact in (
        "finished, epoch 3 of 3",
        "model.base_channels",
        "4 (default 64)",
        "Conv2DTranspose",
        "multiply-adds",
        "generator_loss",
        "step_0000000012",
        "verified",
        "dcgan sample --run",
    ):
        assert fact in text
    assert set(BARS) & set(text)


def test_checkpoint(dcgan, finished_run):
    found = facts(dcgan, finished_run / "checkpoints" / "step_0000000008")
    assert (found["kind"], found["epoch"], found["step"]) == ("checkpoint", 2, 8)
    assert found["verified"]


def test_damaged_checkpoint_is_named(dcgan, finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "copy")
    path = run / "checkpoints" / "step_0000000008" / "discriminator.npz"
    path.write_bytes(path.read_bytes()[:-1])
    done = dcgan("inspect", run)
    assert done.code == 4
    assert "DAMAGED" in done.out
    assert "step_0000000008: discriminator.npz is damaged" in done.err


def test_picture(dcgan, finished_run):
    found = facts(dcgan, finished_run / "samples" / "epoch_0002.png")
    assert found["made_by"]["epoch"] == 2
    assert found["made_by"]["seeds"] == [0, 1, 2, 3]


def test_data(dcgan):
    found = facts(dcgan, BUNDLED_MNIST)
    assert found["splits"]["train"]["shape"] == [60000, 28, 28, 1]
    assert sum(found["splits"]["test"]["classes"].values()) == 10000
    assert "classes" in dcgan("inspect", BUNDLED_MNIST).out


def test_array_file(dcgan, workplace, finished_run):
    dcgan("sample", "--run", finished_run, "--n", "3", "--out", "a.npz")
    assert facts(dcgan, "a.npz")["splits"]["train"]["shape"] == [3, 28, 28, 1]


@pytest.mark.parametrize(
    "name", ["nowhere", "empty", "text.png", "text.npz", "text.npy", "text.txt"]
)
def test_what_it_does_not_know(dcgan, workplace, name):
    (workplace / "empty").mkdir()
    for file in ("text.png", "text.npz", "text.npy", "text.txt"):
        (workplace / file).write_text("hello")
    done = dcgan("inspect", name)
    assert (done.code, len(done.err.splitlines())) == (3, 1), done.err
    assert name in done.err


def test_curve():
    assert curve([0, 1]) == "▁█"
    assert curve([3, 3, 3]) == "▁▁▁"
    assert len(curve(list(range(1000)))) == 60
    assert curve(list(range(1000)))[-1] == "█"


def test_a_class_without_a_name_is_seen(dcgan, workplace):
    labels = np.array(["", "a"] * 6)
    np.savez("x.npz", images=np.zeros((12, 28, 28), np.uint8), labels=labels)
    assert "classes '' 6, a 6" in dcgan("inspect", "x.npz").out
