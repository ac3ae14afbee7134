"""The charts of a run: losses, score, precision and recall, diversity, time."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dcgan_cli.core.report.charts import Chart, Line, line_chart
from dcgan_cli.settings.registry import entry
from dcgan_cli.settings.schema import TrainConfig

Row = dict[str, float]
Facts = dict[str, Any]


@dataclass(frozen=True)
class Curve:
    """A column of `metrics.csv` in a chart."""

    column: str
    label: str
    baseline: str = ""
    """What the dashed line at the value of held-out real images is called; "" for none."""


@dataclass(frozen=True)
class Panel:
    """A chart and its explanation."""

    title: str
    explanation: str
    curves: tuple[Curve, ...]
    at_least: float | None = None
    at_most: float | None = None
    has_balance: bool = False
    """Whether to show the loss of a discriminator that cannot tell, if the loss has one."""


PANELS = (
    Panel(
        "Losses",
        "The mean of each network's loss over an epoch. The two networks play against each other, "
        "so a falling loss does not mean better images, and neither loss should reach zero. With "
        "the tutorial's loss, a discriminator that cannot tell real from generated images has "
        "1.386 (twice the logarithm of 2) and the generator 0.693. A discriminator near zero is "
        "sure of every image, and the generator then learns little.",
        (
            Curve("generator_loss", "generator"),
            Curve("discriminator_loss", "discriminator"),
        ),
        has_balance=True,
    ),
    Panel(
        "Score",
        "The Fréchet distance between the features of generated and of training images; lower is "
        "better. It measures quality and variety together. The dashed line is the baseline: what "
        "real images score that were not trained on. No generator should be expected below it.",
        (Curve("frechet_distance", "Fréchet distance", "real images"),),
    ),
    Panel(
        "Precision and recall",
        "Precision is the share of generated images that are near a real one: how good they are. "
        "Recall is the share of real images that are near a generated one: how much of the data "
        "they cover. High precision with low recall means good images of few kinds.",
        (Curve("precision", "precision", "real images"), Curve("recall", "recall", "real images")),
        at_least=0,
        at_most=1.02,
    ),
    Panel(
        "Diversity",
        "How much the images differ from each other in their features, and how much contrast they "
        "have, relative to the training images. 1 is as diverse as the data. A sudden fall is a "
        "mode collapse: the generator draws few pictures again and again.",
        (Curve("diversity", "diversity", "real images"), Curve("contrast", "contrast")),
        at_least=0,
    ),
    Panel(
        "Missing classes",
        "The number of classes that the classifier finds in less than a tenth of their share of "
        "the samples. Zero is good.",
        (Curve("missing_classes", "missing classes"),),
        at_least=0,
    ),
    Panel(
        "Distance from the training images",
        "How far the samples are from the nearest training image, relative to other real images. "
        "Near 1 is usual. Below 0.5 the generator copies its training images.",
        (Curve("nearest", "nearest training image"),),
        at_least=0,
    ),
    Panel(
        "Time of an epoch",
        "Seconds of each epoch, with its grid and score.",
        (Curve("seconds", "seconds"),),
        at_least=0,
    ),
)


def run_charts(
    config: TrainConfig, rows: list[Row], real: dict[str, Any], findings: list[Facts]
) -> list[Facts]:
    """Return the charts of a run.

    Args:
        config: its settings.
        rows: the rows of its metrics, at least one.
        real: the content of `real.json`; {} without one.
        findings: health findings with `number` and `epoch`, which are marked.

    Returns:
        For each chart `title`, `explanation`, `svg` and `legend`.
    """
    return [
        _chart(panel, config, rows, real.get("figures", {}), findings)
        for panel in PANELS
        if any(curve.column in row for curve in panel.curves for row in rows)
    ]


def _chart(
    panel: Panel,
    config: TrainConfig,
    rows: list[Row],
    baselines: dict[str, float],
    findings: list[Facts],
) -> Facts:
    lines, levels, legend = [], [], []
    for number, curve in enumerate(panel.curves):
        points = [(row["epoch"], row[curve.column]) for row in rows if curve.column in row]
        if not points:
            continue
        lines.append(Line(points, number))
        legend.append({"colour": number, "label": curve.label, "value": points[-1][1]})
        if curve.baseline and (level := baselines.get(curve.column)) is not None:
            levels.append((level, number))
            label = f"{curve.label}, {curve.baseline}"
            legend.append({"colour": number, "label": label, "value": level, "dashed": True})
    balanced = entry("loss", config.loss.name).draw
    if panel.has_balance and balanced is not None:
        levels.append((balanced, 1))
        label = "discriminator that cannot tell"
        legend.append({"colour": 1, "label": label, "value": balanced, "dashed": True})
    marks = [(finding["epoch"], str(finding["number"])) for finding in findings]
    said = "; ".join(
        f"{curve.label} from {_ends(rows, curve.column)}"
        for curve in panel.curves
        if any(curve.column in row for row in rows)
    )
    chart = Chart(
        alt=f"{panel.title} by epoch: {said}",
        lines=lines,
        levels=levels,
        marks=marks,
        at_least=panel.at_least,
        at_most=panel.at_most,
    )
    svg: Markup = line_chart(chart)
    title, explanation = panel.title, panel.explanation
    return {"title": title, "explanation": explanation, "svg": svg, "legend": legend}


def _ends(rows: list[Row], column: str) -> str:
    values = [(int(row["epoch"]), row[column]) for row in rows if column in row]
    (first, start), (last, end) = values[0], values[-1]
    return f"{start:.4g} in epoch {first} to {end:.4g} in epoch {last}"
