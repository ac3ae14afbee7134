"""Generate images with a trained generator; each image depends only on its own seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli import __version__
from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.networks.build import build_generator
from dcgan_cli.core.networks.device import building
from dcgan_cli.core.networks.weights import assign, check_fits, named_variables, sampled_part
from dcgan_cli.core.plugin_errors import plugin_errors
from dcgan_cli.core.runs.checkpoints import Checkpoint
from dcgan_cli.core.runs.choose import choose_checkpoint
from dcgan_cli.core.runs.find import BUNDLED, title
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.plugins import changed_plugins
from dcgan_cli.core.runs.progress import LAST, Progress, position
from dcgan_cli.core.sampling.latents import latents
from dcgan_cli.core.sampling.pictures import to_uint8
from dcgan_cli.errors import CheckpointError
from dcgan_cli.settings.schema import TrainConfig

CHUNK = 64
"""Fixed batch size: another one might round differently."""


class Sampler:
    """Generates images with one generator.

    Args:
        generator: the Keras model.
        classes: number of classes; 0 for an unconditional generator.
    """

    def __init__(self, generator: keras.Model, classes: int = 0) -> None:
        self.classes = classes
        self.noise_dim: int = generator.input_shape[-1] - classes
        self.generator = generator

    @cached_property
    def _generate(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Return the generator, compiled for CHUNK vectors.

        It is compiled explicitly because TensorFlow warns of retracing when a process compiles many
        functions by calling them.
        """
        function = tf.function(lambda x: self.generator(x, training=False), autograph=False)
        return function.get_concrete_function(
            tf.TensorSpec((CHUNK, self.generator.input_shape[-1]), tf.float32)
        )

    def class_of(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the class of each seed (integers [N]), for a conditional generator.

        It is the seed modulo the number of classes, so in a grid with that many columns each column
        has one class.
        """
        return np.array([seed % self.classes for seed in seeds])

    def sample(self, seeds: Sequence[int], label: int | None = None) -> np.ndarray:
        """Return the image of each seed; if `label` is given, all are of that class.

        Returns:
            uint8 [len(seeds), H, W, C].
        """
        return self.render(latents(seeds, self.noise_dim), seeds if label is None else [label])

    def render(self, vectors: np.ndarray, class_seeds: Sequence[int]) -> np.ndarray:
        """Return the image of each latent vector.

        Args:
            vectors: float32 [N, noise_dim], N at least 1.
            class_seeds: one seed per vector, or one for all, that determines the class; see
                `class_of`. Ignored by unconditional generators.

        Returns:
            uint8 [N, H, W, C].
        """
        if self.classes:
            labels = np.broadcast_to(self.class_of(class_seeds), len(vectors))
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
        """Yield (seeds, images) in chunks, so that any number of images fits in memory."""
        for first in range(0, len(seeds), CHUNK):
            chunk = seeds[first : first + CHUNK]
            yield chunk, self.sample(chunk, label)

    def _render_chunk(self, vectors: np.ndarray) -> np.ndarray:
        padding = ((0, CHUNK - len(vectors)), (0, 0))
        images = self._generate(tf.constant(np.pad(vectors, padding)))
        return to_uint8(images.numpy()[: len(vectors)])


@dataclass(frozen=True)
class LoadedGenerator:
    """A trained generator with facts about it."""

    sampler: Sampler
    class_names: tuple[str, ...]
    """Class names in order of class number; empty if unknown."""
    config: TrainConfig
    """The settings that it was trained with."""
    facts: dict[str, Any]
    """Metadata for its images; see `picture_facts`."""
    source: str
    """Run and progress, for messages."""
    warnings: list[str]
    """Damaged checkpoints that were skipped for the loaded one, and plug-ins that have changed."""
    run: RunFolder
    checkpoint: Checkpoint
    record: dict[str, Any]
    """The run's `run.json`."""


def load_generator(run: RunFolder, epoch: int | str = LAST) -> LoadedGenerator:
    """Return the generator of a run, with the weights in one of its checkpoints.

    Args:
        run: the run.
        epoch: the epoch of the checkpoint, or "best" or "last".

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged or does not match the
            settings.
    """
    checkpoint, skipped = choose_checkpoint(run, epoch)
    config = run.config()
    part = sampled_part(config)
    arrays = checkpoint.load(part)
    record = run.record()
    with plugin_errors(config.model):
        check_fits(arrays, part, config, checkpoint.path)
        with building(record["precision"]):
            generator = build_generator(config)
    assign(named_variables(generator), arrays, str(checkpoint.path))
    facts = picture_facts(run, checkpoint.progress)
    source = f"{title(run)}, {position(facts)}"
    sampler = Sampler(generator, config.num_classes)
    names = tuple(record.get("class_names", ()))
    if len(names) not in (0, config.num_classes):
        raise CheckpointError(
            f"{run.path} has {len(names)} class_names in run.json and {config.num_classes} "
            "classes; restore its original run.json"
        )
    warnings = [*map(str, skipped), *changed_plugins(record.get("plugins", []))]
    return LoadedGenerator(sampler, names, config, facts, source, warnings, run, checkpoint, record)


def in_float32(loaded: LoadedGenerator) -> Sampler:
    """Return a sampler that computes in float32, with the same weights.

    It is the loaded one, unless the run computes in bfloat16. Weights are float32 in any case.
    """
    if loaded.record["precision"] == "float32":
        return loaded.sampler
    with plugin_errors(loaded.config.model), building("float32"):
        generator = build_generator(loaded.config)
    assign(named_variables(generator), weights(loaded), loaded.source)
    return Sampler(generator, loaded.sampler.classes)


def weights(loaded: LoadedGenerator) -> Arrays:
    """Return the weights of a loaded generator by name, float32."""
    named = named_variables(loaded.sampler.generator)
    return {name: variable.numpy() for name, variable in named.items()}


def picture_facts(run: RunFolder, progress: Progress) -> dict[str, Any]:
    """Return the metadata of an image: run, progress and version."""
    return {
        "run": title(run) if run == BUNDLED else run.path.resolve().name,
        "epoch": progress.epoch,
        "epoch_step": progress.epoch_step,
        "step": progress.step,
        "dcgan_version": __version__,
    }
