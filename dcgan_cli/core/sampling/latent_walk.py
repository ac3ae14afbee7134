"""Latent walks: interpolate between latent vectors, for animations."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from dcgan_cli.core.sampling.latents import latents
from dcgan_cli.core.sampling.pictures import grid_picture
from dcgan_cli.core.sampling.sampler import Sampler


def walk_frames(
    sampler: Sampler, *, count: int, stops: int, frames_per_stop: int
) -> Iterator[Image.Image]:
    """Yield the images of `walk_images` as grids."""
    frames = walk_images(sampler, count=count, stops=stops, frames_per_stop=frames_per_stop)
    for images in frames:
        yield grid_picture(images, sampler.classes or None)


def walk_images(
    sampler: Sampler, *, count: int, stops: int, frames_per_stop: int, label: int | None = None
) -> Iterator[np.ndarray]:
    """Yield the frames of a closed walk through latent space: uint8 [count, H, W, C] each.

    Stop s of image i is sample s * count + i. Between stops, latent vectors are interpolated along
    great circles, so their lengths stay typical of the vectors that the generator was trained on
    (White 2016, "Sampling Generative Networks", section 2.1). The class of an image is constant.

    Args:
        sampler: generates the images.
        count: number of images per frame.
        stops: number of stops, at least 2.
        frames_per_stop: frames from one stop to the next, at least 1.
        label: the class of all images of a conditional generator; None for i mod the number of
            classes.
    """
    class_seeds = range(count) if label is None else [label]
    vectors = latents(range(stops * count), sampler.noise_dim).reshape(stops, count, -1)
    for stop in range(stops):
        start, end = vectors[stop], vectors[(stop + 1) % stops]
        for frame in range(frames_per_stop):
            between = slerp(start, end, frame / frames_per_stop)
            yield sampler.render(between, class_seeds)


def slerp(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Interpolate along great circles (Shoemake 1985, "Animating Rotation with Quaternion Curves").

    Args:
        start: float32 [N, D].
        end: float32 [N, D].
        share: position between start (0) and end (1).

    Returns:
        float32 [N, D].
    """
    lengths = np.linalg.norm(start, axis=1) * np.linalg.norm(end, axis=1)
    cosine = np.sum(start * end, axis=1) / lengths
    angle = np.arccos(np.clip(cosine, -1, 1))[:, np.newaxis]
    sine = np.sin(angle)
    nearly_parallel = sine < 1e-6
    safe = np.where(nearly_parallel, 1, sine)
    curved = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / safe
    straight = (1 - share) * start + share * end
    return np.where(nearly_parallel, straight, curved).astype(np.float32)
