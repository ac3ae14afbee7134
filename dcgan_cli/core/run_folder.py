"""The run folder: one folder per run, and the only module that knows the names of its files."""

import contextlib
import csv
import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_cli import __version__
from dcgan_cli.config import TrainConfig, from_dict
from dcgan_cli.core.storage import flush_folder, now, replacing, write_json
from dcgan_cli.errors import CheckpointError, ConfigError
from dcgan_cli.overrides import override, shell_word

FORMAT_VERSION = 1
RUNS = Path("runs")
LATEST = RUNS / "latest"
RECORDED = {"dcgan_version", "config", "precision", "data_sha256"}
"""What a `run.json` cannot be without."""
METRICS_COLUMNS = [
    "epoch",
    "step",
    "seconds",
    "images_per_second",
    "generator_loss",
    "discriminator_loss",
]


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

    def frame(self, epoch: int) -> Path:
        """Return the path of an epoch's grid."""
        return self.samples / f"epoch_{epoch:04d}.png"

    def frames(self) -> list[tuple[int, Path]]:
        """Return (epoch, path) of every grid there is, in order; other files are passed over."""
        if not self.samples.is_dir():
            return []
        matches = [
            (re.fullmatch(r"epoch_(\d{4,})\.png", p.name), p) for p in self.samples.iterdir()
        ]
        return sorted((int(match[1]), path) for match, path in matches if match)

    def exists(self) -> bool:
        """Whether a run has begun here."""
        return self._run_json.is_file()

    def create(self, config: dict[str, Any], facts: dict[str, Any]) -> None:
        """Begin a run: make the folders and write `run.json`.

        Args:
            config: the settings, as plain dictionaries.
            facts: what else identifies the run (data digest, precision, networks, ...).

        Raises:
            ConfigError: there is a run here already.
        """
        if self.exists():
            raise ConfigError(
                f"{self.path} already holds a run; go on with `{self.resume_command()}` "
                "or choose another hydra.run.dir"
            )
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
        flush_folder(self.path)

    def update(self, changes: dict[str, Any]) -> None:
        """Change entries of `run.json`."""
        write_json(self._run_json, self.record() | changes)

    def record(self) -> dict[str, Any]:
        """Read `run.json`.

        Raises:
            CheckpointError: it is missing, damaged or of a newer format.
        """
        try:
            record = json.loads(self._run_json.read_bytes())
            version = record["format_version"]
            if version > FORMAT_VERSION:
                raise CheckpointError(
                    f"{self.path} was made by dcgan {record.get('dcgan_version')} (format "
                    f"{version}); this is dcgan {__version__} (format {FORMAT_VERSION}): update it"
                )
            if missing := RECORDED - set(record):
                raise ValueError(f"it lacks {', '.join(sorted(missing))}")
            return dict(record)
        except OSError as error:
            raise CheckpointError(
                f"{self.path} is not a run folder: run.json cannot be read ({error.strerror})"
            ) from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CheckpointError(f"{self._run_json} is damaged ({error})") from None

    def config(self) -> TrainConfig:
        """Read the run's settings back, checked like new ones.

        Raises:
            CheckpointError: `run.json` is missing or damaged, or a setting is out of range.
        """
        try:
            config: TrainConfig = from_dict(self.record().get("config"))
        except ConfigError as error:
            raise CheckpointError(f"{self._run_json}: {error}") from None
        return config

    def write_status(self, state: str, **facts: Any) -> None:
        """Replace `status.json`.

        Args:
            state: running, finished, interrupted or failed.
            facts: epoch, step, reason.
        """
        updated = now()
        write_json(self.path / "status.json", {"state": state, **facts, "updated": updated})

    def status(self) -> dict[str, Any]:
        """Read `status.json`; an unreadable one is `{"state": "unknown"}`."""
        try:
            status = json.loads((self.path / "status.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            status = None
        if isinstance(status, dict) and isinstance(status.get("state"), str):
            return status
        return {"state": "unknown"}

    def metrics(self) -> list[dict[str, float]]:
        """Read `metrics.csv`, one dictionary an epoch; spoiled lines are passed over."""
        try:
            text = self._metrics_csv.read_bytes().decode(errors="replace")
        except OSError:
            return []
        header, *lines = text.splitlines(keepends=True) or [""]
        names = header.strip().split(",")
        if names[: len(METRICS_COLUMNS)] != METRICS_COLUMNS:
            return []
        rows = []
        for line in lines:
            values = line.strip().split(",")
            # A last line without its end may lack digits of its last number.
            if not line.endswith("\n") or len(values) != len(names):
                continue
            try:
                row: dict[str, float] = dict(zip(names, map(float, values), strict=True))
                rows.append(row | {"epoch": int(row["epoch"]), "step": int(row["step"])})
            except (ValueError, OverflowError):
                continue
        return rows

    def write_metrics(self, rows: list[dict[str, float]]) -> None:
        """Replace `metrics.csv`."""
        text = io.StringIO()
        writer = csv.DictWriter(text, METRICS_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with replacing(self._metrics_csv) as stream:
            stream.write(text.getvalue().encode())

    def resume_command(self) -> str:
        """Return the command that goes on with this run, as it can be pasted into a shell."""
        return "dcgan train " + shell_word(override("resume", self._name()))

    def option(self) -> str:
        """Return the option that names this run to the reading commands, as it can be pasted."""
        return "--run " + shell_word(self._name())

    def _name(self) -> str:
        """Return the path as a word that names this run: "latest" alone means another."""
        name = str(shown_path(self.path))
        return f"./{name}" if name == "latest" or name.startswith("-") else name

    @property
    def _run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def _metrics_csv(self) -> Path:
        return self.path / "metrics.csv"


def shown_path(path: Path) -> Path:
    """Return `path` as people would write it: relative if it is below the current folder."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path


def point_latest_to(run: RunFolder) -> None:
    """Make `runs/latest` a link to `run`, where the system has links."""
    link = RUNS / f".latest.{os.getpid()}.tmp"
    # Windows needs a privilege for links, and this folder may be protected. `newest_run` manages
    # without, so that is no reason not to train.
    with contextlib.suppress(OSError):
        RUNS.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(run.path.resolve(), RUNS.resolve()))
        os.replace(link, LATEST)
    with contextlib.suppress(OSError):
        link.unlink(missing_ok=True)


def newest_run() -> RunFolder:
    """Return the run that was started last below `runs/` of the current folder.

    Raises:
        CheckpointError: there is none.
    """
    if (LATEST / "run.json").is_file():
        return RunFolder(shown_path(LATEST.resolve()))
    runs = []
    for record in [*RUNS.glob("*/run.json"), *RUNS.glob("*/*/run.json")]:
        run = RunFolder(record.parent)
        with contextlib.suppress(CheckpointError):  # A damaged one hides no other.
            runs.append((str(run.record().get("created")), str(run.path), run))
    if not runs:
        raise CheckpointError("there is no run in ./runs; start one with `dcgan train` or name one")
    return max(runs)[-1]


def open_run(argument: str | None) -> RunFolder:
    """Return the run that a command line names: a folder, "latest", or None for the newest.

    Raises:
        CheckpointError: it is not a run folder.
    """
    if argument is None or argument == "latest":
        return newest_run()
    run = RunFolder(Path(argument))
    run.record()
    return run
