"""`dcgan report`: write one HTML file about a run, or about several."""

import importlib.util
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_cli.commands.evaluate import training_images
from dcgan_cli.commands.sample import tell_which
from dcgan_cli.commands.targets import against, go_on
from dcgan_cli.console import progress_bar
from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.comparison.describe import describe_runs, describe_sweep
from dcgan_cli.core.runs.find import BUNDLED, run_folders, run_to_read
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.lock import current_status
from dcgan_cli.core.runs.sweeps import SCORE, is_sweep
from dcgan_cli.core.storage import replacing
from dcgan_cli.core.training.reporter import ForwardingReporter
from dcgan_cli.errors import CheckpointError, ConfigError, DataError, DcganError
from dcgan_cli.hints import command, new_run_command, run_word
from dcgan_cli.hydra_cli.sweep_table import sweep_commands
from dcgan_cli.streams import print_path
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from dcgan_cli.core.data.image_set import ImageSet
    from dcgan_cli.core.report.drawing import Drawings
    from dcgan_cli.core.report.embedding import Picture
    from dcgan_cli.core.training.reporter import Reporter, Start

NEEDED = ("jinja2", "matplotlib")
"""Libraries of the extra `report`."""
NAME = "report.html"
WHILE_TRAINING = "the run is training; it is drawn at the end"
STOPPED = "the run has stopped; dcgan report draws it"


def check_installed() -> None:
    """Check that the libraries of the extra `report` are installed.

    Raises:
        ConfigError: they are not.
    """
    blocked = {name: sys.modules.pop(name) for name in NEEDED if sys.modules.get(name, 0) is None}
    try:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    finally:
        sys.modules.update(blocked)
    if missing:
        raise ConfigError(
            f"a report needs {' and '.join(missing)}: pip install 'dcgan-cli[report]'"
        )


def _import_matplotlib() -> None:
    """Import matplotlib, which `__main__` blocks so that Keras does not import it."""
    if sys.modules.get("matplotlib", 0) is None:
        del sys.modules["matplotlib"]
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # It warns if it cannot keep its list of fonts.
    try:
        import matplotlib.font_manager  # noqa: F401
    finally:
        logger.setLevel(level)


def report(targets: list[str], out: Path | None, data_path: str | None, *, quiet: bool) -> None:
    """Write the report of a run, or of several, and print its path.

    Args:
        targets: run folders and sweeps; none for the newest run.
        out: the file; None for report.html in the folder of the run or sweep, if that can be
            written, otherwise in the current folder.
        data_path: where the training images are; None for where they were.
        quiet: whether TensorFlow's own log is kept from the screen.

    Raises:
        ConfigError: `out` has another ending, or the extra is not installed.
        CheckpointError: there is no such run.
    """
    check_installed()
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--out {out} must end in .html")
    folder = Path(os.path.expanduser(targets[0])) if targets else None
    if folder is not None and (len(targets) > 1 or is_sweep(folder)):
        if len(targets) > 1:
            facts, folder = describe_runs(run_folders(targets)), None
        else:
            facts = describe_sweep(folder)
        out = out or _place(folder)
        _write(out, _comparison(facts))
    else:
        run = run_to_read(targets[0] if targets else None)
        out = out or _place(None if run == BUNDLED else run.path)
        _write(out, _run(run, out, data_path, quiet=quiet))
    print_path(shown_path(out))


def _place(folder: Path | None) -> Path:
    if folder is None or not os.access(folder, os.W_OK):
        return Path(NAME)
    return folder / NAME


def _write(out: Path, page: bytes) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as stream:
        stream.write(page)


def _comparison(facts: dict[str, Any]) -> bytes:
    _import_matplotlib()
    from dcgan_cli.core.report.comparison_page import comparison_page

    if not facts["jobs"]:
        raise CheckpointError(f"{facts['path']} has no runs")
    folders = [RunFolder(Path(job["path"])) for job in facts["jobs"]]
    return comparison_page(facts, folders, sweep_commands(facts))


def _run(run: RunFolder, out: Path, data_path: str | None, *, quiet: bool) -> bytes:
    drawings, not_drawn = None, ""
    try:
        load_tensorflow(quiet=quiet)
        data, no_data = None, ""
        try:
            data = training_images(run, run.config().data, data_path, progress_bar)
        except DataError as error:
            if data_path is not None:
                raise
            no_data = str(error)
            print(f"note: {printable(no_data)}", file=sys.stderr)
        drawings = _draw(run, data, no_data)
    except CheckpointError as error:
        not_drawn = str(error)
        print(f"note: {printable(not_drawn)}", file=sys.stderr)
    _import_matplotlib()
    from dcgan_cli.core.report.run_page import run_page

    commands = _commands(run, current_status(run), whole=drawings is not None)
    return run_page(run, commands, drawings, not_drawn, out.absolute().parent)


def _draw(run: RunFolder, data: "ImageSet | None", no_data: str = "") -> "Drawings":
    """Return the drawings of a run's newest checkpoint.

    Raises:
        CheckpointError: there is no intact checkpoint.
    """
    from dcgan_cli.core.report.drawing import draw
    from dcgan_cli.core.sampling.sampler import load_generator

    loaded = load_generator(run)
    tell_which(loaded)
    return draw(loaded, data, no_data)


def _commands(run: RunFolder, status: dict[str, Any], *, whole: bool) -> dict[str, str]:
    """Return the commands that make the run and its pictures again.

    Args:
        run: the run.
        status: its status.
        whole: whether it has an intact checkpoint.
    """
    config = run.config()
    name = f"--run {'bundled' if run == BUNDLED else run_word(run.path)}"
    grid = f"--n {config.num_examples_to_generate} --out grid.png"
    commands = {
        "animate": command("animate", name),
        "sample": command("sample", name, grid),
        "first": command("sample", name, "--n 8 --cols 8 --out samples.png"),
        "classes": command("sample", name, "--class CLASS --n 8 --cols 8 --out class.png"),
        "walk": command("animate", name, "--walk"),
        "evaluate": command("evaluate", name),
    }
    if run == BUNDLED:
        return commands
    if any(SCORE in row for row in run.metrics()):
        commands["best"] = command("sample", name, "--epoch best", grid)
    if again := new_run_command(run, {}):
        commands = {"train": again} | commands
    return commands | go_on(run, config, status, whole=whole) | against(run, status)


class LiveReport(ForwardingReporter):
    """A reporter that also writes a run's report after each epoch.

    Args:
        shown: shows the progress.
        run: the run folder.
    """

    def __init__(self, shown: "Reporter", run: RunFolder) -> None:
        super().__init__(shown)
        self.run = run
        self.kept: dict[tuple[str, int | None], Picture] = {}
        """Encoded grids, so that an epoch's page encodes only the new one."""

    def start(self, start: "Start") -> None:
        """See `Reporter`."""
        super().start(start)
        self.write(training=True)

    def epoch(self, row: dict[str, Any]) -> None:
        """See `Reporter`."""
        super().epoch(row)
        self.write(training=True)

    def write(self, data: "ImageSet | None" = None, *, training: bool = False) -> None:
        """Write the report; a failure is a warning, never the end of a training.

        Args:
            data: the training images, once the run has ended and its generator is to be drawn.
            training: whether the run goes on, so that a browser is to read the page again.
        """
        try:
            _import_matplotlib()
            from dcgan_cli.core.report.run_page import run_page

            status = self.run.status() | ({"state": "running"} if training else {})
            page = run_page(
                self.run,
                _commands(self.run, status, whole=self.run.has_checkpoints()),
                None if data is None else _draw(self.run, data),
                WHILE_TRAINING if training else STOPPED,
                self.run.path,
                training=training,
                kept=self.kept,
            )
            _write(self.run.report_html, page)
        except Exception as error:  # Whatever is wrong with the report, the run is fine.
            known = isinstance(error, DcganError | OSError)
            kind = "" if known else f"{type(error).__name__}: "
            self.note(f"warning: no report: {kind}{' '.join(str(error).split())}")
