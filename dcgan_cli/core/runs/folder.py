"""Read and write the text files of a run folder."""

import contextlib
from pathlib import Path
from typing import Any

from filelock import FileLock

from dcgan_cli import __version__
from dcgan_cli.core.runs.metrics import format_metrics, parse_metrics
from dcgan_cli.core.runs.paths import RunPaths
from dcgan_cli.core.runs.plugins import changed_plugins, check_plugins
from dcgan_cli.core.runs.record import (
    are_real_figures,
    check_record,
    is_evaluation,
    with_nulls,
)
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
LOCK_SECONDS = 30
"""How long to wait for another process that writes `evaluation.json`, which takes an instant."""


class RunFolder(RunPaths):
    """One run folder: `run.json`, `status.json` and `metrics.csv`."""

    def check_new(self) -> None:
        """Check that a new run can start in this folder.

        Raises:
            ConfigError: the folder already contains a run or checkpoints.
        """
        if self.exists():
            raise ConfigError(
                f"{self.path} already contains a run; choose another hydra.run.dir",
                ResumeHint(self.path, ", or resume with"),
            )
        if self.has_checkpoints():
            raise ConfigError(
                f"{self.path} contains checkpoints of a run whose run.json is missing; "
                "choose another hydra.run.dir"
            )

    def never_had_checkpoint(self) -> bool:
        """Return whether this run has never saved, or started to save, a checkpoint."""
        started = any(path.name.startswith("step_") for path in entries(self.checkpoints))
        return not started and self.status().get("saved_step") is None

    def create(self, config: dict[str, Any], facts: dict[str, Any]) -> None:
        """Create the folders and write `run.json`.

        Args:
            config: the settings, as plain dictionaries.
            facts: what else identifies the run (data digest, precision, networks, ...).

        Raises:
            ConfigError: the folder already contains a run.
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
        """Replace some entries of `run.json`."""
        write_json(self.run_json, self.record() | changes)

    def record(self) -> dict[str, Any]:
        """Return the content of `run.json`.

        Raises:
            CheckpointError: the file is missing or damaged, or has a newer format.
        """
        try:
            record = read_json(self.run_json)
            version = record["format_version"]
            if version > FORMAT_VERSION:
                raise CheckpointError(
                    f"{self.path} was made by dcgan {record.get('dcgan_version')} (format "
                    f"{version}); this is dcgan {__version__} (format {FORMAT_VERSION}); update "
                    "dcgan"
                )
            check_record(record)
            return dict(record)
        except OSError as error:
            hint = "; its checkpoints exist: restore run.json" if self.has_checkpoints() else ""
            raise CheckpointError(
                f"{self.path} is not a run folder: run.json cannot be read ({error.strerror}){hint}"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{self.run_json} is damaged ({error}); restore a copy or use another run"
            ) from None

    def config(self) -> TrainConfig:
        """Return the settings of the run, checked like new ones.

        Raises:
            CheckpointError: `run.json` is missing or damaged, or a setting is out of range.
            PluginError: a plug-in that the run needs is not loaded.
        """
        try:
            record = self.record()
            check_plugins(self.path, record.get("plugins", []))
            config: TrainConfig = from_dict(record.get("config"))
        except ConfigError as error:
            changed = "; ".join(changed_plugins(record.get("plugins", [])))
            reason = f"{error} ({changed})" if changed else str(error)
            raise CheckpointError(f"{self.run_json}: {reason}") from None
        return config

    def write_status(self, state: str, **facts: Any) -> None:
        """Replace `status.json`.

        Args:
            state: running, finished, interrupted or failed.
            facts: other entries, such as epoch, step, saved_step and reason.
        """
        updated = now()
        write_json(self.status_json, {"state": state, **facts, "updated": updated})

    def status(self) -> dict[str, Any]:
        """Return the content of `status.json`; {"state": "unknown"} if it is not readable."""
        try:
            status = read_json(self.status_json)
        except (OSError, ValueError, RecursionError):
            status = None
        if isinstance(status, dict) and isinstance(status.get("state"), str):
            return status
        return {"state": "unknown"}

    def metrics(self) -> list[dict[str, float]]:
        """Return the rows of `metrics.csv`, one dictionary per epoch; corrupt rows are skipped."""
        try:
            text = read_text(self.metrics_csv).decode(errors="replace")
        except OSError:
            return []
        return parse_metrics(text)

    def write_metrics(self, rows: list[dict[str, float]]) -> None:
        """Replace `metrics.csv`."""
        with replacing(self.metrics_csv) as stream:
            stream.write(format_metrics(rows).encode())

    def real_figures(self) -> dict[str, Any]:
        """Return the content of `real.json`; {} if it is missing, damaged or malformed."""
        try:
            facts = read_json(self.real_json)
        except (OSError, ValueError, RecursionError):
            return {}
        return dict(facts) if are_real_figures(facts) else {}

    def evaluations(self) -> list[dict[str, Any]]:
        """Return what `dcgan evaluate` has measured, by epoch; malformed entries are left out."""
        try:
            found = read_json(self.evaluation_json)["evaluations"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return []
        return [one for one in (found if isinstance(found, list) else []) if is_evaluation(one)]

    def add_evaluations(self, evaluations: list[dict[str, Any]]) -> None:
        """Add measurements to `evaluation.json`, in place of earlier ones of the same kind.

        Figures that are not finite become null.

        Args:
            evaluations: as `dcgan evaluate --json` prints them.

        Raises:
            OSError: the file cannot be written.
        """
        with self._evaluations_locked():
            kept = {
                tuple(one[name] for name in ("step", "features", "samples", "first_seed")): one
                for one in [*self.evaluations(), *with_nulls(evaluations)]
            }
            in_order = sorted(kept.values(), key=lambda one: one["step"])
            write_json(self.evaluation_json, {"evaluations": in_order})

    def drop_evaluations(self, after_step: int) -> None:
        """Drop the evaluations of steps that are trained again.

        Raises:
            OSError: the file cannot be written.
        """
        if not self.evaluations():
            return
        with self._evaluations_locked():
            found = self.evaluations()
            kept = [one for one in found if one["step"] <= after_step]
            if len(kept) < len(found):
                write_json(self.evaluation_json, {"evaluations": kept})

    def _evaluations_locked(self) -> FileLock:
        """Return the lock to hold while `evaluation.json` is changed.

        It is not that of the training: a run may be evaluated while it trains.
        """
        return FileLock(self.evaluation_lock, timeout=LOCK_SECONDS, fallback_to_soft=False)

    def back_up_damaged_metrics(self) -> None:
        """Copy `metrics.csv`, if it exists, to `metrics.csv.damaged`."""
        with contextlib.suppress(FileNotFoundError):
            text = read_text(self.metrics_csv)
            with replacing(self.metrics_csv.with_suffix(".csv.damaged")) as stream:
                stream.write(text)


def shown_path(path: Path) -> Path:
    """Return `path` for messages: relative if it is below the current folder."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path
