"""TensorBoard."""

import shlex
import time
from pathlib import Path
from typing import Any

from dcgan_cli.core.runs.folder import shown_path
from dcgan_cli.core.storage import entries
from dcgan_cli.core.tracking.tracked_run import TrackedRun, scalars
from dcgan_cli.settings.registry import tracker

GRID = "grid"
STATES = {"finished": "STATUS_SUCCESS", "failed": "STATUS_FAILURE"}
"""TensorBoard's names of states; it shows any other as unknown."""


@tracker("tensorboard", package="tensorboard")
class TensorBoard:
    """TensorBoard: metrics, grids, and settings with the score, as an event file in the run folder.

    The event file of an earlier part of the run is deleted, so no step appears twice.
    """

    def __init__(self, run: TrackedRun) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        for path in entries(run.path):
            if path.name.startswith("events.out.tfevents."):
                path.unlink()
        self.writer = EventFileWriter(str(run.path))
        self.where = f"tensorboard --logdir {shlex.quote(str(shown_path(run.path)))}"
        settings = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in run.settings.items()
        }
        self._add(hparams_pb(settings, trial_id=run.id))
        self.writer.flush()

    def epoch(self, row: dict[str, Any], grid: Path | None) -> None:
        """Add the metrics of an epoch, and its grid as the PNG that it is."""
        from PIL import Image
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary()
        for name, value in scalars(row).items():
            summary.value.add(tag=name, simple_value=value)
        if grid is not None:
            with Image.open(grid, formats=["PNG"]) as picture:
                picture_size = {"width": picture.width, "height": picture.height}
                channels = len(picture.getbands())
            image = Summary.Image(
                **picture_size, colorspace=channels, encoded_image_string=grid.read_bytes()
            )
            summary.value.add(tag=GRID, image=image)
        self._add(summary, row["epoch"])
        self.writer.flush()

    def close(self, state: str) -> None:
        """Add how the run ended."""
        from tensorboard.plugins.hparams import api_pb2
        from tensorboard.plugins.hparams.summary import session_end_pb

        status = STATES.get(state, "STATUS_UNKNOWN")
        self._add(session_end_pb(api_pb2.Status.Value(status)))
        self.writer.close()

    def _add(self, summary: Any, step: int = 0) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), step=step)
        # TensorBoard has its own class for what some of its functions return as TensorFlow's.
        event.summary.ParseFromString(summary.SerializeToString())
        self.writer.add_event(event)
