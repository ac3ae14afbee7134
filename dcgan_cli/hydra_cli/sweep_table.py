"""Table of the jobs of a sweep: differing settings, state, best score."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dcgan_cli.core.comparison.describe import describe_sweep
from dcgan_cli.errors import CheckpointError, SweepError
from dcgan_cli.hints import resume_command
from dcgan_cli.settings.overrides import shell_word
from dcgan_cli.text import counted, printable, typed

PIPE_WIDTH = 160
MOST_SETTINGS = 8
"""Maximum number of settings columns; --json lists all settings."""

Facts = dict[str, Any]


def render_sweep(facts: Facts) -> Iterator[RenderableType]:
    """Yield the parts of the report on a sweep.

    Args:
        facts: the result of `describe_sweep`.
    """
    jobs, names = facts["jobs"], facts["settings"][:MOST_SETTINGS]
    noun = "job" if facts["kind"] == "sweep" else "run"
    title = f"{facts['path']}: " if noun == "job" else ""
    yield Text(f"{printable(title)}{counted(len(jobs), noun)}", style="bold")
    table = _table(f"  {noun}", *names, "state")
    scored = any(job["frechet_distance"] is not None for job in jobs)
    if scored:
        table.add_column("Fréchet distance", justify="right")
        table.add_column("of epoch", justify="right")
    for job in jobs:
        cells = [f"  {job['name']}"]
        cells += [typed(job["settings"].get(name, "")) for name in names]
        cells.append(_state(job))
        if scored:
            score = job["frechet_distance"]
            cells += (
                ["", ""] if score is None else [f"{score:.1f}", str(job["frechet_distance_epoch"])]
            )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    yield table
    for job in jobs:
        if job["reason"]:
            yield Text(printable(f"  {job['name']}: {job['reason']}"))
    yield from _render_comparison(facts)


def _render_comparison(facts: Facts) -> Iterator[RenderableType]:
    """Yield the groups of runs with several seeds, the verdict, and what each setting explains."""
    groups = [group for group in facts["groups"] if group["scores"]]
    names = list(groups[0]["settings"])[:MOST_SETTINGS] if groups else []
    if len(groups) > 1 and any(len(group["scores"]) > 1 for group in groups):
        yield Text("\nseeds together", style="bold")
        table = _table(*_indented(names or ["settings"]), "seeds")
        for column in ("mean", "best", "worst"):
            table.add_column(column, justify="right")
        table.add_column("compared with the best")
        for group in groups:
            cells = _indented([typed(group["settings"][name]) for name in names] or ["these"])
            cells.append(str(len(group["scores"])))
            cells += [f"{group[key]:.1f}" for key in ("mean", "best", "worst")]
            table.add_row(*(Text(printable(cell)) for cell in (*cells, group["standing"])))
        yield table
    if facts["verdict"]:
        yield Text(f"\n{printable(facts['verdict'])}")
    if any(effect["share"] is not None or effect["correlation"] for effect in facts["effects"]):
        yield Text("\nwhat each setting explains", style="bold")
        yield _effects_table(facts["effects"])


def _effects_table(effects: list[Facts]) -> Table:
    table = _table("  setting")
    for column in ("difference of means", "share of the spread", "rank correlation"):
        table.add_column(column, justify="right")
    for effect in effects:
        formats = {"difference": ".1f", "share": ".0%", "correlation": "+.2f"}
        cells = ["" if effect[key] is None else f"{effect[key]:{f}}" for key, f in formats.items()]
        table.add_row(*(Text(printable(cell)) for cell in (f"  {effect['name']}", *cells)))
    return table


def _indented(cells: list[str]) -> list[str]:
    return [f"  {cells[0]}", *cells[1:]]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(Text(printable(column)), overflow="fold")
    return table


def sweep_commands(facts: Facts) -> dict[str, str]:
    """Return commands for the next steps with the best job; without scores, with the first."""
    jobs = [job for job in facts["jobs"] if job["epoch"]]  # A damaged one has none.
    if not jobs:
        return {}
    job = jobs[0]
    word = shell_word(job["path"])
    commands = {
        "sample": f"dcgan sample --run {word} --out grid.png",
        "inspect": f"dcgan inspect {word}",
    }
    if job["epochs"]:
        more = {"epochs": 2 * job["epochs"]}
        commands["train longer"] = resume_command(Path(job["path"]), more)
    return commands


def print_sweep(facts: Facts) -> None:
    """Print the table of a sweep to standard error, and how to train its best job longer."""
    console = Console(
        stderr=True,
        highlight=False,
        width=None if sys.stderr.isatty() else PIPE_WIDTH,
    )
    for part in render_sweep(facts):
        console.print(part, soft_wrap=isinstance(part, Text))
    best = facts["jobs"][0] if facts["jobs"] else None
    if best and best["frechet_distance"] is not None:
        longer = sweep_commands(facts).get("train longer", "")
        console.print(
            Text(f"best: {printable(best['path'])}; train it longer: {longer}"), soft_wrap=True
        )


def name_one(error: SweepError, command: str) -> CheckpointError:
    """Print the jobs of a sweep to standard error, for a command that needs a single run.

    Args:
        error: the error with the sweep folder.
        command: the command up to the name of the run.

    Returns:
        An error whose message shows the command for one of the runs.
    """
    facts = describe_sweep(error.folder)
    print_sweep(facts)
    word = shell_word(facts["jobs"][0]["path"])
    return CheckpointError(f"{error}: {command}{word}")


def _state(job: Facts) -> str:
    if job["state"] == "finished" or not job["epochs"]:
        return str(job["state"])
    return f"{job['state']}, epoch {job['epoch']} of {job['epochs']}"
