"""A run folder as an object."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_cli.api.arguments import path_text
from dcgan_cli.api.guest import as_guest
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.find import BUNDLED, run_to_read, title
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.lock import current_status
from dcgan_cli.settings.tree import flatten
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from dcgan_cli.api.generator import Generator


@dataclass(frozen=True)
class Checkpoint:
    """A saved state of a run."""

    epoch: int
    """Epochs that were finished."""
    step: int
    """Steps that were done."""
    path: Path
    """Its folder."""
    score: float | None
    """The Fréchet distance of its generator; None if it was not scored."""


class Run:
    """A run: its settings, metrics, checkpoints and grids, read from its folder.

    Everything is read from the folder when it is asked for, so a run that is still training can be
    watched from another process.

    Args:
        path: a run folder, "latest" for the newest below `runs/` (the bundled generator if there
            is none), or "bundled".

    Raises:
        CheckpointError: there is no such run, or its `run.json` is damaged.
        SweepError: it is a folder of several runs.
    """

    def __init__(self, path: "str | os.PathLike[str]" = "latest") -> None:
        with as_guest():
            self._folder = folder_of(path)

    @property
    def path(self) -> Path:
        """The run folder, absolute."""
        return self._folder.path

    @property
    @as_guest()
    def settings(self) -> dict[str, Any]:
        """Every setting by its dotted name, such as "optimizer.learning_rate"."""
        return flatten(self._folder.config())

    @property
    @as_guest()
    def state(self) -> str:
        """Return "running", "finished", "interrupted", "failed", "killed" or "unknown"."""
        return str(current_status(self._folder)["state"])

    @property
    @as_guest()
    def metrics(self) -> list[dict[str, float]]:
        """The rows of `metrics.csv`, one for each epoch, for `pandas.DataFrame(run.metrics)`.

        Every row has epoch, step, seconds, images_per_second, generator_loss and
        discriminator_loss. Rows of epochs with a score have frechet_distance, diversity and
        contrast, and missing_classes where the feature network knows classes.
        """
        return self._folder.metrics()

    @property
    @as_guest()
    def checkpoints(self) -> list[Checkpoint]:
        """The kept checkpoints, oldest first, without those with a damaged manifest."""
        return [
            Checkpoint(
                found.progress.epoch,
                found.progress.step,
                found.path,
                found.score.frechet_distance if found.score else None,
            )
            for found in reversed(checkpoints.find(self._folder.checkpoints))
            if isinstance(found, checkpoints.Checkpoint)
        ]

    @property
    @as_guest()
    def samples(self) -> list[Path]:
        """The PNG files of the epochs' grids, in order."""
        return [path for _, path in self._folder.frames()]

    def load(self, epoch: int | str = "last") -> "Generator":
        """Return the generator of one of the checkpoints; see `dcgan_cli.load`."""
        from dcgan_cli.api.generator import load

        return load(self, epoch)

    def __repr__(self) -> str:
        status = current_status(self._folder)
        epochs = f", epoch {status['epoch']} of {status.get('epochs')}" if "epoch" in status else ""
        scores = [row["frechet_distance"] for row in self.metrics if "frechet_distance" in row]
        score = f", Fréchet distance {scores[-1]:.1f}" if scores else ""
        name = name_of(self._folder)
        return printable(f"<Run {name}: {status['state']}{epochs}{score}>")

    def _repr_png_(self) -> bytes | None:
        """Return the newest grid for notebooks; None if there is none that is a PNG."""
        from dcgan_cli.core.sampling.pictures import read_png

        with suppress(OSError):
            return read_png(self.samples[-1]) if self.samples else None
        return None


def folder_of(run: "Run | str | os.PathLike[str]") -> RunFolder:
    """Return the run folder, with an absolute path; see `Run`.

    Raises:
        ConfigError: `run` is no run and no path.
        CheckpointError: there is no such run, or it is not to be used.
    """
    if isinstance(run, Run):
        return run._folder
    name = path_text(run, "run")
    return RunFolder(Path(os.path.abspath(run_to_read(None if name == "latest" else name).path)))


def name_of(folder: RunFolder) -> str:
    """Return a run's name: its shortest path, or "bundled"."""
    return title(folder) if folder == BUNDLED else str(shown_path(folder.path))
