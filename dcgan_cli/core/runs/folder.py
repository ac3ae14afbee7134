"""The run folder: one folder per run, and how each of its text files is read and written."""

import contextlib
from pathlib import Path
from typing import Any

from dcgan_cli import __version__
from dcgan_cli.core.runs.metrics import format_metrics, parse_metrics
from dcgan_cli.core.runs.paths import RunPaths
from dcgan_cli.core.runs.plugins import check_plugins
from dcgan_cli.core.runs.record import check_record
from dcgan_cli.core.storage import (
    entries,
    flush_folder,
    now,
    read_json,
    read_text,
    replacing,
    write_json,
)
from dcgan_cli.errors import CheckpointError, ConfigError, ResumeHint
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import from_dict

FORMAT_VERSION = 1


class RunFolder(RunPaths):
    """The text files of one run: settings and facts, status, metrics."""

    def check_new(self) -> None:
        """Check that a run may begin here.

        Raises:
            ConfigError: there is a run here already, or checkpoints of one.
        """
        if self.exists():
            raise ConfigError(
                f"{self.path} already holds a run; choose another hydra.run.dir",
                ResumeHint(self.path, ", or resume with"),
            )
        if self.has_checkpoints():
            raise ConfigError(
                f"{self.path} holds checkpoints of a run that has lost its run.json; "
                "choose another hydra.run.dir"
            )

    def never_had_checkpoint(self) -> bool:
        """Whether no checkpoint was ever committed here, or begun."""
        begun = any(path.name.startswith("step_") for path in entries(self.checkpoints))
        return not begun and self.status().get("saved_step") is None

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
        write_json(self.run_json, record)
        flush_folder(self.path.parent)

    def update(self, changes: dict[str, Any]) -> None:
        """Change entries of `run.json`."""
        write_json(self.run_json, self.record() | changes)

    def record(self) -> dict[str, Any]:
        """Read `run.json`.

        Raises:
            CheckpointError: it is missing, damaged or of a newer format.
        """
        try:
            record = read_json(self.run_json)
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
                "; its checkpoints are there: put run.json back" if self.has_checkpoints() else ""
            )
            raise CheckpointError(
                f"{self.path} is not a run folder: run.json cannot be read ({error.strerror}){hint}"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{self.run_json} is damaged ({error}); put a copy of it back or use another run"
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
            raise CheckpointError(f"{self.run_json}: {error}") from None
        return config

    def write_status(self, state: str, **facts: Any) -> None:
        """Replace `status.json`.

        Args:
            state: running, finished, interrupted or failed.
            facts: epoch, step, the step of the newest checkpoint, the reason.
        """
        updated = now()
        write_json(self.status_json, {"state": state, **facts, "updated": updated})

    def status(self) -> dict[str, Any]:
        """Read `status.json`; an unreadable one is `{"state": "unknown"}`."""
        try:
            status = read_json(self.status_json)
        except (OSError, ValueError, RecursionError):
            status = None
        if isinstance(status, dict) and isinstance(status.get("state"), str):
            return status
        return {"state": "unknown"}

    def metrics(self) -> list[dict[str, float]]:
        """Read `metrics.csv`, one dictionary an epoch; spoiled lines are passed over."""
        try:
            text = read_text(self.metrics_csv).decode(errors="replace")
        except OSError:
            return []
        return parse_metrics(text)

    def write_metrics(self, rows: list[dict[str, float]]) -> None:
        """Replace `metrics.csv`."""
        with replacing(self.metrics_csv) as stream:
            stream.write(format_metrics(rows).encode())

    def back_up_damaged_metrics(self) -> None:
        """Copy `metrics.csv`, if there is one, to `metrics.csv.damaged` before it is replaced."""
        with contextlib.suppress(FileNotFoundError):
            text = read_text(self.metrics_csv)
            with replacing(self.metrics_csv.with_suffix(".csv.damaged")) as stream:
                stream.write(text)


def shown_path(path: Path) -> Path:
    """Return `path` as people would write it: relative if it is below the current folder."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path
