"""Table of the jobs of a sweep: differing settings, state, best score."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dcgan_cli.core.runs.sweeps import describe_sweep
from dcgan_cli.errors import CheckpointError, SweepError
from dcgan_cli.hints import resume_command
from dcgan_cli.hydra_cli.help import shown
from dcgan_cli.settings.overrides import shell_word
from dcgan_cli.text import counted, printable

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
    yield Text(f"{printable(facts['path'])}: {counted(len(jobs), 'job')}", style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("  job", *names, "state"):
        table.add_column(Text(printable(column)), overflow="fold")
    scored = any(job["frechet_distance"] is not None for job in jobs)
    if scored:
        table.add_column("Fréchet distance", justify="right")
        table.add_column("of epoch", justify="right")
    for job in jobs:
        cells = [f"  {job['name']}"]
        cells += [shown(job["settings"].get(name, "")) for name in names]
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


def sweep_commands(facts: Facts) -> dict[str, str]:
    """Return commands for the next steps with the best job; without scores, with the first."""
    jobs = [job for job in facts["jobs"] if job["epoch"]]
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
