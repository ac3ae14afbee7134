"""Colour images of any size in all commands that write or read them."""

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from dcgan_cli.commands.sample import _write_array, _write_folder, _write_grid
from dcgan_cli.core.runs.checkpoints import Checkpoint
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.sampling.animation import write_animation
from dcgan_cli.core.sampling.latent_walk import walk_frames
from dcgan_cli.core.sampling.pictures import grid_picture, open_png, read_png_facts
from dcgan_cli.core.sampling.sampler import LoadedGenerator, Sampler
from dcgan_cli.settings.schema import TrainConfig

SHAPES = [(8, 8, 3), (33, 33, 3), (64, 64, 3), (64, 64, 1)]


@pytest.fixture(params=SHAPES, ids=str)
def loaded(request) -> LoadedGenerator:
    """Return a generator for an image shape: a single dense layer."""
    latent = keras.Input((8,))
    values = int(np.prod(request.param))
    initial = keras.initializers.GlorotUniform(seed=0)
    image = keras.layers.Dense(values, activation="tanh", kernel_initializer=initial)(latent)
    generator = keras.Model(latent, keras.layers.Reshape(request.param)(image))
    facts = {"epoch": 1}
    checkpoint = Checkpoint(Path(), Progress(), {})
    run = RunFolder(Path())
    return LoadedGenerator(
        Sampler(generator), (), TrainConfig(), facts, "", [], run, checkpoint, {}
    )


def test_samples(loaded, tmp_path):
    seeds = range(5)
    images = loaded.sampler.sample(seeds)
    assert images.dtype == np.uint8
    with (tmp_path / "grid.png").open("wb") as stream:
        _write_grid(stream, loaded, loaded.sampler.stream(seeds), seeds, None, ".png")
    _write_folder(tmp_path / "folder", loaded, loaded.sampler.stream(seeds), seeds)
    _write_array(tmp_path / "x.npz", loaded.sampler.stream(seeds), seeds)
    with np.load(tmp_path / "x.npz") as archive:
        assert (archive["images"] == images).all()
    colour = images.shape[-1] == 3
    single = open_png(tmp_path / "folder" / "seed_000003.png")
    assert single.mode == ("RGB" if colour else "L")
    assert (np.asarray(single).reshape(images.shape[1:]) == images[3]).all()
    assert (open_png(tmp_path / "grid.png").mode == "RGB") == colour
    assert read_png_facts(tmp_path / "grid.png")["seeds"] == [0, 1, 2, 3, 4]


def frames_of(path) -> Iterator[Image.Image]:
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            yield gif.convert("RGB")


def test_gif(loaded, tmp_path):
    """A GIF frame has 256 colours, so the colours of a grid are only approximate."""
    frames = [grid_picture(loaded.sampler.sample([seed])) for seed in range(3)]
    assert write_animation(tmp_path / "x.gif", frames, fps=5, last_frame_seconds=1) == 3
    for frame, expected in zip(frames_of(tmp_path / "x.gif"), frames, strict=True):
        assert frame.size == expected.size
        difference = np.asarray(frame).astype(int) - np.asarray(expected.convert("RGB"))
        assert abs(difference).mean() < 20


def test_video(loaded, tmp_path):
    pytest.importorskip("imageio_ffmpeg", reason="the video extra is not installed")
    frames = [grid_picture(loaded.sampler.sample([seed])) for seed in range(3)]
    assert write_animation(tmp_path / "x.mp4", frames, fps=5, last_frame_seconds=0) == 3


def test_walk(loaded):
    frames = list(walk_frames(loaded.sampler, count=4, stops=2, frames_per_stop=2))
    assert len(frames) == 4
    assert {frame.mode for frame in frames} <= {"RGB", "L"}


def test_inspect_run_in_colour(loaded, tmp_path, dcgan):
    seeds = range(3)
    with (tmp_path / "grid.png").open("wb") as stream:
        _write_grid(stream, loaded, loaded.sampler.stream(seeds), seeds, None, ".png")
    found = json.loads(dcgan("inspect", tmp_path / "grid.png", "--json").out)
    assert found["made_by"]["seeds"] == [0, 1, 2]
