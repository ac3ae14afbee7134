"""Damaged checkpoints are noticed, set aside and gone back from; nothing begins anew in silence."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.progress import Progress
from tests.same_run import assert_same_run, newest_arrays

PARTS = ["generator", "discriminator", "generator_optimizer", "discriminator_optimizer"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def lengthen(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"\0")


def swap(path: Path) -> None:
    """Put an older checkpoint's file of the same name in its place."""
    shutil.copy(path.parent.parent / "step_0000000004" / path.name, path)


SLOW = [
    *((flip, f"{part}.npz") for part in PARTS),
    (flip, "manifest.json"),
    (empty, "manifest.json"),
    (lengthen, "generator_optimizer.npz"),
    (swap, "manifest.json"),
    (os.unlink, "discriminator.npz"),
    (shutil.rmtree, ""),
]
"""What is noticed in the same way as the others: tests/core/runs/test_checkpoints.py has it all."""
MUTATIONS = [
    (shorten, "generator.npz"),
    (swap, "generator.npz"),
    (os.unlink, "manifest.json"),
    *(pytest.param(*mutation, marks=pytest.mark.slow) for mutation in SLOW),
]


@pytest.fixture
def run(workplace, finished_run) -> Path:
    """A copy of the finished run of three epochs, with checkpoints of all three."""
    return Path(shutil.copytree(finished_run, workplace / "run"))


@pytest.mark.parametrize(
    ("mutate", "name"), MUTATIONS, ids=lambda value: getattr(value, "__name__", value)
)
def test_damaged_newest_checkpoint(dcgan, run, finished_run, mutate, name):
    newest = run / "checkpoints" / "step_0000000012"
    mutate(newest / name)
    if name:
        inspected = dcgan("inspect", run)
        assert inspected.code == 4
        assert f"{newest}: {name}" in inspected.err
        sampled = dcgan("sample", "--run", run)
        assert sampled.code == 0
        assert f"warning: step_0000000012: {name}" in sampled.err
        assert f"using {run}, epoch 2, step 8" in sampled.err
    done = dcgan("train", f"resume={run}")
    assert done.code == 0, done.err
    if name:
        assert f"warning: {name}" in done.err
        assert "quarantined step_0000000012 as step_0000000012.damaged" in done.err
        assert "resumed from step_0000000008" in done.err
        assert "step_0000000012.damaged  quarantined" in dcgan("inspect", run).out
    assert_same_run(run, finished_run)
    assert dcgan("inspect", run).code == 0


def test_two_damaged(dcgan, run, finished_run):
    for step in (8, 12):
        flip(run / "checkpoints" / f"step_{step:010d}" / "generator.npz")
    done = dcgan("train", f"resume={run}")
    assert done.code == 0, done.err
    assert done.err.count("resumed from step_0000000004") == 2
    assert_same_run(run, finished_run)


def test_all_damaged_gives_every_reason_and_touches_nothing(dcgan, run):
    flip(run / "checkpoints" / "step_0000000012" / "generator.npz")
    empty(run / "checkpoints" / "step_0000000008" / "manifest.json")
    (run / "checkpoints" / "step_0000000004" / "discriminator.npz").unlink()
    before = sorted(run.rglob("*"))
    for words in (["train", f"resume={run}"], ["sample", "--run", run]):
        done = dcgan(*words)
        assert (done.code, len(done.err.splitlines())) == (4, 1), done.err
        for reason in (
            "step_0000000012: generator.npz is damaged (sha256 differs)",
            "step_0000000008: manifest.json is damaged",
            "step_0000000004: discriminator.npz cannot be read (No such file or directory)",
        ):
            assert reason in done.err
    assert sorted(run.rglob("*")) == before


def test_checkpoints_that_are_gone_are_no_fresh_start(dcgan, run):
    shutil.rmtree(run / "checkpoints")
    done = dcgan("train", f"resume={run}", "epochs=4")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert "checkpoints are missing" in done.err


def test_checkpoint_of_a_newer_version_is_no_damage(dcgan, run):
    manifest = run / "checkpoints" / "step_0000000012" / "manifest.json"
    text = manifest.read_text().replace('"format_version": 1', '"format_version": 2')
    manifest.write_text(text.replace('"dcgan_version": "', '"dcgan_version": "9'))
    for words in (["train", f"resume={run}"], ["sample", "--run", run], ["inspect", run]):
        done = dcgan(*words)
        assert (done.code, len(done.err.splitlines())) == (4, 1), done.err
        assert "was made by dcgan 9" in done.err
        assert "(format 2)" in done.err
        assert "update dcgan" in done.err


def test_checkpoint_of_other_networks(dcgan, run):
    """What differs is said, and none of it is put into the networks."""
    newest = checkpoints.find(run / "checkpoints")[0]
    arrays = {name: newest.load(name.removesuffix(".npz")) for name in newest.files}
    arrays = {name.removesuffix(".npz"): part for name, part in arrays.items()}
    kernel = next(name for name in arrays["generator"] if name.endswith("kernel"))
    arrays["generator"][kernel] = np.zeros((8, 9), np.float32)
    progress = Progress(step=16, epoch=4, epoch_step=0)
    checkpoints.save(run / "checkpoints", arrays, progress, newest.run)
    for words in (["train", f"resume={run}", "epochs=5"], ["sample", "--run", run]):
        done = dcgan(*words)
        assert (done.code, len(done.err.splitlines())) == (4, 1), done.err
        assert "step_0000000016: generator does not fit these networks: " in done.err
        assert f"{kernel} is (8, 9), expected (8, 8)" in done.err


@pytest.mark.parametrize(("old", "new"), [('"seed": 0', '"seed": 5'), ('_size": 64', '_size": 32')])
def test_another_record(dcgan, run, old, new):
    """Going on under other settings would make a run that no command can make."""
    record = (run / "run.json").read_text()
    assert old in record
    (run / "run.json").write_text(record.replace(old, new))
    done = dcgan("train", f"resume={run}", "epochs=4")
    assert (done.code, len(done.err.splitlines())) == (4, 1), done.err
    assert "was saved with other settings than those in run.json" in done.err


def test_record_that_is_gone(dcgan, run):
    (run / "run.json").unlink()
    for words in (["train", f"resume={run}"], ["inspect", run], ["sample", "--run", run]):
        done = dcgan(*words)
        assert (done.code, len(done.err.splitlines())) == (4, 1), done.err
        assert "its checkpoints exist: restore run.json" in done.err


def test_grids_that_are_gone_are_named_and_later_ones_drawn(dcgan, run):
    shutil.rmtree(run / "samples")
    done = dcgan("train", f"resume={run}", "epochs=4")
    assert done.code == 0, done.err
    assert "warning: no grid of epoch 1-2\n" in done.err
    assert sorted(os.listdir(run / "samples")) == ["epoch_0003.png", "epoch_0004.png"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(empty, "runs/a/run.json is damaged"), (os.unlink, "its checkpoints exist: restore run.json")],
)
def test_inspect_does_not_take_a_damaged_run_for_none(dcgan, workplace, finished_run, spoil, said):
    run = Path(shutil.copytree(finished_run, workplace / "runs" / "a"))
    spoil(run / "run.json")
    for words in (["inspect"], ["inspect", "latest"], ["train", "resume=latest"]):
        done = dcgan(*words)
        assert (done.code, done.out, len(done.err.splitlines())) == (4, "", 1)
        assert said in done.err
    shutil.copytree(finished_run, workplace / "runs" / "b")
    assert "run runs/b" in dcgan("inspect").out


def test_inspect_offers_what_can_be_done(dcgan, run):
    assert "dcgan sample" in dcgan("inspect", run).out
    shutil.rmtree(run / "checkpoints")
    described = dcgan("inspect", run).out
    assert "dcgan animate" in described
    assert "dcgan sample" not in described
    assert "dcgan train" not in described


def test_grid_that_is_gone_is_drawn_again(dcgan, run, finished_run):
    (run / "samples" / "epoch_0003.png").unlink()
    (run / "dcgan.gif").write_bytes(b"GIF89a")
    assert dcgan("train", f"resume={run}").code == 0
    assert_same_run(run, finished_run)


@pytest.mark.parametrize(
    ("spoil", "lost"),
    [
        (lambda text: text.replace("\n2,8,", "\n2,x,"), "2"),
        (lambda text: text[:-3], "3"),
        (lambda text: "", "1-3"),
    ],
    ids=["a spoiled line", "a torn last line", "all"],
)
def test_lost_metrics_are_said(dcgan, run, spoil, lost):
    metrics = run / "metrics.csv"
    metrics.write_text(spoil(metrics.read_text()))
    done = dcgan("train", f"resume={run}")
    assert done.code == 0
    assert f"warning: metrics.csv has no row for epoch {lost}\n" in done.err
    assert (run / "metrics.csv.damaged").exists()


def test_no_weight_that_is_not_finite_is_committed(dcgan, run):
    """The step looks at losses and gradients; an update may overflow after both."""
    before = newest_arrays(run)
    words = ["optimizer.learning_rate=1e39", "checkpoint_seconds=1e-9", "epochs=4"]
    done = dcgan("train", f"resume={run}", *words)
    assert done.code == 6, done.err
    assert "step 13: generator " in done.err
    assert " is not finite" in done.err
    after = newest_arrays(run)
    assert all(after[name].tobytes() == array.tobytes() for name, array in before.items())
