"""Images from a trained generator, each decided by its own seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli import __version__
from dcgan_cli.core.networks.build import build_generator
from dcgan_cli.core.networks.device import building
from dcgan_cli.core.networks.weights import assign, check_fits, named_variables, sampled_part
from dcgan_cli.core.runs.checkpoints import Damaged
from dcgan_cli.core.runs.choose import choose_checkpoint
from dcgan_cli.core.runs.find import BUNDLED, title
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.progress import LAST, Progress, position
from dcgan_cli.core.sampling.latents import latents
from dcgan_cli.core.sampling.pictures import to_uint8
from dcgan_cli.errors import CheckpointError
from dcgan_cli.settings.schema import TrainConfig

CHUNK = 64
"""Images made at a time, always: another batch size might round differently."""


class Sampler:
    """Turns latent vectors into pictures with one generator.

    Args:
        generator: the network.
        classes: number of classes; 0 for an unconditional generator.
    """

    def __init__(self, generator: keras.Model, classes: int = 0) -> None:
        self.classes = classes
        self.noise_dim: int = generator.input_shape[-1] - classes
        self._generator = generator

    @cached_property
    def _generate(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """The compiled generator, of CHUNK vectors.

        TensorFlow takes it for a mistake when a process compiles many functions by calling them.
        """
        function = tf.function(lambda x: self._generator(x, training=False), autograph=False)
        return function.get_concrete_function(
            tf.TensorSpec((CHUNK, self._generator.input_shape[-1]), tf.float32)
        )

    def class_of(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the class of each sample of a conditional generator.

        It is the seed's remainder, so that a grid of as many columns has one class in each.
        """
        return np.array([seed % self.classes for seed in seeds])

    def sample(self, seeds: Sequence[int], label: int | None = None) -> np.ndarray:
        """Return the image of each seed, all of the class `label` if one is given.

        Returns:
            uint8 [len(seeds), H, W, C].
        """
        return self.render(latents(seeds, self.noise_dim), seeds if label is None else [label])

    def render(self, vectors: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
        """Return the image of each latent vector.

        Args:
            vectors: float32 [N, noise_dim], N at least 1.
            numbers: one for each vector or for all, which decide the class; see `class_of`.

        Returns:
            uint8 [N, H, W, C].
        """
        if self.classes:
            labels = np.broadcast_to(self.class_of(numbers), len(vectors))
            one_hot = np.eye(self.classes, dtype=np.float32)[labels]
            vectors = np.concatenate([vectors, one_hot], axis=1)
        chunks = [
            self._render_chunk(vectors[first : first + CHUNK])
            for first in range(0, len(vectors), CHUNK)
        ]
        return np.concatenate(chunks)

    def stream(
        self, seeds: Sequence[int], label: int | None = None
    ) -> Iterator[tuple[Sequence[int], np.ndarray]]:
        """Yield (seeds, images) a chunk at a time, so that any number fits in memory."""
        for first in range(0, len(seeds), CHUNK):
            chunk = seeds[first : first + CHUNK]
            yield chunk, self.sample(chunk, label)

    def _render_chunk(self, vectors: np.ndarray) -> np.ndarray:
        padding = ((0, CHUNK - len(vectors)), (0, 0))
        images = self._generate(tf.constant(np.pad(vectors, padding)))
        return to_uint8(images.numpy()[: len(vectors)])


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator that has been trained."""

    sampler: Sampler
    class_names: tuple[str, ...]
    """Names of the classes, in order of their numbers; empty if unknown."""
    config: TrainConfig
    """The settings that it was trained with."""
    facts: dict[str, Any]
    """What made its pictures, for their metadata: run, how far it had come, version."""
    source: str
    """Where it is from, in words."""
    skipped_checkpoints: list[Damaged]
    """Checkpoints that would have come first and are damaged."""


def load_generator(run: RunFolder, epoch: int | str = LAST) -> LoadedGenerator:
    """Rebuild a run's generator from its settings and one of its checkpoints.

    Args:
        run: the run.
        epoch: the epoch after which it was saved, or "best" or "last".

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged or does not fit.
    """
    checkpoint, skipped_checkpoints = choose_checkpoint(run, epoch)
    config = run.config()
    part = sampled_part(config)
    arrays = checkpoint.load(part)
    check_fits(arrays, part, config, checkpoint.path)
    with building(run.record()["precision"]):
        generator = build_generator(config)
    assign(named_variables(generator), arrays, str(checkpoint.path))
    facts = picture_facts(run, checkpoint.progress)
    source = f"{title(run)}, {position(facts)}"
    sampler = Sampler(generator, config.num_classes)
    names = tuple(run.record().get("class_names", ()))
    if len(names) not in (0, config.num_classes):
        raise CheckpointError(
            f"{run.path} has {len(names)} class_names in run.json and {config.num_classes} "
            "classes; restore its original run.json"
        )
    return LoadedGenerator(sampler, names, config, facts, source, skipped_checkpoints)


def picture_facts(run: RunFolder, progress: Progress) -> dict[str, Any]:
    """Return what made a picture, for its metadata."""
    return {
        "run": title(run) if run == BUNDLED else run.path.resolve().name,
        "epoch": progress.epoch,
        "epoch_step": progress.epoch_step,
        "step": progress.step,
        "dcgan_version": __version__,
    }
