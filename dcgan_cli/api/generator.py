"""A trained generator as an object."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dcgan_cli.api.arguments import array, listed, whole
from dcgan_cli.api.guest import as_guest
from dcgan_cli.api.run import Run, folder_of
from dcgan_cli.commands.sample import class_number
from dcgan_cli.commands.seeds import MAX_COUNT, MAX_SEED
from dcgan_cli.core import hiding_notices, load_tensorflow
from dcgan_cli.core.export.formats import format_of
from dcgan_cli.core.runs.progress import BEST, LAST
from dcgan_cli.errors import ConfigError
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from dcgan_cli.core.sampling.sampler import LoadedGenerator

Images = npt.NDArray[np.uint8]


def load(run: "Run | str | os.PathLike[str]" = "latest", epoch: int | str = "last") -> "Generator":
    """Return a trained generator.

    Args:
        run: a `Run`, a run folder, "latest" for the newest below `runs/` (the bundled generator if
            there is none), or "bundled".
        epoch: an epoch whose checkpoint is kept, "last", or "best" for the best score. Where the
            last is damaged, the one before it is loaded with a warning.

    Raises:
        ConfigError: `epoch` is none of these.
        CheckpointError: there is no such run or checkpoint, or it is damaged or does not fit.
    """
    which = checked_epoch(epoch)
    with as_guest():
        folder = folder_of(run)
        load_tensorflow()
        from dcgan_cli.core.sampling.sampler import load_generator

        loaded = load_generator(folder, which)
    for warning in loaded.warnings:
        warnings.warn(warning, stacklevel=2)
    return Generator(loaded)


def checked_epoch(epoch: int | str) -> int | str:
    """Return an epoch, "best" or "last" as it is.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(epoch, str) and epoch in (BEST, LAST):
        return epoch
    if isinstance(epoch, str) or not (number := whole(epoch, "epoch")) >= 1:
        raise ConfigError(f"epoch must be an epoch from 1 on, {BEST} or {LAST}, got {epoch!r}")
    return number


class Generator:
    """A trained generator, as `load` and `Run.load` return it.

    Samples are the same bits as those of `dcgan sample`, in any process and in any number.
    """

    def __init__(self, loaded: "LoadedGenerator") -> None:
        self._loaded = loaded
        self._sampler = loaded.sampler

    @property
    def noise_dim(self) -> int:
        """The length of a latent vector."""
        return self._sampler.noise_dim

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels (1 or 3) of an image."""
        return self._loaded.config.image_shape

    @property
    def classes(self) -> int:
        """Number of classes; 0 if the generator is not conditional."""
        return self._sampler.classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in order of their numbers; empty if unknown."""
        return self._loaded.class_names

    @property
    def facts(self) -> dict[str, Any]:
        """Metadata of its images: run, epoch, step, version of dcgan."""
        return dict(self._loaded.facts)

    def sample(
        self,
        n: int | None = None,
        *,
        seeds: Iterable[int] | None = None,
        label: int | str | None = None,
    ) -> Images:
        """Sample images; each depends on its seed alone.

        Args:
            n: how many, with the seeds 0, 1, 2, ...; 16 if `seeds` is not given either.
            seeds: their seeds, whole numbers from 0 to 2**63 - 1, in place of `n`.
            label: number or name of the class of all, of a conditional generator. Without it the
                class of seed s is s modulo `classes`.

        Returns:
            uint8 [N, H, W, C], 0 is black.

        Raises:
            ConfigError: a value is out of range, or there is no such class.
        """
        if seeds is None:
            count = 16 if n is None else whole(n, "n", 1, MAX_COUNT)
            chosen: list[int] = list(range(count))
        elif n is not None:
            raise ConfigError("n and seeds both say how many; give one")
        else:
            chosen = [whole(seed, "a seed") for seed in listed(seeds, "seeds", MAX_COUNT)]
            if not chosen:
                raise ConfigError("seeds is empty; give at least one")
            if not 0 <= min(chosen) <= max(chosen) <= MAX_SEED:
                raise ConfigError("seeds must be from 0 to 2**63 - 1")
        number = self._number(label)
        with as_guest():
            load_tensorflow()
            return self._sampler.sample(chosen, number)

    def render(self, latents: npt.ArrayLike, label: int | str | None = None) -> Images:
        """Generate images from latent vectors.

        Args:
            latents: real numbers [N, noise_dim], N at least 1; the generator was trained on
                standard normal ones.
            label: as for `sample`; without it the class of row i is i modulo `classes`.

        Returns:
            uint8 [N, H, W, C].

        Raises:
            ConfigError: `latents` has another shape or type, or is not finite, or there is no such
                class.
        """
        given = array(latents, "latents")
        if given.dtype.kind not in "fiu":
            raise ConfigError(f"latents must be real numbers, got {given.dtype}")
        if given.ndim != 2 or not len(given) or given.shape[1] != self.noise_dim:
            raise ConfigError(
                f"latents must be [N, {self.noise_dim}] with N at least 1, got {list(given.shape)}"
            )
        vectors = given.astype(np.float32)
        if not np.isfinite(vectors).all():
            raise ConfigError("latents must be finite float32 numbers")
        number = self._number(label)
        with as_guest():
            load_tensorflow()
            classes = range(len(vectors)) if number is None else [number]
            return self._sampler.render(vectors, classes)

    def walk(
        self, n: int = 16, *, stops: int = 6, frames: int = 15, label: int | str | None = None
    ) -> Images:
        """Return images along a closed path through latent space.

        Args:
            n: images in a frame, at least 1; image i begins as sample i.
            stops: places visited, at least 2.
            frames: frames from one stop to the next, at least 1.
            label: as for `render`; it stays for the whole walk.

        Returns:
            uint8 [stops * frames, n, H, W, C].

        Raises:
            ConfigError: a number is too small, there are more than 10,000,000 images, or there is
                no such class.
        """
        count, places, between = (
            whole(n, "n", 1),
            whole(stops, "stops", 2),
            whole(frames, "frames", 1),
        )
        if (total := count * places * between) > MAX_COUNT:
            raise ConfigError(f"n * stops * frames must be at most {MAX_COUNT:,}, got {total:,}")
        number = self._number(label)
        with as_guest():
            load_tensorflow()
            from dcgan_cli.core.sampling.latent_walk import walk_images

            images = walk_images(
                self._sampler, count=count, stops=places, frames_per_stop=between, label=number
            )
            return np.stack(list(images))

    def export(self, path: "str | os.PathLike[str]", *, half: bool = False) -> None:
        """Write the generator for other programs, as `dcgan export` does (docs/export.md).

        Args:
            path: a file, whose ending is the format, or a folder.
            half: whether to store the weights in float16.

        Raises:
            ConfigError: the ending is not offered, a library for it is missing, the format cannot
                hold this generator, or the written file gives other images.
            OSError: it cannot be written.
        """
        out = Path(path)
        form = format_of(out)
        with as_guest():
            load_tensorflow()
            from dcgan_cli.core.export.writing import export

            with hiding_notices():
                export(self._loaded, out, form, half=half)

    def _number(self, label: int | str | None) -> int | None:
        if label is None:
            return None
        return class_number(str(label), self.classes, self.class_names, "label")

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.image_shape))
        classes = f", {self.classes} classes" if self.classes else ""
        source = printable(self._loaded.source)
        return f"<Generator {source}: {shape}, noise_dim {self.noise_dim}{classes}>"
