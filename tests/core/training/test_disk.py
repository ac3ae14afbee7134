"""A disk that is full or may not be written to costs no more than what was not yet saved."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from dcgan_cli.core.runs import checkpoints
from tests.conftest import QUICK
from tests.same_run import assert_same_run, newest_arrays

TWO_EPOCHS = ["train", *QUICK, "epochs=2", "checkpoint_every=1", "hydra.run.dir=run"]
THREE_EPOCHS = [*TWO_EPOCHS, "epochs=3"]


def test_limit_on_the_size_of_files(processes, dcgan, workplace, finished_run):
    """As `ulimit -f` sets it: grids fit, arrays do not."""
    shutil.copytree(finished_run, "run")
    shutil.rmtree("run/checkpoints/step_0000000012")
    before = newest_arrays(Path("run"))
    words = ["train", "resume=run", "epochs=3"]
    ended = processes.run(*words, faults=[("limit_file_size", 50_000)])
    assert ended.code == 5, ended.err
    last = ended.err.splitlines()[-1]
    assert last.startswith("dcgan: cannot write ")
    remedy = "raise the limit on file sizes (ulimit -f), then resume with: dcgan train resume=run"
    assert last.endswith(f"run: File too large; {remedy}")
    assert not [path for path in Path("run").rglob("*") if ".tmp" in path.name]
    after = newest_arrays(Path("run"))
    assert all(after[name].tobytes() == array.tobytes() for name, array in before.items())
    assert dcgan("sample", "--run", "run").code == 0
    assert dcgan(*words).code == 0
    assert_same_run(Path("run"), finished_run)


def test_checkpoint_that_cannot_be_written(processes, dcgan, workplace, finished_run):
    fault = (
        "fail_before",
        "fsync",
        r"\.step_0000000008\..*/generator_optimizer\.npz",
        errno.ENOSPC,
    )
    ended = processes.run(*THREE_EPOCHS, faults=[fault])
    assert ended.code == 5, ended.err
    assert "No space left on device" in ended.err.splitlines()[-1]
    assert [c.progress.step for c in checkpoints.find(Path("run/checkpoints"))] == [4]
    assert len(os.listdir("run/checkpoints")) == 1
    assert dcgan("train", "resume=run").code == 0
    assert_same_run(Path("run"), finished_run)


@pytest.mark.slow
def test_first_checkpoint_that_cannot_be_written(processes, dcgan, workplace, finished_run):
    fault = ("fail_before", "fsync", r"\.step_0000000004\..*/generator\.npz", errno.ENOSPC)
    ended = processes.run(*THREE_EPOCHS, faults=[fault])
    assert ended.code == 5, ended.err
    assert dcgan("train", "resume=run").code == 0
    assert_same_run(Path("run"), finished_run)


def test_damage_is_not_hidden_by_a_full_disk(dcgan, workplace, finished_run, monkeypatch):
    """What is set aside is said in the same breath, so nothing is before going on is sure."""
    run = Path(shutil.copytree(finished_run, "run"))
    os.truncate(run / "checkpoints" / "step_0000000012" / "generator.npz", 50)
    names = sorted(os.listdir(run / "checkpoints"))
    with monkeypatch.context() as patch:
        usage = shutil.disk_usage(".")._replace(free=100)
        patch.setattr("shutil.disk_usage", lambda path: usage)
        assert dcgan("train", "resume=run").code == 5
    assert sorted(os.listdir(run / "checkpoints")) == names
    assert "quarantined step_0000000012" in dcgan("train", "resume=run").err


def test_finished_run_needs_no_room(dcgan, workplace, finished_run, monkeypatch):
    shutil.copytree(finished_run, "run")
    usage = shutil.disk_usage(".")._replace(free=100)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    assert dcgan("train", "resume=run").code == 0


def test_grid_that_cannot_be_written_is_said_and_written_later(processes, workplace, finished_run):
    fault = ("fail_before", "fsync", r"\.epoch_0001\.", errno.ENOSPC)
    ended = processes.run(*THREE_EPOCHS, faults=[fault])
    assert ended.code == 0, ended.err
    assert "epoch_0001.png: No space left on device" in ended.err
    assert_same_run(Path("run"), finished_run)


def test_animation_that_cannot_be_written_fails_no_training(processes, workplace, finished_run):
    shutil.copytree(finished_run, "run")
    Path("run/dcgan.gif").unlink()
    fault = ("fail_before", "fsync", r"\.dcgan\.", errno.ENOSPC)
    ended = processes.run("train", "resume=run", faults=[fault])
    assert ended.code == 0
    assert "no animation: [Errno 28] No space left on device" in ended.err
    assert not Path("run/dcgan.gif").exists()


def test_no_room_for_checkpoints_is_said_before_the_first_step(dcgan, workplace, monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=100_000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    done = dcgan(*TWO_EPOCHS)
    assert (done.code, len(done.err.splitlines())) == (5, 1)
    assert "has 0.1 MB free, and its checkpoints need 0.5 MB" in done.err
    assert not Path("run/run.json").exists()


@pytest.mark.parametrize("name", ["sample", "animate", "walk", "npz", "single files"])
def test_output_that_cannot_be_written_leaves_the_old_one(processes, workplace, finished_run, name):
    words, out = {
        "sample": (["sample", "--out", "a.png"], Path("a.png")),
        "npz": (["sample", "--out", "a.npz"], Path("a.npz")),
        "single files": (["sample", "--n", "2", "--out", "f"], Path("f/seed_000001.png")),
        "animate": (["animate", "--out", "a.gif"], Path("a.gif")),
        "walk": (["animate", "--walk", "--fps", "1", "--out", "a.gif"], Path("a.gif")),
    }[name]
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(b"old")
    fault = ("fail_before", "replace", rf"[./]{out.stem}\.", errno.ENOSPC)
    ended = processes.run(*words, "--run", finished_run, faults=[fault])
    assert ended.code == 5, ended.err
    assert len([line for line in ended.err.splitlines() if line.startswith("dcgan: ")]) == 1
    assert out.read_bytes() == b"old"
    assert not [path for path in workplace.rglob("*") if ".tmp" in path.name]


def test_a_checkpoint_that_cannot_be_read_just_now_is_told_as_that(
    dcgan, workplace, finished_run, monkeypatch
):
    shutil.copytree(finished_run, "run")

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(checkpoints, "reading", refuse)
    done = dcgan("train", "resume=run", "epochs=4")
    assert done.code == 5
    assert f"cannot read {workplace}/run/checkpoints/step_0000000012/generator.npz: " in done.err
    assert done.err.endswith(
        "Permission denied; change the permissions, then resume with: dcgan train resume=run\n"
    )


def test_images_that_cannot_be_read_before_the_first_step(dcgan, workplace, monkeypatch):
    def fail(config):
        raise OSError(errno.EIO, "Input/output error", "images.npz")

    monkeypatch.setattr("dcgan_cli.core.evaluation.figures.load_held_out_images", fail)
    done = dcgan(*TWO_EPOCHS, "evaluate_every=1")
    assert done.code == 5
    said = "cannot read images.npz: Input/output error; check the disk, then start again\n"
    assert done.err.endswith(said)
    assert not Path("run/run.json").exists()
