"""The paths of the files in a run folder, but for those inside a checkpoint."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from dcgan_cli.core.runs.progress import CHECKPOINT_NAME
from dcgan_cli.core.storage import entries, is_link, is_temporary, remove
from dcgan_cli.errors import CheckpointError


@dataclass(frozen=True)
class RunPaths:
    """Paths of one run, and checks of what exists there."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def gif(self) -> Path:
        return self.path / "dcgan.gif"

    @property
    def real_png(self) -> Path:
        return self.path / "real.png"

    @property
    def real_json(self) -> Path:
        return self.path / "real.json"

    @property
    def evaluation_json(self) -> Path:
        return self.path / "evaluation.json"

    @property
    def evaluation_lock(self) -> Path:
        return self.path / "evaluation.lock"

    @property
    def report_html(self) -> Path:
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        return self.path / "run.lock"

    def frame(self, epoch: int) -> Path:
        """Return the path of an epoch's grid."""
        return self.samples / f"epoch_{epoch:04d}.png"

    def frames(self) -> list[tuple[int, Path]]:
        """Return (epoch, path) of every grid, in order of epoch; other files are ignored."""
        matches = [
            (re.fullmatch(r"epoch_([0-9]{4,9})\.png", p.name), p) for p in entries(self.samples)
        ]
        return sorted((int(match[1]), path) for match, path in matches if match)

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def status_json(self) -> Path:
        return self.path / "status.json"

    @property
    def metrics_csv(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    def exists(self) -> bool:
        """Return whether the folder contains a `run.json`."""
        return self.run_json.is_file()

    def has_checkpoints(self) -> bool:
        """Return whether there is a checkpoint; a folder named checkpoints alone proves nothing."""
        return any(
            CHECKPOINT_NAME.fullmatch(path.name) and (path / "manifest.json").is_file()
            for path in entries(self.checkpoints)
        )

    def has_run_data(self) -> bool:
        """Return whether this is a run folder, or one whose `run.json` is missing."""
        return self.exists() or self.has_checkpoints()

    def check_contents(self) -> None:
        """Check that the folder contains no links and only regular files where files are expected.

        So nothing outside the folder is read or changed.

        Raises:
            CheckpointError: an entry is a link or of the wrong type.
        """
        files = [self.run_json, self.status_json, self.metrics_csv, self.log]
        files += [self.lock, self.gif, self.real_png, self.real_json, self.evaluation_json]
        files += [self.evaluation_lock, *entries(self.samples)]
        folders = [self.samples, self.checkpoints, self.path / ".hydra"]
        for path in (*files, *folders, *entries(self.checkpoints)):
            if is_link(path):
                raise CheckpointError(f"{path} is a link; replace it with its target")
        for path in files:
            if path.exists() and not path.is_file():
                raise CheckpointError(f"{path} is not a file; move it out of the run folder")
        for path in folders:
            if path.exists() and not path.is_dir():
                raise CheckpointError(f"{path} is not a folder; move it out of the run folder")

    def remove_unless_started(self) -> None:
        """If no run has started, remove log, lock and `.hydra`, and the folder if then empty."""
        if self.has_run_data():
            return
        with contextlib.suppress(OSError):
            for path in (self.log, self.path / ".hydra", self.lock):
                if path.exists():
                    remove(path)
            self.path.rmdir()

    def remove_temporaries(self) -> None:
        """Remove the temporary files of a killed process. The caller must hold the lock."""
        for folder in (self.path, self.samples, self.checkpoints):
            for path in filter(is_temporary, entries(folder)):
                remove(path)
