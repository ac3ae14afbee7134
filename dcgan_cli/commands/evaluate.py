"""`dcgan evaluate`: measure the quality and variety of a generator's images."""

import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dcgan_cli.commands.arguments import choose_run
from dcgan_cli.commands.epochs import ALL
from dcgan_cli.commands.sample import tell_which
from dcgan_cli.console import progress_bar
from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.data.image_set import ImageSet, ProgressCallback
from dcgan_cli.core.data.load import fetch, load_training_images
from dcgan_cli.core.runs.find import BUNDLED
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.errors import (
    CheckpointError,
    DamagedError,
    DataError,
    NotHereError,
    UnusablePicturesError,
)
from dcgan_cli.settings.overrides import shell_word
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import DataConfig, is_hdf5
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from dcgan_cli.core.evaluation.figures import Evaluation
    from dcgan_cli.core.sampling.sampler import LoadedGenerator

FIGURES = {
    "frechet_distance": ("Fréchet distance", "lower"),
    "kernel_distance": ("kernel distance", "lower"),
    "precision": ("precision", "higher"),
    "recall": ("recall", "higher"),
    "density": ("density", "higher"),
    "coverage": ("coverage", "higher"),
    "class_distance": ("class distance", "lower"),
    "confidence": ("confidence", "as real"),
    "nearest_training_image": ("nearest training image", "as real"),
}
"""What each figure is called, and what is better. docs/quality.md defines them."""

PIPE_WIDTH = 400

Facts = dict[str, Any]


def evaluate_generator(
    run_name: str | None,
    epoch: int | str,
    count: int,
    features: str | None,
    first_seed: int,
    data_path: str | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print the figures of one checkpoint, or of every kept one.

    Raises:
        CheckpointError: there is no such run or checkpoint.
        DataError: the training images, or the weights of the feature extractor, are missing.
    """
    run = choose_run("evaluate", run_name)
    load_tensorflow(quiet=quiet)
    from dcgan_cli.core.runs.choose import kept_epochs
    from dcgan_cli.core.sampling.sampler import load_generator

    evaluation = evaluation_of_run(run, features, count, data_path)
    if evaluation.count < count:
        print(
            f"note: comparing {evaluation.count:,} images of each kind; "
            "there are no more real ones of one kind",
            file=sys.stderr,
        )
    evaluated = []
    for which in kept_epochs(run) if epoch == ALL else [epoch]:
        try:
            loaded = load_generator(run, which)
        except DamagedError as error:
            if epoch != ALL:
                raise
            print(f"warning: {printable(str(error))}", file=sys.stderr)
            continue
        tell_which(loaded)
        evaluated.append(facts_of(loaded, evaluation, first_seed))
    if not evaluated:
        raise CheckpointError(f"no checkpoint of {run.path} is whole; use another run")
    _store(run, evaluated)
    if as_json:
        print(json.dumps(evaluated if epoch == ALL else evaluated[0], indent=2))
    else:
        _print(evaluated)


def _store(run: RunFolder, evaluated: list[Facts]) -> None:
    """Store the figures in the run folder, for reports, if it can be written."""
    if run == BUNDLED:
        return
    try:
        run.add_evaluations(evaluated)
    except OSError as error:
        path = printable(str(run.evaluation_json))
        print(f"note: {path} is not written ({error.strerror or error})", file=sys.stderr)


def evaluation_of_run(
    run: RunFolder,
    features: str | None,
    count: int,
    data_path: str | None,
    progress: ProgressCallback = progress_bar,
) -> "Evaluation":
    """Return an evaluation against a run's training data.

    Args:
        run: the run.
        features: which network's; None for the run's own setting.
        count: images of each kind to compare.
        data_path: where the training images are; None for where they were.
        progress: reports the progress.

    Raises:
        DataError: the images, or the weights of the feature extractor, are not available.
    """
    from dcgan_cli.core.evaluation.figures import evaluation_of

    config = run.config()
    data = training_images(run, config.data, data_path, progress)
    which = features or config.evaluation.features
    if not features and is_hdf5(which):
        typed = shell_word(which)
        raise DataError(
            f"evaluation.features of {run.path} is an HDF5 file, which can do harm; if you trust "
            f"it, add --features {typed}"
        )
    return evaluation_of(config.data, data, which, count, progress)


def training_images(
    run: RunFolder, config: DataConfig, data_path: str | None, progress: ProgressCallback
) -> ImageSet:
    """Return the images that a run was trained on.

    Args:
        run: the run.
        config: its data settings, whose path becomes `data_path`.
        data_path: where the images are; None for where they were.
        progress: reports the progress.

    Raises:
        DataError: they are not available, or are others.
    """
    if data_path is not None:
        _name_data(config, data_path)
        fetch(config)
    try:
        data = load_training_images(config, progress)
    except NotHereError as error:
        typed = shell_word(error.name or error.kind)
        raise DataError(f"{error}; add --data {typed} to have it fetched") from None
    except DataError as error:
        if isinstance(error, UnusablePicturesError):
            error = DataError(f"{error.what}; restore the original files")
        if config.path is None or data_path is not None:
            raise error from None
        raise DataError(f"{error}. If the images were moved, say where to with --data") from error
    if data.digest(with_labels=run.config().model.conditional) != run.record()["data_sha256"]:
        raise DataError(
            f"the images of {data.source} are not those that {run.path} was trained on; "
            "put them back, or say with --data where they are"
        )
    return data


def _name_data(config: DataConfig, named: str) -> None:
    """Set where the training images are: a path, or the name of a data set."""
    if config.name == "tfds":
        config.path = named
    elif named == config.name and entry("data", named).fetch is not None:
        config.path = None
    else:
        config.path = os.path.abspath(os.path.expanduser(named))


def facts_of(
    loaded: "LoadedGenerator",
    evaluation: "Evaluation",
    first_seed: int,
    progress: ProgressCallback = progress_bar,
) -> Facts:
    """Return the figures of one generator, as `dcgan evaluate --json` prints them."""
    from dcgan_cli.core.evaluation.figures import NEAREST_COUNT
    from dcgan_cli.core.evaluation.per_class import figures_by_class

    seeds = range(first_seed, first_seed + evaluation.count)
    drawn = (image for _, chunk in loaded.sampler.stream(seeds) for image in chunk)
    first: list[np.ndarray] = []

    def watched() -> Iterator[np.ndarray]:
        for image in progress(drawn, len(seeds), "images"):
            if len(first) < NEAREST_COUNT:
                first.append(image)
            yield image

    seen = evaluation.network.extract(watched())
    facts = loaded.facts | {
        "features": evaluation.network.name,
        "scaled_to": evaluation.network.scaled_to,
        "samples": evaluation.count,
        "first_seed": first_seed,
        "figures": {
            name: {
                "value": figure.value,
                "floor": figure.baseline,
                "samples": figure.count,
                "better": FIGURES[name][1],
            }
            for name, figure in evaluation.figures(np.stack(first), seen).items()
        },
    }
    if classes := loaded.sampler.classes:
        labels = loaded.sampler.class_of(seeds)
        facts["by_class"] = figures_by_class(evaluation, seen, labels, classes)
        facts["class_names"] = list(loaded.class_names or map(str, range(classes)))
    shares = evaluation.class_shares(seen)
    if shares is not None:
        facts["class_shares"] = {"generated": shares[0].tolist(), "real": shares[1].tolist()}
    return facts


def _print(evaluated: list[Facts]) -> None:
    # What a pipe gets is not cut to the 80 columns of a terminal that is not there.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    first = evaluated[0]
    size = first["scaled_to"]
    scaled = f" at {size}x{size}" if size else ""
    compared = f"features  {first['features']}{scaled}, {first['samples']:,} images of each kind"
    console.print(Text(printable(compared)), end="\n\n")
    console.print(_table(first) if len(evaluated) == 1 else _table_of_epochs(evaluated))
    if "class_shares" in first and len(evaluated) == 1:
        console.print()
        console.print(_class_table(first["class_shares"]))
    if "by_class" in first and len(evaluated) == 1:
        console.print()
        console.print(_by_class_table(first["by_class"], first["class_names"]))


def _table(facts: Facts) -> Table:
    table = _plain_table("", "generated", "real", "better", "images")
    for name, figure in facts["figures"].items():
        values = [f"{figure[key]:.4g}" for key in ("value", "floor")]
        table.add_row(FIGURES[name][0], *values, figure["better"], f"{figure['samples']:,}")
    return table


def _table_of_epochs(evaluated: list[Facts]) -> Table:
    names = list(evaluated[0]["figures"])
    table = _plain_table("epoch", *(FIGURES[name][0] for name in names))
    for facts in evaluated:
        values = [f"{facts['figures'][name]['value']:.4g}" for name in names]
        table.add_row(str(facts["epoch"]), *values)
    floors = [f"{evaluated[0]['figures'][name]['floor']:.4g}" for name in names]
    table.add_row("real", *floors)
    return table


def _class_table(shares: dict[str, list[float]]) -> Table:
    table = _plain_table("class", *map(str, range(len(shares["real"]))))
    for name, values in shares.items():
        table.add_row(name, *(f"{value:.1%}" for value in values))
    return table


def _by_class_table(figures: dict[str, list[float | None]], names: list[str]) -> Table:
    table = _plain_table("class", *names)
    for name, values in figures.items():
        if any(value is not None for value in values):
            words = ("-" if value is None else f"{value:.3g}" for value in values)
            table.add_row(name.replace("_", " "), *words)
    return table


def _plain_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(
            Text(printable(column)), justify="right" if index else "left", overflow="fold"
        )
    return table
