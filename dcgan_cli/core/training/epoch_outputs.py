"""Write the outputs of each epoch: the grid, the row of metrics and, after the last, the GIF."""

import io
from typing import Any

from PIL import Image

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.metrics import LOSS_COLUMNS, METRICS_COLUMNS
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.sampling.animation import animate_training, missing_epochs
from dcgan_cli.core.sampling.pictures import grid_picture, write_png
from dcgan_cli.core.sampling.sampler import Sampler, picture_facts
from dcgan_cli.core.storage import replacing
from dcgan_cli.core.training.reporter import Reporter
from dcgan_cli.errors import DcganError


class EpochOutputs:
    """Writes the grids and the metrics of one run.

    Args:
        run: the run folder.
        sampler: draws the grids.
        count: number of images in a grid.
        reporter: shows warnings.
    """

    def __init__(self, run: RunFolder, sampler: Sampler, count: int, reporter: Reporter) -> None:
        self.run = run
        self.sampler = sampler
        self.seeds = range(count)
        self.reporter = reporter
        self.rows: list[dict[str, float]] = []
        self.unwritten_grids: dict[int, bytes] = {}

    def resume(self, progress: Progress, *, keep_scores: bool = True) -> None:
        """Bring the outputs of a run in line with its newest checkpoint.

        Deletes the rows of later epochs, which are trained again, and draws the checkpoint's grid
        if it is missing.

        Args:
            progress: the progress in the checkpoint.
            keep_scores: False deletes the scores in the rows, because new scores are not
                comparable with them.

        Raises:
            OSError: the metrics cannot be written.
        """
        saved_rows = self.run.metrics()
        by_epoch = {int(row["epoch"]): row for row in saved_rows}
        epochs = sorted(epoch for epoch in by_epoch if 1 <= epoch <= progress.epoch)
        names = METRICS_COLUMNS if keep_scores else LOSS_COLUMNS
        self.rows = [
            {name: value for name, value in by_epoch[epoch].items() if name in names}
            for epoch in epochs
        ]
        if missing := missing_epochs(epochs, progress.epoch):
            self.run.back_up_damaged_metrics()
            self.reporter.note(f"warning: metrics.csv has no row for epoch {missing}")
        if self.rows != saved_rows:
            self.run.write_metrics(self.rows)
        self.run.drop_evaluations(progress.step)
        at_end_of_epoch = progress.epoch > 0 and progress.epoch_step == 0
        if at_end_of_epoch and not self.run.frame(progress.epoch).exists():
            self.add_grid(progress)
        drawn = [epoch for epoch, _ in self.run.frames() if epoch <= progress.epoch]
        if missing := missing_epochs(drawn, progress.epoch):
            self.reporter.note(f"warning: no grid of epoch {missing}")

    def add_grid(self, progress: Progress) -> None:
        """Draw the grid of the epoch that has just finished.

        If the grid cannot be written, show a warning and try again after the next epoch.
        """
        picture = self.draw()
        png = io.BytesIO()
        write_png(png, picture, picture_facts(self.run, progress) | {"seeds": list(self.seeds)})
        self.unwritten_grids[progress.epoch] = png.getvalue()
        for epoch in list(self.unwritten_grids):
            try:
                self.run.samples.mkdir(exist_ok=True)
                with replacing(self.run.frame(epoch)) as stream:
                    stream.write(self.unwritten_grids[epoch])
            except OSError as error:
                self.reporter.note(
                    f"warning: cannot write {self.run.frame(epoch)}: {error.strerror}"
                )
            else:
                del self.unwritten_grids[epoch]

    def draw(self) -> Image.Image:
        """Return the grid of the generator as it is."""
        return grid_picture(self.sampler.sample(self.seeds), self.sampler.classes or None)

    def add_row(self, row: dict[str, Any]) -> None:
        """Append an epoch's row to `metrics.csv`.

        Raises:
            OSError: the file cannot be written.
        """
        self.rows.append(row)
        self.run.write_metrics(self.rows)

    def write_gif(self) -> None:
        """Write the GIF of all grids, or note why it could not be written."""
        try:
            _, note = animate_training(self.run, self.run.gif)
        except (OSError, DcganError) as error:  # Training has finished and is saved.
            self.reporter.note(f"no animation: {error}")
        else:
            if note:
                self.reporter.note(f"{note}; {self.run.samples.name}/ has the grids of all epochs")
