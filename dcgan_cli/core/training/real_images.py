"""Store what a report needs of the real images: a grid of them and their figures."""

import io
from typing import Any

import numpy as np

from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.evaluation.scoring import Scorer
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.sampling.pictures import grid_picture, write_png
from dcgan_cli.core.storage import replacing, write_json
from dcgan_cli.core.training.reporter import Reporter
from dcgan_cli.errors import DataError


def write_real_grid(
    run: RunFolder, data: ImageSet, count: int, classes: int, reporter: Reporter
) -> None:
    """Write `real.png`, a grid of training images laid out like the grids of samples.

    Does nothing if it exists. Training continues without it if it cannot be written.

    Args:
        run: the run folder.
        data: the training images.
        count: number of images.
        classes: number of classes of a conditional run, whose grids have one column per class; 0
            for other runs.
        reporter: shows a warning.
    """
    if run.real_png.exists():
        return
    places = data.choose(count, classes)
    try:
        picture = grid_picture(np.asarray(data.images[places]), classes or None)
        png = io.BytesIO()
        write_png(png, picture, {"real_images": places.tolist()})
        with replacing(run.real_png) as stream:
            stream.write(png.getvalue())
    except (OSError, DataError) as error:
        reporter.note(f"warning: cannot write {run.real_png}: {error}")


def write_real_figures(run: RunFolder, scorer: Scorer, reporter: Reporter) -> None:
    """Write `real.json`: what held-out real images score, and a generator that learned nothing.

    Training continues without it if it cannot be written.
    """
    facts: dict[str, Any] = scorer.real_facts()
    try:
        write_json(run.real_json, facts)
    except OSError as error:
        reporter.note(f"warning: cannot write {run.real_json}: {error.strerror}")
