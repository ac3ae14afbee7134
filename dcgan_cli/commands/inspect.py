"""`dcgan inspect`: print the facts about a run, a checkpoint, a picture or a data file."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dcgan_cli.commands.curves import charts, curve
from dcgan_cli.commands.folder_report import render_pictures
from dcgan_cli.commands.targets import Facts, describe_defaults, describe_run, describe_target
from dcgan_cli.console import duration, progress_bar
from dcgan_cli.core.comparison.describe import csv_text, describe_runs
from dcgan_cli.core.runs.find import damaged_run, newest_run, run_folders, run_to_read
from dcgan_cli.core.runs.progress import position
from dcgan_cli.errors import CheckpointError, ConfigError, DataError, UnusablePicturesError
from dcgan_cli.hydra_cli.sweep_table import PIPE_WIDTH, render_sweep, sweep_commands
from dcgan_cli.settings.overrides import shell_word
from dcgan_cli.text import counted, printable, typed


def inspect_target(
    targets: list[str], sheet: Path | None, *, as_json: bool, as_csv: bool, curves: bool
) -> None:
    """Print the facts about a target; without one, about the newest run or the defaults.

    Args:
        targets: what to look at; `data=` may stand before a path. Several runs are compared.
        sheet: where to write the contact sheet of a folder of pictures.
        as_json: whether to print JSON.
        as_csv: whether to print the runs of a comparison as CSV.
        curves: whether to draw the metrics of a run.

    Raises:
        ConfigError: an option does not apply to the target.
        DcganError: the target is nothing that dcgan knows, or a part of it is damaged.
    """
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise ConfigError(f"--out {sheet} must end in .png")
    if as_json + as_csv + curves > 1:
        raise ConfigError("--json, --csv and --curves are three outputs; give one")
    facts = _describe(targets, sheet)
    if sheet is not None and facts["kind"] not in ("image_folder", "tfrecord"):
        raise ConfigError("--out is the contact sheet of pictures; name a folder of them")
    if as_json:
        print(json.dumps(facts, indent=2))
    elif as_csv:
        _print_csv(facts)
    elif curves:
        _print_curves(facts)
    else:
        # Nothing is cut to the 80 columns of a terminal that is not there.
        width = None if sys.stdout.isatty() else PIPE_WIDTH
        console = Console(highlight=False, width=width)
        for part in _render(facts):
            console.print(part, soft_wrap=isinstance(part, Text))
    if damaged := _problems(facts):
        raise CheckpointError(f"damaged: {'; '.join(damaged)}")
    if unusable := facts.get("unusable"):
        raise UnusablePicturesError(
            f"{facts['path']}: {len(unusable):,} of {counted(facts['pictures'], 'image')} cannot "
            "be used"
        )
    if problem := facts.get("problem"):
        raise DataError(problem)


def _describe(targets: list[str], sheet: Path | None) -> Facts:
    if len(targets) > 1:
        return describe_runs(run_folders(targets))
    target = targets[0] if targets else None
    if target not in (None, "latest", "bundled"):
        path = Path(os.path.expanduser(str(target).removeprefix("data=")))
        return describe_target(path, sheet, progress_bar)
    if target is None and newest_run() is None and damaged_run() is None:
        return describe_defaults()
    return describe_run(run_to_read(target or "latest"))


def _print_csv(facts: Facts) -> None:
    if facts["kind"] not in ("sweep", "runs"):
        raise ConfigError(
            "--csv is the table of a sweep or of several runs; a run's own is its metrics.csv"
        )
    print(csv_text(facts), end="")


def _print_curves(facts: Facts) -> None:
    if facts["kind"] != "run":
        raise ConfigError("--curves draws the metrics of one run; dcgan report compares several")
    drawn = list(charts(facts["metrics"]))
    if not drawn:
        raise DataError(f"{facts['path']} has fewer than two epochs to draw; train it longer")
    print("\n\n".join(drawn))


def _problems(facts: Facts) -> list[str]:
    described = [facts, *facts.get("checkpoints", [])]
    return [f"{d['path']}: {problem}" for d in described for problem in d.get("problems", [])]


def _render(facts: Facts) -> Iterator[RenderableType]:
    match facts["kind"]:
        case "run":
            yield from _render_run(facts)
        case "defaults":
            yield Text("No run here yet. `dcgan train` would use:", style="bold")
            yield _pairs({name: typed(value) for name, value in facts["settings"].items()})
            yield from _render_commands(facts["commands"])
        case "checkpoint":
            yield Text(f"checkpoint {printable(facts['path'])}", style="bold")
            yield Text(f"  {printable(_condition(facts))}")
        case "png":
            yield Text(f"picture {printable(facts['path'])}", style="bold")
            yield _pairs({"size": f"{facts['width']} x {facts['height']}, {facts['mode']}"})
            if facts["made_by"] is None:
                yield Text("  it does not say what made it")
            else:
                yield _pairs({key: _short(value) for key, value in facts["made_by"].items()})
        case "sweep" | "runs":
            yield from render_sweep(facts)
            yield from _render_commands(sweep_commands(facts))
        case "file":
            yield Text(f"{printable(facts['path'])}: {facts['what']}", style="bold")
            if "frames" in facts:
                size = f"{facts['width']} x {facts['height']}, {counted(facts['frames'], 'frame')}"
                yield _pairs({"size": size})
            if facts["run"]:
                yield _pairs({"run": facts["run"]})
                run = shell_word(facts["run"])
                yield from _render_commands({"inspect the run": f"dcgan inspect {run}"})
        case "data":
            yield Text(f"data {printable(facts['path'])}", style="bold")
            for split, described in facts["splits"].items():
                yield _pairs({split: _short(described)})
            yield from _render_notes(facts)
            yield from _render_commands(facts["commands"])
        case "image_folder" | "tfrecord":
            yield from render_pictures(facts)
            yield from _render_commands(facts["commands"])
        case _:
            yield Text(f"arrays {printable(facts['path'])}", style="bold")
            yield _pairs({name: _short(array) for name, array in facts["arrays"].items()})
            yield from _render_notes(facts)


def _render_notes(facts: Facts) -> Iterator[Text]:
    """Yield the notes that training would print about the data."""
    for note in (*facts.get("notes", ()), *filter(None, [facts.get("note")])):
        yield Text(f"  {printable(note)}")


def _render_run(facts: Facts) -> Iterator[RenderableType]:
    status = facts["status"]
    yield Text(f"run {printable(facts['path'])}", style="bold")
    if facts["bundled"]:
        yield _pairs({name: _short(value) for name, value in facts["bundled"].items()})
    state = f"{status['state']}, epoch {status.get('epoch')} of {status.get('epochs')}"
    if status.get("reason"):
        state += f" ({status['reason']})"
    yield _pairs(
        {
            "status": state,
            "created": f"{facts['created']} by dcgan {facts['dcgan_version']}",
            "precision": facts["precision"],
            "grids": facts["frames"],
        }
    )
    if facts["health"]:
        yield Text("\nhealth", style="bold")
        yield _pairs({f"{f['kind']} since epoch {f['epoch']}": f["text"] for f in facts["health"]})
        yield _pairs({"advice": "; ".join(sorted({f["advice"] for f in facts["health"]}))})
    yield Text("\nsettings that differ from the defaults", style="bold")
    changed = facts["changed_settings"]
    yield _pairs(
        {
            name: f"{typed(c['value'])} (default {typed(c['default'])})"
            for name, c in changed.items()
        }
        or {"none": "all as in the tutorial"}
    )
    for name, layers in facts["networks"].items():
        yield Text(f"\n{printable(name)}", style="bold")
        yield _layers(layers)
    if facts["metrics"]:
        yield Text("\nmetrics", style="bold")
        yield from _render_metrics(facts["metrics"])
    yield Text("\ncheckpoints", style="bold")
    for checkpoint in facts["checkpoints"]:
        yield Text(f"  {Path(checkpoint['path']).name}  {printable(_condition(checkpoint))}")
    for name in facts["set_aside"]:
        yield Text(f"  {name}  quarantined; delete it if you do not need it")
    if not facts["checkpoints"]:
        yield Text("  none yet")
    yield from _render_commands(facts["commands"])


def _render_metrics(rows: list[dict[str, float]]) -> Iterator[RenderableType]:
    last = rows[-1]
    for name in ("generator_loss", "discriminator_loss", "frechet_distance", "diversity"):
        values = [row[name] for row in rows if name in row]
        if values:
            yield Text(f"  {name:18} {values[-1]:.4f}  {curve(values)}", no_wrap=True)
    seconds = [row["seconds"] for row in rows]
    yield Text(
        f"  {'time':18} {duration(sum(seconds))} in all, {duration(last['seconds'])} for the last "
        f"epoch, {counted(round(last['images_per_second']), 'image')}/s"
    )


def _render_commands(commands: dict[str, str]) -> Iterator[RenderableType]:
    if commands:
        yield Text("\ncommands", style="bold")
    width = max(map(len, commands), default=0)
    for name, command in commands.items():  # As text, which is not broken into lines.
        yield Text(f"  {name:{width}}  {printable(command)}")


def _layers(layers: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    total = {name: sum(layer[name] for layer in layers) for name in ("parameters", "multiply_adds")}
    table.add_column("  layer", "  in all")
    table.add_column("type")
    table.add_column("output")
    table.add_column("parameters", f"{total['parameters']:,}", justify="right")
    table.add_column("multiply-adds", f"{total['multiply_adds']:,}", justify="right")
    for layer in layers:
        shape = " x ".join(map(str, layer["output_shape"]))
        counts = [f"{layer[name]:,}" if layer[name] else "" for name in total]
        texts = [Text(printable(text)) for text in (f"  {layer['name']}", layer["type"], shape)]
        table.add_row(*texts, *counts)
    return table


def _pairs(pairs: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        table.add_row(Text(f"  {printable(name)}"), Text(printable(str(value))))
    return table


def _condition(checkpoint: Facts) -> str:
    problems = "; ".join(checkpoint["problems"])
    state = f"DAMAGED: {problems}" if problems else "verified"
    if "epoch" not in checkpoint:  # Its manifest cannot be used.
        return state
    score = checkpoint["score"]
    said = f", {score['features']} score {score['frechet_distance']:.4g}" if score else ""
    return f"{position(checkpoint)}{said}, {_size(checkpoint['bytes'])}, {state}"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _short(value: object, depth: int = 0) -> str:
    if depth > 3:
        return "..."
    if isinstance(value, dict):
        # A class may be called "".
        pairs = ((str(key) or "''", _short(item, depth + 1)) for key, item in value.items())
        return ", ".join(f"{key} {item}" for key, item in pairs)
    if isinstance(value, list) and len(value) > 20:
        return f"{value[0]} ... {value[-1]} ({len(value)} of them)"
    return str(value)
