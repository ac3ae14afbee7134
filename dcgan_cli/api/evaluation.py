"""`evaluate`: the figures of `dcgan evaluate --json` as a dictionary."""

import os
import warnings
from typing import Any

from dcgan_cli.api.arguments import path_text, whole
from dcgan_cli.api.generator import checked_epoch
from dcgan_cli.api.guest import as_guest
from dcgan_cli.api.run import Run, folder_of
from dcgan_cli.commands.evaluate import evaluation_of_run, facts_of
from dcgan_cli.console import progress_bar
from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.data.image_set import no_progress


def evaluate(
    run: "Run | str | os.PathLike[str]" = "latest",
    epoch: int | str = "last",
    samples: int = 10_000,
    *,
    features: "str | os.PathLike[str] | None" = None,
    seed: int = 0,
    data: "str | os.PathLike[str] | None" = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Measure the quality and variety of a generator's images, next to a baseline of real images.

    Args:
        run: as for `load`.
        epoch: as for `load`.
        samples: images of each kind to compare, from 6 to 1,000,000; fewer are compared if there
            are not as many real ones.
        features: "auto", "mnist", "colour", "untrained", "inception" or a file of weights; the
            run's own setting if it is not given.
        seed: seed of the first image; the others count up from it.
        data: where the training images are, if they were moved.
        progress: whether to show how far it is, on standard error.

    Returns:
        What `dcgan evaluate --json` prints: `figures` has a dictionary for each figure, with
        `value`, `floor` (what real images get), `samples` and `better`. docs/quality.md defines
        them. Beside it are `run`, `epoch`, `step`, `features`, `samples` (as compared) and, where
        they apply, `class_shares` and `by_class`.

    Raises:
        ConfigError: a value is out of range.
        CheckpointError: there is no such run or checkpoint.
        DataError: the training images, or the weights of the feature extractor, are missing.
    """
    which = checked_epoch(epoch)
    count = whole(samples, "samples", 6, 1_000_000)
    first_seed = whole(seed, "seed", 0, 2**62)
    path = None if data is None else path_text(data, "data")
    network = None if features is None else path_text(features, "features")
    watch = progress_bar if progress else no_progress
    with as_guest():
        folder = folder_of(run)
        load_tensorflow()
        from dcgan_cli.core.sampling.sampler import load_generator

        evaluation = evaluation_of_run(folder, network, count, path, watch)
        loaded = load_generator(folder, which)
        for warning in loaded.warnings:
            warnings.warn(warning, stacklevel=2)
        return facts_of(loaded, evaluation, first_seed, watch)
