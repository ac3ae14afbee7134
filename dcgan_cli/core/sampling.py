"""Images from a trained generator, each decided by its own seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli import __version__
from dcgan_cli.core import checkpoints
from dcgan_cli.core.device import use_precision
from dcgan_cli.core.images import to_uint8
from dcgan_cli.core.latents import latents
from dcgan_cli.core.networks import build_generator, named_variables
from dcgan_cli.core.run_folder import RunFolder
from dcgan_cli.core.step import assign
from dcgan_cli.errors import CheckpointError

CHUNK = 64
"""Images made at a time, always: another batch size might round differently."""


class Sampler:
    """Turns latent vectors into pictures with one generator."""

    def __init__(self, generator: keras.Model) -> None:
        self.noise_dim: int = generator.input_shape[-1]
        signature = [tf.TensorSpec((CHUNK, self.noise_dim), tf.float32)]
        self._generate = tf.function(
            lambda vectors: generator(vectors, training=False), input_signature=signature
        )

    def sample(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the image of each seed: uint8 [len(seeds), 28, 28, 1]."""
        return self.render(latents(seeds, self.noise_dim))

    def render(self, vectors: np.ndarray) -> np.ndarray:
        """Return the image of each latent vector.

        Args:
            vectors: float32 [N, noise_dim], N at least 1.

        Returns:
            uint8 [N, 28, 28, 1].
        """
        chunks = [
            self._render_chunk(vectors[first : first + CHUNK])
            for first in range(0, len(vectors), CHUNK)
        ]
        return np.concatenate(chunks)

    def stream(self, seeds: Sequence[int]) -> Iterator[tuple[Sequence[int], np.ndarray]]:
        """Yield (seeds, images) a chunk at a time, so that any number fits in memory."""
        for first in range(0, len(seeds), CHUNK):
            chunk = seeds[first : first + CHUNK]
            yield chunk, self.sample(chunk)

    def _render_chunk(self, vectors: np.ndarray) -> np.ndarray:
        padding = ((0, CHUNK - len(vectors)), (0, 0))
        images = self._generate(tf.constant(np.pad(vectors, padding)))
        return to_uint8(images.numpy()[: len(vectors)])


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator read from a run."""

    sampler: Sampler
    checkpoint: checkpoints.Checkpoint
    facts: dict[str, Any]
    """What made its pictures, for their metadata: run, epoch, step, version."""


def load_generator(run: RunFolder, epoch: int | None = None) -> LoadedGenerator:
    """Rebuild a run's generator from its settings and one of its checkpoints.

    Args:
        run: the run.
        epoch: the epoch after which it was saved, or None for the newest.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged or does not fit.
    """
    checkpoint = choose_checkpoint(run, epoch)
    config = run.config()
    use_precision(run.record()["precision"])
    generator = build_generator(config.model, config.noise_dim, config.seed)
    assign(named_variables(generator), checkpoint.load("generator"), str(checkpoint.path))
    return LoadedGenerator(Sampler(generator), checkpoint, picture_facts(run, checkpoint.progress))


def choose_checkpoint(run: RunFolder, epoch: int | None) -> checkpoints.Checkpoint:
    """Return the checkpoint after `epoch`, or the newest.

    Raises:
        CheckpointError: there is none.
    """
    found = checkpoints.find(run.checkpoints)
    if not found:
        raise CheckpointError(f"{run.path} holds no checkpoint yet; let it finish an epoch first")
    if epoch is None:
        return found[0]
    for checkpoint in found:
        if checkpoint.ends_epoch and checkpoint.progress.epoch == epoch:
            return checkpoint
    kept = sorted({c.progress.epoch for c in found if c.ends_epoch})
    raise CheckpointError(
        f"{run.path} keeps no checkpoint of epoch {epoch}; it keeps {', '.join(map(str, kept))} "
        "(checkpoint_every sets how many)"
    )


def picture_facts(run: RunFolder, progress: checkpoints.Progress) -> dict[str, Any]:
    """Return what made a picture, for its metadata."""
    return {
        "run": run.path.resolve().name,
        "epoch": progress.epoch,
        "step": progress.step,
        "dcgan_version": __version__,
    }
