"""The run folder: one folder per run, and the only module that knows the names of its files."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_cli import __version__
from dcgan_cli.core.runs.metrics import format_metrics, parse_metrics
from dcgan_cli.core.runs.plugins import check_plugins
from dcgan_cli.core.runs.progress import CHECKPOINT_NAME
from dcgan_cli.core.runs.record import check_record
from dcgan_cli.core.storage import (
    entries,
    flush_folder,
    is_link,
    is_temporary,
    now,
    read_json,
    read_text,
    remove,
    replacing,
    write_json,
)
from dcgan_cli.errors import CheckpointError, ConfigError, WayOn
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import from_dict

FORMAT_VERSION = 1


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run, and how each of its text files is read and written."""

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
    def log(self) -> Path:
        return self.path / "train.log"

    @property
    def lock(self) -> Path:
        return self.path / "run.lock"

    def frame(self, epoch: int) -> Path:
        """Return the path of an epoch's grid."""
        return self.samples / f"epoch_{epoch:04d}.png"

    def frames(self) -> list[tuple[int, Path]]:
        """Return (epoch, path) of every grid there is, in order; other files are passed over."""
        matches = [
            (re.fullmatch(r"epoch_([0-9]{4,9})\.png", p.name), p) for p in entries(self.samples)
        ]
        return sorted((int(match[1]), path) for match, path in matches if match)

    def exists(self) -> bool:
        """Whether a run has begun here."""
        return self._run_json.is_file()

    def _has_checkpoints(self) -> bool:
        """Whether there is a checkpoint that was committed; other programs have such folders."""
        return any(
            CHECKPOINT_NAME.fullmatch(path.name) and (path / "manifest.json").is_file()
            for path in entries(self.checkpoints)
        )

    def looks_like_one(self) -> bool:
        """Whether this is a run folder, or was one before it lost its `run.json`."""
        return self.exists() or self._has_checkpoints()

    def check_new(self) -> None:
        """Check that a run may begin here.

        Raises:
            ConfigError: there is a run here already, or checkpoints of one.
        """
        if self.exists():
            raise ConfigError(
                f"{self.path} already holds a run; choose another hydra.run.dir",
                WayOn(self.path, ", or go on with"),
            )
        if self._has_checkpoints():
            raise ConfigError(
                f"{self.path} holds checkpoints of a run that has lost its run.json; "
                "choose another hydra.run.dir"
            )

    def check_own(self) -> None:
        """Check that everything in the folder is its own, so that using it reaches nothing else.

        Raises:
            CheckpointError: a part of it is a link, or no file where a file should be.
        """
        files = [self._run_json, self._status_json, self._metrics_csv, self.log]
        files += [self.lock, self.gif, *entries(self.samples)]
        folders = [self.samples, self.checkpoints, self.path / ".hydra"]
        for path in (*files, *folders, *entries(self.checkpoints)):
            if is_link(path):
                raise CheckpointError(f"{path} is a link; put what it leads to in its place")
        for path in files:
            if path.exists() and not path.is_file():
                raise CheckpointError(f"{path} is not a file; move it out of the run folder")
        for path in folders:
            if path.exists() and not path.is_dir():
                raise CheckpointError(f"{path} is not a folder; move it out of the run folder")

    def never_saved(self) -> bool:
        """Whether no checkpoint was ever committed here, or begun."""
        begun = any(path.name.startswith("step_") for path in entries(self.checkpoints))
        return not begun and self.status().get("saved_step") is None

    def remove_unless_begun(self) -> None:
        """Remove what was made before the run itself, and the folder if it holds nothing else."""
        if self.looks_like_one():
            return
        with contextlib.suppress(OSError):
            for path in (self.log, self.path / ".hydra", self.lock):
                if path.exists():
                    remove(path)
            self.path.rmdir()

    def remove_temporaries(self) -> None:
        """Remove what a killed process was writing. For the holder of the lock alone."""
        for folder in (self.path, self.samples, self.checkpoints):
            for path in filter(is_temporary, entries(folder)):
                remove(path)

    def create(self, config: dict[str, Any], facts: dict[str, Any]) -> None:
        """Begin a run: make the folders and write `run.json`.

        Args:
            config: the settings, as plain dictionaries.
            facts: what else identifies the run (data digest, precision, networks, ...).

        Raises:
            ConfigError: there is a run here already.
        """
        self.check_new()
        self.samples.mkdir(parents=True, exist_ok=True)
        self.checkpoints.mkdir(exist_ok=True)
        record = {
            "format_version": FORMAT_VERSION,
            "dcgan_version": __version__,
            "created": now(),
            "config": config,
            **facts,
        }
        write_json(self._run_json, record)
        flush_folder(self.path.parent)

    def update(self, changes: dict[str, Any]) -> None:
        """Change entries of `run.json`."""
        write_json(self._run_json, self.record() | changes)

    def record(self) -> dict[str, Any]:
        """Read `run.json`.

        Raises:
            CheckpointError: it is missing, damaged or of a newer format.
        """
        try:
            record = read_json(self._run_json)
            version = record["format_version"]
            if version > FORMAT_VERSION:
                raise CheckpointError(
                    f"{self.path} was made by dcgan {record.get('dcgan_version')} (format "
                    f"{version}); this is dcgan {__version__} (format {FORMAT_VERSION}): update it"
                )
            check_record(record)
            return dict(record)
        except OSError as error:
            hint = (
                "; its checkpoints are there: put run.json back" if self._has_checkpoints() else ""
            )
            raise CheckpointError(
                f"{self.path} is not a run folder: run.json cannot be read ({error.strerror}){hint}"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{self._run_json} is damaged ({error}); put a copy of it back or use another run"
            ) from None

    def config(self) -> TrainConfig:
        """Read the run's settings back, checked like new ones.

        Raises:
            CheckpointError: `run.json` is missing or damaged, or a setting is out of range.
            PluginError: a plug-in that the run was made with is not loaded.
        """
        try:
            record = self.record()
            check_plugins(self.path, record.get("plugins", []))
            config: TrainConfig = from_dict(record.get("config"))
        except ConfigError as error:
            raise CheckpointError(f"{self._run_json}: {error}") from None
        return config

    def write_status(self, state: str, **facts: Any) -> None:
        """Replace `status.json`.

        Args:
            state: running, finished, interrupted or failed.
            facts: epoch, step, the step of the newest checkpoint, the reason.
        """
        updated = now()
        write_json(self._status_json, {"state": state, **facts, "updated": updated})

    def status(self) -> dict[str, Any]:
        """Read `status.json`; an unreadable one is `{"state": "unknown"}`."""
        try:
            status = read_json(self._status_json)
        except (OSError, ValueError, RecursionError):
            status = None
        if isinstance(status, dict) and isinstance(status.get("state"), str):
            return status
        return {"state": "unknown"}

    def metrics(self) -> list[dict[str, float]]:
        """Read `metrics.csv`, one dictionary an epoch; spoiled lines are passed over."""
        try:
            text = read_text(self._metrics_csv).decode(errors="replace")
        except OSError:
            return []
        return parse_metrics(text)

    def write_metrics(self, rows: list[dict[str, float]]) -> None:
        """Replace `metrics.csv`."""
        with replacing(self._metrics_csv) as stream:
            stream.write(format_metrics(rows).encode())

    def keep_spoiled_metrics(self) -> None:
        """Copy `metrics.csv`, if there is one, to `metrics.csv.damaged` before it is replaced."""
        with contextlib.suppress(FileNotFoundError):
            text = read_text(self._metrics_csv)
            with replacing(self._metrics_csv.with_suffix(".csv.damaged")) as stream:
                stream.write(text)

    @property
    def _run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def _status_json(self) -> Path:
        return self.path / "status.json"

    @property
    def _metrics_csv(self) -> Path:
        return self.path / "metrics.csv"


def shown_path(path: Path) -> Path:
    """Return `path` as people would write it: relative if it is below the current folder."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path
