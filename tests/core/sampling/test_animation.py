"""Moving pictures: what goes in comes out, and bad frames are named."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.sampling import animation
from dcgan_cli.core.sampling.animation import (
    LABEL_HEIGHT,
    animate_training,
    training_frames,
    write_animation,
)
from dcgan_cli.core.sampling.moving_pictures import MAX_FPS
from dcgan_cli.core.sampling.pictures import to_picture, write_png
from dcgan_cli.errors import ConfigError, DataError

needs_ffmpeg = pytest.mark.skipif(
    find_spec("imageio_ffmpeg") is None,
    reason="the video extra is not installed",
)


def begin(folder: Path, epochs: int = 3, size: tuple[int, int] = (120, 90)) -> RunFolder:
    """Make a run whose grid of epoch n is grey 50 + n all over."""
    run = RunFolder(folder)
    run.create({}, {})
    for epoch in range(1, epochs + 1):
        write_grid(run, epoch, size)
    return run


def write_grid(run: RunFolder, epoch: int, size: tuple[int, int]) -> None:
    pixels = np.full((size[1], size[0], 1), 50 + epoch, np.uint8)
    with run.frame(epoch).open("wb") as stream:
        write_png(stream, to_picture(pixels), {"epoch": epoch})


def decoded(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """Return the frames (grey) and the milliseconds of each."""
    frames, milliseconds = [], []
    with Image.open(path) as moving:
        for index in range(moving.n_frames):
            moving.seek(index)
            frames.append(np.asarray(moving.convert("L")))
            milliseconds.append(moving.info["duration"])
    return frames, milliseconds


def noise(count: int, size: int = 150):
    """Yield frames that do not compress."""
    random = np.random.default_rng(0)
    for _ in range(count):
        yield Image.fromarray(random.integers(0, 256, (size, size), np.uint8))


class TestTrainingFrames:
    def test_grids_in_order_with_a_label_below(self, tmp_path):
        frames = list(training_frames(begin(tmp_path / "run", 11)))
        assert len(frames) == 11
        assert {frame.size for frame in frames} == {(120, 90 + LABEL_HEIGHT)}
        labels = set()
        for epoch, frame in enumerate(frames, 1):
            pixels = np.asarray(frame)
            assert (pixels[:90] == 50 + epoch).all()
            strip = pixels[90:]
            assert strip.max() == 255
            assert 0.01 < (strip > 128).mean() < 0.5
            labels.add(strip.tobytes())
        assert len(labels) == 11

    def test_label_fits(self, tmp_path):
        (frame,) = training_frames(begin(tmp_path / "run", 1))
        strip = np.asarray(frame)[90:]
        assert not strip[[0, -1]].any()
        assert not strip[:, [0, -1]].any()

    def test_colour(self, tmp_path):
        run = begin(tmp_path / "run", 0)
        Image.new("RGB", (120, 90), (10, 20, 30)).save(run.frame(1))
        (frame,) = training_frames(run)
        assert frame.getpixel((0, 0)) == (10, 20, 30)
        assert np.asarray(frame)[90:].max(axis=(0, 1)).tolist() == [255, 255, 255]

    def test_none(self, tmp_path):
        run = begin(tmp_path / "run", 0)
        with pytest.raises(DataError, match="has no grids yet") as caught:
            list(training_frames(run))
        assert str(run.samples) in str(caught.value)

    def refusal(self, run: RunFolder, bad: Path) -> str:
        with pytest.raises(DataError) as caught:
            list(training_frames(run))
        assert str(bad) in str(caught.value)
        return str(caught.value)

    def test_mixed_sizes(self, tmp_path):
        run = begin(tmp_path / "run", 2)
        write_grid(run, 3, (120, 91))
        message = self.refusal(run, run.frame(3))
        assert "120x91" in message
        assert "120x90" in message

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda whole: b"",
            lambda whole: b"hello",
            lambda whole: whole[:-30],
            lambda whole: whole[:60],
            lambda whole: b"GIF89a" + whole[6:],
            lambda whole: whole[:11] + b"\0" + whole[12:],
            lambda whole: whole[:16] + b"\0\0\x75\x30\0\0\x75\x30" + whole[24:],
        ],
        ids=["empty", "text", "cut", "cut early", "gif", "short header", "size"],
    )
    def test_unreadable(self, tmp_path, spoil):
        run = begin(tmp_path / "run")
        bad = run.frame(2)
        bad.write_bytes(spoil(bad.read_bytes()))
        self.refusal(run, bad)

    def test_folder_in_place_of_a_grid(self, tmp_path):
        run = begin(tmp_path / "run")
        run.frame(4).mkdir()
        self.refusal(run, run.frame(4))

    def test_more_pixels_than_pillow_takes(self, tmp_path, monkeypatch):
        run = begin(tmp_path / "run", 1)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        self.refusal(run, run.frame(1))

    @pytest.mark.parametrize("mode", ["1", "LA", "I;16"])
    def test_picture_of_another_kind_is_used_or_named(self, tmp_path, mode):
        run = begin(tmp_path / "run", 1)
        Image.new(mode, (120, 90)).save(run.frame(2))
        out = tmp_path / "x.gif"
        try:
            assert write_animation(out, training_frames(run), 5, 0) == 2
        except DataError as error:
            assert str(run.frame(2)) in str(error)  # noqa: PT017 (either outcome is right)


class TestThinning:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch) -> RunFolder:
        """A run of 47 epochs whose frames take 1,000 bytes or so each, and room for 10,000."""
        run = begin(tmp_path / "run", 0)
        for epoch, frame in enumerate(noise(47, 28), 1):
            frame.save(run.frame(epoch))
        monkeypatch.setattr(animation, "MAX_GIF_BYTES", 15_000)
        return run

    def test_a_long_training_is_thinned_out_and_that_is_said(self, run):
        count, note = animate_training(run, run.gif)
        assert run.gif.stat().st_size < 17_000
        frames, milliseconds = decoded(run.gif)
        assert count == len(frames)
        assert set(milliseconds[:-1]) == {200}
        assert "dcgan.gif shows every 4th epoch, to stay below" in note
        shown = list(training_frames(run, 4))
        assert (frames == np.stack([np.asarray(frame) for frame in shown])).all()
        wanted = [*range(1, 47, 4), 47]
        for frame, epoch in zip(shown, wanted, strict=True):
            grid = np.asarray(Image.open(run.frame(epoch)))
            assert (np.asarray(frame)[:28] == grid).all()

    def test_every_is_taken_at_its_word(self, run):
        assert animate_training(run, run.gif, every=1) == (47, "")
        assert animate_training(run, run.gif, every=46) == (2, "")
        assert animate_training(run, run.gif, every=1000) == (2, "")

    def test_ten_frames_are_left_of_large_ones(self, run, monkeypatch):
        monkeypatch.setattr(animation, "MAX_GIF_BYTES", 1)
        assert animate_training(run, run.gif)[0] == 13  # Every 4th of 47.

    @needs_ffmpeg
    def test_a_video_is_not_thinned_out(self, run):
        assert animate_training(run, run.path / "x.mp4") == (47, "")

    def test_ordinals(self, run):
        ordinals = [animation._ordinal(number) for number in (2, 3, 4, 11, 12, 13, 21, 22, 112)]
        assert ordinals == ["2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "112th"]


class TestGif:
    def test_frames_of_a_run(self, tmp_path):
        run = begin(tmp_path / "run")
        given_frames = [np.asarray(frame) for frame in training_frames(run)]
        assert write_animation(run.gif, training_frames(run), 5, 2.0) == 3
        frames, milliseconds = decoded(run.gif)
        assert milliseconds == [200, 200, 2000]
        for frame, expected in zip(frames, given_frames, strict=True):
            assert (frame == expected).all()
        assert sorted(os.listdir(run.path)) == ["checkpoints", "dcgan.gif", "run.json", "samples"]

    def test_repeats_for_ever(self, tmp_path):
        write_animation(tmp_path / "x.gif", noise(2), 5, 0)
        with Image.open(tmp_path / "x.gif") as gif:
            assert gif.info["loop"] == 0

    def test_equal_frames_stay_as_long_together(self, tmp_path):
        same, other = (Image.new("L", (20, 20), grey) for grey in (9, 10))
        assert write_animation(tmp_path / "x.gif", [same] * 4 + [other], 10, 1) == 5
        frames, milliseconds = decoded(tmp_path / "x.gif")
        assert ([frame.max() for frame in frames], milliseconds) == ([9, 10], [400, 1000])

    @settings(deadline=None, max_examples=40)
    @given(st.integers(1, 60), st.floats(0.1, 240), st.sampled_from([0, 1, 60]))
    def test_time(self, tmp_path_factory, count, fps, last):
        """Every frame begins when it should, to half of the 10 ms that a GIF counts in."""
        path = tmp_path_factory.getbasetemp() / "time.gif"
        assert write_animation(path, noise(count, 8), fps, last) == count
        _, milliseconds = decoded(path)
        assert len(milliseconds) == count
        assert min(milliseconds) >= 20
        step = 1000 / min(fps, MAX_FPS)
        for begun, frames in zip(np.cumsum(milliseconds[:-1]), range(1, count), strict=True):
            assert abs(begun - frames * step) <= 5.001
        assert abs(milliseconds[-1] - max(step, 1000 * last)) <= 10

    def test_what_stands_still_in_colour_stays_as_it_is(self, tmp_path):
        y, x = np.mgrid[:96, :96] * 255 // 95
        still = np.stack([x, y, (x + y) // 2], -1).astype(np.uint8)
        frames = []
        for time in range(12):
            frame = still.copy()
            frame[:, 48:] = np.roll(still, 21 * time, axis=2)[:, 48:] // (time + 1)
            frames.append(frame)
        write_animation(tmp_path / "x.gif", map(Image.fromarray, frames), 5, 0)
        with Image.open(tmp_path / "x.gif") as gif:
            shown = []
            for index in range(12):
                gif.seek(index)
                shown.append(np.asarray(gif.convert("RGB")))
        assert all((frame[:, :48] == shown[0][:, :48]).all() for frame in shown)
        errors = [np.abs(a.astype(int) - b).mean() for a, b in zip(shown, frames, strict=True)]
        assert max(errors) < 8

    def test_colours(self, tmp_path):
        colours = [(255, 0, 0), (0, 255, 0), (12, 34, 56), (255, 255, 255)]
        picture = Image.new("RGB", (40, 40))
        for index, colour in enumerate(colours):
            picture.paste(colour, (10 * index, 0, 10 * index + 10, 40))
        flipped = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        other = Image.new("RGB", (40, 40), (7, 77, 177))
        write_animation(tmp_path / "x.gif", [picture, other, flipped], 5, 0)
        with Image.open(tmp_path / "x.gif") as gif:
            for index, expected in enumerate([picture, other, flipped]):
                gif.seek(index)
                assert gif.convert("RGB").tobytes() == expected.tobytes()

    def test_failing_in_the_middle_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "x.gif"
        path.write_bytes(b"old")
        run = begin(tmp_path / "run")
        run.frame(3).write_bytes(b"")
        with pytest.raises(DataError):
            write_animation(path, training_frames(run), 5, 0)
        assert path.read_bytes() == b"old"
        assert sorted(os.listdir(tmp_path)) == ["run", "x.gif"]


@pytest.mark.parametrize("size", [(120, 90), (121, 91)])
def test_webp(tmp_path, size):
    path = tmp_path / "x.webp"
    run = begin(tmp_path / "run", 3, size)
    assert write_animation(path, training_frames(run), 5, 1) == 3
    with Image.open(path) as moving:
        assert moving.format == "WEBP"
        assert moving.info["loop"] == 0
        assert moving.size == (size[0], size[1] + LABEL_HEIGHT)
    frames, milliseconds = decoded(path)
    assert milliseconds == [200, 200, 1000]
    for frame, expected in zip(frames, (51, 52, 53), strict=True):
        assert abs(frame[:80, :110].mean() - expected) < 3
    assert sorted(os.listdir(tmp_path)) == ["run", "x.webp"]


@pytest.mark.parametrize("name", ["x.avi", "x", "x.png", ".gif"])
def test_unknown_ending(tmp_path, name):
    with pytest.raises(ConfigError, match=r"must end in \.gif, \.mp4 or \.webp"):
        write_animation(tmp_path / name, noise(1), 5, 0)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["x.mp4", "x.MP4"])
def test_video_without_its_extra(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ConfigError, match="pip install imageio-ffmpeg"):
        write_animation(tmp_path / name, noise(1), 5, 0)
    assert os.listdir(tmp_path) == []


@needs_ffmpeg
class TestMp4:
    @pytest.mark.parametrize("size", [(120, 90), (121, 91)])
    def test_mp4(self, tmp_path, size):
        import imageio.v2 as imageio

        path = tmp_path / "x.mp4"
        run = begin(tmp_path / "run", 3, size)
        assert write_animation(path, training_frames(run), 5, 1) == 3
        with imageio.get_reader(path) as video:
            facts = video.get_meta_data()
            # The last of three frames is shown five times, which is one second.
            pictures = [video.get_data(index) for index in range(video.count_frames())]
        assert len(pictures) == 7
        assert facts["fps"] == 5
        height = 90 + LABEL_HEIGHT if size[1] == 90 else 92 + LABEL_HEIGHT
        assert facts["size"] == (120 if size[0] == 120 else 122, height)
        for picture, epoch in zip(pictures, [1, 2, 3, 3, 3, 3, 3], strict=True):
            assert abs(picture[:80, :110].mean() - (50 + epoch)) < 3
        assert sorted(os.listdir(tmp_path)) == ["run", "x.mp4"]

    def test_failing_in_the_middle_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "x.mp4"
        path.write_bytes(b"old")
        run = begin(tmp_path / "run")
        run.frame(3).write_bytes(b"")
        with pytest.raises(DataError):
            write_animation(path, training_frames(run), 5, 0)
        assert path.read_bytes() == b"old"
        assert sorted(os.listdir(tmp_path)) == ["run", "x.mp4"]
