"""`dcgan animate`: the training and the walk. How files are written is tested in test_animation."""

import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_cli.core.runs.find import point_latest_to
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.sampling.latent_walk import slerp


def test_training(dcgan, workplace, finished_run):
    options = ["--out", "t.gif", "--fps", "10", "--last-frame-seconds", "1"]
    done = dcgan("animate", "--run", finished_run, *options)
    assert (done.code, done.out) == (0, "t.gif\n")
    with Image.open("t.gif") as gif:
        assert gif.n_frames == 3
        durations = []
        for frame in range(3):
            gif.seek(frame)
            durations.append(gif.info["duration"])
    assert durations == [100, 100, 1000]


def test_walk_moves_smoothly_and_comes_back(dcgan, workplace, finished_run):
    done = dcgan("animate", "--run", finished_run, "--walk", "--fps", "2", "--out", "w.gif")
    assert done.code == 0, done.err
    with Image.open("w.gif") as gif:
        frames = []
        for index in range(gif.n_frames):
            gif.seek(index)
            frames.append(np.asarray(gif.convert("L"), float))
    steps = [np.abs(a - b).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert len(frames) == 18
    assert min(steps) > 0
    assert max(steps) < 3 * np.mean(steps)


def test_the_same_gif_as_at_the_end_of_the_run(dcgan, workplace, finished_run):
    done = dcgan("animate", "--run", finished_run, "--out", "t.gif")
    assert done.code == 0, done.err
    assert (workplace / "t.gif").read_bytes() == (finished_run / "dcgan.gif").read_bytes()


def test_long_training(dcgan, workplace, finished_run, monkeypatch):
    """Both GIFs show fewer epochs, and both say so; the command that shows all does."""
    monkeypatch.setattr("dcgan_cli.core.sampling.animation.MAX_GIF_BYTES", 10_000)
    run = Path(shutil.copytree(finished_run, "a"))
    for epoch in range(4, 25):
        grid = f"epoch_{epoch % 3 + 1:04d}.png"
        shutil.copy(run / "samples" / grid, run / "samples" / f"epoch_{epoch:04d}.png")
    (run / "dcgan.gif").unlink()
    done = dcgan("train", "resume=a")  # It has all but its animation.
    said = "dcgan.gif shows every 2nd epoch, to stay below 0 MB; "
    assert f"{said}samples/ has the grids of all epochs\n" in done.err
    gif = (workplace / "a" / "dcgan.gif").read_bytes()
    done = dcgan("animate", "--run", "a")
    assert f"{said}add --every 1 to show all\n13 frames\n" in done.err
    assert (workplace / "a" / "dcgan.gif").read_bytes() == gif
    done = dcgan("animate", "--run", "a", "--every", "1")
    assert done.err.endswith("24 frames\n")


def test_more_frames_a_second_than_a_gif_has(dcgan, workplace, finished_run):
    done = dcgan("animate", "--run", finished_run, "--fps", "120", "--out", "t.gif")
    assert done.code == 0
    assert (
        "note: a GIF plays at 50 frames a second at most; --out t.mp4 can play at 120" in done.err
    )
    with Image.open("t.gif") as gif:
        assert gif.info["duration"] == 20


def test_mp4(dcgan, workplace, finished_run):
    pytest.importorskip("imageio_ffmpeg", reason="the video extra is not installed")
    assert dcgan("animate", "--run", finished_run, "--out", "t.mp4").code == 0
    assert (workplace / "t.mp4").read_bytes()[4:8] == b"ftyp"


def test_missing_grids_are_named(dcgan, workplace, finished_run):
    run = Path(shutil.copytree(finished_run, workplace / "run"))
    for epoch in (4, 5, 6, 9):
        shutil.copy(run / "samples" / "epoch_0003.png", run / "samples" / f"epoch_{epoch:04d}.png")
    for epoch in (1, 4, 5):
        (run / "samples" / f"epoch_{epoch:04d}.png").unlink()
    (run / "samples" / "notes.png").write_text("mine")
    done = dcgan("animate", "--run", run)
    assert done.code == 0, done.err
    assert "warning: no grid of epoch 1, 4-5, 7-8\n" in done.err
    assert "4 frames" in done.err


def test_default_place_is_the_run_folder(dcgan, workplace, finished_run):
    point_latest_to(RunFolder(Path(shutil.copytree(finished_run, workplace / "a"))))
    (workplace / "a" / "dcgan.gif").unlink()
    assert dcgan("animate").out == "a/dcgan.gif\n"
    assert (workplace / "a" / "dcgan.gif").is_file()


def test_run_that_may_not_be_written_to(dcgan, workplace, finished_run, monkeypatch):
    """Reading commands leave the run alone and write here. Root may write anywhere, so the answer
    of the system is changed rather than the permissions."""
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert dcgan("animate", "--run", finished_run).out == "dcgan.gif\n"
    assert stat.S_ISREG((workplace / "dcgan.gif").stat().st_mode)


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--out", "x.avi"], "must end in .gif"),
        (["--fps", "0"], "--fps"),
        (["--epoch", "2"], "--walk"),
        (["--every", "0"], "--every"),
        (["--walk", "--every", "2"], "a --walk has none"),
    ],
)
def test_mistakes(dcgan, workplace, finished_run, words, fragment):
    done = dcgan("animate", "--run", finished_run, *words)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert fragment in done.err


def test_slerp_keeps_length_and_meets_both_ends():
    start, end = np.random.default_rng(0).standard_normal((2, 5, 100)).astype(np.float32)
    np.testing.assert_allclose(slerp(start, end, 0), start, atol=1e-6)
    np.testing.assert_allclose(slerp(start, end, 1), end, atol=1e-5)
    lengths = np.linalg.norm(slerp(start, end, 0.5), axis=1)
    ends = np.linalg.norm([start, end], axis=2)
    assert (lengths > 0.95 * ends.min(axis=0)).all()
    np.testing.assert_allclose(slerp(start, start, 0.3), start, rtol=1e-6)
