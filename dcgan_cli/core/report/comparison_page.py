"""The page of a sweep or of several runs."""

import contextlib
import itertools
from typing import Any

from dcgan_cli.core.comparison.groups import SEED
from dcgan_cli.core.report.charts import COLOURS, Chart, Line, line_chart, value_chart
from dcgan_cli.core.report.embedding import embed_file
from dcgan_cli.core.report.rendering import render
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.errors import CheckpointError
from dcgan_cli.settings.tree import VIEW_SETTINGS, defaults, flatten
from dcgan_cli.text import typed

MAX_PICTURES = 60
PICTURE_SIDE, PICTURE_QUALITY = 400, 80
MAX_VALUE_CHARTS = 12
CURVES = (
    ("frechet_distance", "Score by epoch", "The Fréchet distance, lower is better."),
    (
        "generator_loss",
        "Loss of the generator",
        "Losses of different loss functions have different scales. Compare only those of one.",
    ),
    (
        "discriminator_loss",
        "Loss of the discriminator",
        "Near zero, the discriminator is sure of every image and the generator learns little.",
    ),
    ("diversity", "Diversity", "The spread of the samples relative to the data, which has 1."),
)
"""Column, title and explanation of each chart."""

Facts = dict[str, Any]


def comparison_page(facts: Facts, folders: list[RunFolder], commands: dict[str, str]) -> bytes:
    """Return the page of several runs.

    Args:
        facts: the result of `describe_sweep` or `describe_runs`.
        folders: the folder of each of `facts["jobs"]`.
        commands: commands to show, by what they make.
    """
    # Of a damaged run, which may have links to elsewhere, no file is read.
    whole = [job["state"] != "damaged" for job in facts["jobs"]]
    groups = [
        {**group, "name": _name(group["settings"]), "colour": min(number, COLOURS - 1)}
        for number, group in enumerate(facts["groups"])
    ]
    colours = {name: group["colour"] for group in groups for name in group["jobs"]}
    jobs = [
        {**job, "colour": colours.get(job["name"], COLOURS - 1), "figures": _figures(job)}
        for job in facts["jobs"]
    ]
    columns = [
        name
        for name in dict.fromkeys(name for job in jobs for name in job["figures"])
        if any(job["figures"].get(name) is not None for job in jobs)
    ]
    for number, (job, run) in enumerate(zip(jobs, folders, strict=True)):
        job["figures"] = {name: job["figures"].get(name) for name in columns}
        frames = run.frames() if number < MAX_PICTURES and whole[number] else []
        job["picture"] = (
            embed_file(frames[-1][1], PICTURE_SIDE, PICTURE_QUALITY) if frames else None
        )
    rows = [run.metrics() if own else [] for run, own in zip(folders, whole, strict=True)]
    page = {
        "name": facts["path"],
        "verdict": facts["verdict"],
        "scored": any(job["frechet_distance"] is not None for job in jobs),
        "has_seeds": any(len(group["scores"]) > 1 for group in groups),
        "groups": groups,
        "settings": facts["settings"],
        "jobs": jobs,
        "columns": columns,
        "charts": _curves(jobs, rows, groups),
        "effects": [one for one in facts["effects"] if one["difference"] or one["correlation"]],
        "value_charts": _value_charts(jobs, facts["settings"]),
        "common": _common(list(itertools.compress(folders, whole)), facts["settings"]),
        "left_out": max(0, len(jobs) - MAX_PICTURES),
        "commands": commands,
    }
    return render("comparison.html", page)


def _name(settings: Facts) -> str:
    return " ".join(f"{name}={typed(value)}" for name, value in settings.items()) or "all runs"


def _figures(job: Facts) -> Facts:
    """Return the figures of a run's last scored epoch, and those of `dcgan evaluate`."""
    measured = {f"evaluate {name}": value for name, value in job["evaluation"].items()}
    return {**job["last"], **measured}


def _curves(
    jobs: list[Facts], rows: list[list[dict[str, float]]], groups: list[Facts]
) -> list[Facts]:
    charts = []
    for column, title, explanation in CURVES:
        lines = [
            Line([(r["epoch"], r[column]) for r in own if column in r], job["colour"], thin=True)
            for job, own in zip(jobs, rows, strict=True)
        ]
        if not any(line.points for line in lines):
            continue
        # The best runs come last, and so lie above the others.
        svg = line_chart(Chart(f"{title}, one line for each run", lines[::-1]))
        legend = [
            {"colour": group["colour"], "label": group["name"]}
            | ({"value": group["mean"]} if column == "frechet_distance" else {})
            for group in groups[: COLOURS - 1]
        ]
        if len(groups) >= COLOURS:
            legend.append({"colour": COLOURS - 1, "label": "others"})
        charts.append({"title": title, "explanation": explanation, "svg": svg, "legend": legend})
    return charts


def _value_charts(jobs: list[Facts], settings: list[str]) -> list[Facts]:
    """Return a chart of the score over each setting, the seed included."""
    charts = []
    for name in sorted(settings, key=lambda name: name == SEED)[:MAX_VALUE_CHARTS]:
        scored = [
            (job["settings"][name], job["frechet_distance"])
            for job in jobs
            if job["frechet_distance"] is not None and name in job["settings"]
        ]
        if len({str(value) for value, _ in scored}) > 1:
            values, scores = zip(*scored, strict=True)
            svg = value_chart(f"Score of each run over {name}", values, scores)
            charts.append({"title": f"Score over {name}", "svg": svg})
    return charts


def _common(folders: list[RunFolder], differing: list[str]) -> list[Facts]:
    """Return the settings that are the same in all runs and differ from the defaults."""
    config = None
    for run in folders:
        with contextlib.suppress(CheckpointError):  # A damaged run, or one that never started.
            config = run.config()
            break
    if config is None:
        return []
    default = defaults(config)
    return [
        {"name": name, "value": value, "default": default.get(name)}
        for name, value in flatten(config).items()
        if name not in {*differing, *VIEW_SETTINGS} and value != default.get(name)
    ]
