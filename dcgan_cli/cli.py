"""The command line. Heavy libraries are imported only by the commands that need them."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dcgan_cli import __version__, plugins
from dcgan_cli.commands.epochs import ALL, parse_epoch
from dcgan_cli.commands.seeds import parse_seeds
from dcgan_cli.core import silence_tensorflow
from dcgan_cli.core.runs.progress import BEST, LAST
from dcgan_cli.core.training.signals import interrupt_on_signals
from dcgan_cli.errors import ConfigError, DcganError, PluginError, storage_error
from dcgan_cli.hints import message_with_hint
from dcgan_cli.hydra_cli.completion import complete_override
from dcgan_cli.hydra_cli.compose import conf_dir
from dcgan_cli.hydra_cli.help import settings_help
from dcgan_cli.hydra_cli.run import run as run_train
from dcgan_cli.shadowing import shadowed_by
from dcgan_cli.streams import flush_output, open_standard_streams
from dcgan_cli.text import printable

CTRL_C = 130

app = typer.Typer(
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
RunWord = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="Run folder; the same as --run."),
]
RunOption = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="DIR",
        help="Run folder, or bundled [default: the newest run; with none, bundled].",
    ),
]
EpochOption = Annotated[
    str | None,
    typer.Option(metavar="E", help="Checkpoint: best, last or an epoch [default: last]."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", is_eager=True, callback=_print_version
        ),
    ] = False,
    plugin: Annotated[
        list[Path] | None,
        typer.Option(
            "--plugin",
            metavar="FILE",
            help="Load a Python file that registers losses, models, data or optimizers. It may "
            "stand anywhere in the command.",
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and TensorFlow's own log.")
    ] = False,
) -> None:
    """Train, sample, animate, evaluate and inspect DCGANs."""


@app.command(context_settings={"ignore_unknown_options": True})
def train(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Settings to change, and Hydra's flags.",
            autocompletion=complete_override,
        ),
    ] = None,
) -> None:
    """Train a DCGAN, in a new folder below runs/. Prints the run folder when it is done.

    Without settings it does what TensorFlow's DCGAN tutorial does: MNIST, 50 epochs, batches of
    256. Ctrl-C saves, and prints the command that resumes.
    """
    from dcgan_cli.commands.train import prepare

    run_train(
        overrides or [], lambda config, fetches: prepare(config, fetches, quiet=not _debugging())
    )


@app.command()
def sample(
    run_name: RunWord = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="grid.png (or .jpg, .webp) for a grid, - for a PNG on standard output, faces.npz "
            "for an array, a folder for single files.",
        ),
    ] = Path("grid.png"),
    n: Annotated[
        int | None, typer.Option("--n", "-n", min=1, max=10_000_000, help="How many [default: 16].")
    ] = None,
    run: RunOption = None,
    epoch: EpochOption = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**62, help="Seed of the first, then counting up.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Their seeds instead of --n, such as 0,3,7-12."),
    ] = None,
    cols: Annotated[int | None, typer.Option(min=1, help="Images in a row of the grid.")] = None,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Class of all images, by number or name; conditional generators only.",
        ),
    ] = None,
) -> None:
    """Draw images from a trained generator. An image depends on its seed alone."""
    from dcgan_cli.commands.arguments import run_word
    from dcgan_cli.commands.sample import GRIDS, sample_images

    if out == Path():
        raise ConfigError("--out is empty; give a file such as grid.png, or a folder")
    if seeds is not None and (seed is not None or n is not None):
        raise ConfigError("--seeds says which and how many: give it without --seed and --n")
    first = seed or 0
    chosen = range(first, first + (n or 16)) if seeds is None else parse_seeds(seeds)
    if cols is not None and out.suffix.lower() not in GRIDS and str(out) != "-":
        raise ConfigError("--cols is for a grid: give --out a name that ends in .png")
    which = parse_epoch(epoch or LAST, BEST, LAST)
    run = run_word("sample", run_name, run)
    sample_images(chosen, out, run, which, cols, class_name, quiet=not _debugging())


@app.command(short_help="Make a GIF of a training, or of a walk.")
def animate(
    run_name: RunWord = None,
    run: RunOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="GIF, MP4 or WebP to make [default: dcgan.gif or walk.gif in the run folder]."
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.1, max=240, help="Frames a second [default: 5, with --walk 20]."),
    ] = None,
    last_frame_seconds: Annotated[
        float, typer.Option(min=0, max=60, help="How long the last frame stays.")
    ] = 2.0,
    walk: Annotated[
        bool, typer.Option("--walk", help="A walk through latent space instead of the training.")
    ] = False,
    epoch: EpochOption = None,
    every: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Show every Nth epoch and the last; 1 for all [default: all that fit in a GIF of "
            "10 MB].",
        ),
    ] = None,
) -> None:
    """Animate a run's training, or a walk through its latent space."""
    from dcgan_cli.commands.animate import animate_run
    from dcgan_cli.commands.arguments import run_word

    if epoch is not None and not walk:
        raise ConfigError(
            "--epoch chooses the generator of a --walk; the training shows all epochs"
        )
    if every is not None and walk:
        raise ConfigError("--every thins out the epochs of a training; a --walk has none")
    which = parse_epoch(epoch or LAST, BEST, LAST)
    run = run_word("animate", run_name, run)
    animate_run(run, out, fps, last_frame_seconds, walk, which, every, quiet=not _debugging())


@app.command(short_help="Measure how good the images are.")
def evaluate(
    run_name: RunWord = None,
    run: RunOption = None,
    epoch: Annotated[
        str | None,
        typer.Option(metavar="E", help="Checkpoint: best, last, all or an epoch [default: last]."),
    ] = None,
    n: Annotated[
        int, typer.Option("--n", "-n", min=6, max=1_000_000, help="Images of each kind to compare.")
    ] = 10_000,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH",
            help="auto, mnist, colour, untrained, inception or a file [default: the run's].",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**62, help="Seed of the first image, then counting up.")
    ] = 0,
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where the training images are, if they were moved."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure the quality and variety of generated images, next to a baseline of real ones."""
    from dcgan_cli.commands.arguments import run_word
    from dcgan_cli.commands.evaluate import evaluate_generator

    which = parse_epoch(epoch or LAST, BEST, LAST, ALL)
    quiet = not _debugging()
    run = run_word("evaluate", run_name, run)
    evaluate_generator(run, which, n, features, seed, data, as_json=json, quiet=quiet)


@app.command(short_help="Say what is in a run or a file.")
def inspect(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Run folder, bundled, sweep, checkpoint, picture, folder of pictures or data file "
            "[default: the newest run]. Several runs are compared.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Contact sheet to make of a folder of pictures."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print the runs of a sweep, or several, as CSV.")
    ] = False,
    curves: Annotated[
        bool, typer.Option("--curves", help="Draw the metrics of a run as large charts.")
    ] = False,
) -> None:
    """Describe a run, a checkpoint, pictures or a data file, and check their integrity."""
    from dcgan_cli.commands.inspect import inspect_target

    inspect_target(targets or [], out, as_json=json, as_csv=csv, curves=curves)


@app.command(short_help="Write a page about a run, or about several.")
def report(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN | SWEEP]...",
            help="Run folder, bundled, or sweep [default: the newest run]. Several are compared.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write [default: report.html in the folder]."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where the training images are, if they were moved."),
    ] = None,
) -> None:
    """Write one HTML file about a run, a sweep or several runs. It needs no network to be read."""
    from dcgan_cli.commands.report import report as write_report

    write_report(targets or [], out, data, quiet=not _debugging())


@app.command(short_help="Pack images into TFRecord files.")
def pack(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Folder of pictures, .npz, .npy or IDX files.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    image_size: Annotated[
        int, typer.Option(min=8, max=1024, help="Width and height that images are brought to.")
    ] = 64,
    channels: Annotated[int, typer.Option(help="1 for grey images, 3 for colour.")] = 3,
    fit: Annotated[str, typer.Option(help="crop, stretch or pad, as data.fit.")] = "crop",
    shard_images: Annotated[int, typer.Option(min=1, help="Images in a file.")] = 4096,
    black: Annotated[
        float, typer.Option(help="With --white: the value in files that becomes black.")
    ] = 0.0,
    white: Annotated[
        float | None,
        typer.Option(help="The value in files that becomes white, as data.white."),
    ] = None,
    pages: Annotated[str, typer.Option(help="first or all, as data.pages.")] = "first",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave files out that cannot be read.")
    ] = False,
) -> None:
    """Pack images into TFRecord files, for training with data=tfrecord."""
    from dcgan_cli.commands.pack import pack_images

    pack_images(
        source,
        out,
        image_size,
        channels,
        fit,
        shard_images,
        black,
        white,
        pages,
        skip_bad=skip_bad,
        quiet=not _debugging(),
    )


@app.command(short_help="Write a generator for other programs.")
def export(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="File to make, in the format of its ending: .keras, .onnx, .tflite, .safetensors, "
            ".html (a page that draws in a browser) or .zip (a run folder); or, without an ending, "
            "a folder that model hubs take.",
        ),
    ],
    run: RunOption = None,
    epoch: EpochOption = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights in float16, in half the space.")
    ] = False,
) -> None:
    """Write a trained generator as a file that loads without this program.

    In each format it maps latent vectors (and labels) to images, uint8.
    """
    from dcgan_cli.commands.export import export_generator

    which = parse_epoch(epoch or LAST, BEST, LAST)
    export_generator(out, run, which, half=half, quiet=not _debugging())


def main() -> None:
    """Run the program and end with its exit code."""
    open_standard_streams()
    sys.exit(run_program(sys.argv[1:]))


def run_program(words: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code: 0, or that of the error whose line is on standard error.
    """
    given = words = words or ["--help"]
    # Wherever it stands among the words: people add it at the end of the line that failed.
    debug = "--debug" in words
    if debug:
        words = ["--debug", *(word for word in words if word != "--debug")]
        os.environ["DCGAN_DEBUG"] = "1"
    if not _debugging():
        silence_tensorflow()
    logging.raiseExceptions = False  # A log file on a full disk is no reason for tracebacks.
    with interrupt_on_signals() as stop:
        try:
            try:
                words = _load_plugins(words, quiet=not debug)
                code = app(words, prog_name="dcgan", standalone_mode=False) or 0
            finally:
                flush_output()
        except KeyboardInterrupt:
            code = CTRL_C  # As Typer has it.
        except Exception as error:
            if stop.signal is None:
                if debug or _debugging():
                    raise
                message, code = _explain(error, given)
                print(f"dcgan: {printable(message)}", file=sys.stderr)
                return code
    if stop.signal is not None:  # Whatever the interruption made a library raise.
        code = 128 + stop.signal
        left = "stopped at once" if stop.at_once else "stopped; nothing is left half-written"
        print(f"dcgan: {stop.signal.name}: {left}", file=sys.stderr)
    elif code == CTRL_C:  # The second, while training was being set up.
        print("dcgan: SIGINT: stopped at once", file=sys.stderr)
    return code


def _load_plugins(words: list[str], *, quiet: bool) -> list[str]:
    """Load the plug-ins of the command line and of installed packages; return the other words."""
    words, files = plugins.take_options(words)
    for warning in plugins.load_installed():
        print(f"warning: {printable(warning)}", file=sys.stderr)
    for file in files:
        plugins.load_file(file, quiet=quiet)
    if {"-h", "--help"} & set(words):  # It lists what the plug-ins have registered, too.
        app.registered_commands[0].epilog = settings_help(conf_dir())
    return words


def _explain(error: Exception, words: list[str]) -> tuple[str, int]:
    """Return the error message and the exit code."""
    if isinstance(error, PluginError):
        return plugins.explain_missing(error, words), error.exit_code
    if isinstance(error, DcganError):
        return message_with_hint(error), error.exit_code
    if hasattr(error, "format_message"):  # Typer's own, of words it cannot use.
        message = " ".join(error.format_message().split()).rstrip(".")
        # The context names the command; it is missing where an option lacks its value.
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "dcgan"
        return f"{message}; see {command} --help", ConfigError.exit_code
    if storage := storage_error(error):
        return str(storage), storage.exit_code
    if blamed := plugins.blame(error):
        return f"{blamed} (in the plug-in; --debug shows more)", ConfigError.exit_code
    if shadowed := shadowed_by(error):
        return shadowed, ConfigError.exit_code
    return f"{type(error).__name__}: {error} (a bug; --debug shows where)", 1


def _debugging() -> bool:
    return bool(os.environ.get("DCGAN_DEBUG"))
