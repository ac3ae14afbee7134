"""A smooth walk through latent space, as frames of an animation."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from dcgan_cli.core.sampling.latents import latents
from dcgan_cli.core.sampling.pictures import grid_picture
from dcgan_cli.core.sampling.sampler import Sampler


def walk_frames(
    sampler: Sampler, *, count: int, stops: int, frames_per_stop: int
) -> Iterator[Image.Image]:
    """Yield the grids of `walk_images`."""
    frames = walk_images(sampler, count=count, stops=stops, frames_per_stop=frames_per_stop)
    for images in frames:
        yield grid_picture(images, sampler.classes or None)


def walk_images(
    sampler: Sampler, *, count: int, stops: int, frames_per_stop: int, label: int | None = None
) -> Iterator[np.ndarray]:
    """Yield images that drift from stop to stop and end where they began: uint8 [count, H, W, C].

    Image i starts as sample i; its stop s is sample s * count + i. Between stops it
    moves along the great circle, which keeps vectors at the length that the generator knows
    (White 2016, "Sampling Generative Networks", section 2.1). Its class stays.

    Args:
        sampler: makes the images.
        count: how many images.
        stops: places visited, at least 2.
        frames_per_stop: frames from one stop to the next, at least 1.
        label: the class of all images of a conditional generator; None for class i mod classes.
    """
    numbers = range(count) if label is None else [label]
    vectors = latents(range(stops * count), sampler.noise_dim).reshape(stops, count, -1)
    for stop in range(stops):
        start, end = vectors[stop], vectors[(stop + 1) % stops]
        for frame in range(frames_per_stop):
            between = slerp(start, end, frame / frames_per_stop)
            yield sampler.render(between, numbers)


def slerp(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Interpolate along great circles (Shoemake 1985, "Animating Rotation with Quaternion Curves").

    Args:
        start: float32 [N, D].
        end: float32 [N, D].
        share: how far from start (0) to end (1).

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
