"""Charts as SVG for a page, drawn with matplotlib. Colours are variables of the page's style."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dcgan_cli.text import printable

WIDTH, HEIGHT = 4.8, 2.9
"""Inches. At 72 units an inch a chart fills the width of a phone at its own size."""
COLOURS = 8
INK, FAINT, ALARM = "#010101", "#010102", "#010103"
"""Placeholder colours, replaced by the CSS variables --ink, --faint and --alarm."""
MANY = 20
"""Points above which lines have no markers."""
LOG_FROM = 30
"""Values whose largest is this many times the smallest are drawn on a logarithmic axis."""
MAX_LABEL = 14
"""Characters of a label on an axis."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dcgan",  # The same picture gives the same text.
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
}

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    points: Points
    colour: int = 0
    """Which of the page's series colours, from 0; `COLOURS` - 1 is the last."""
    dashed: bool = False
    thin: bool = False


@dataclass(frozen=True)
class Chart:
    """What a line chart shows."""

    alt: str
    """What it shows, in words, for screen readers."""
    lines: Sequence[Line]
    levels: Sequence[tuple[float, int]] = ()
    """(value, colour) of horizontal dashed lines, such as baselines."""
    marks: Sequence[tuple[float, str]] = field(default=())
    """(epoch, label) of vertical lines."""
    at_least: float | None = None
    at_most: float | None = None


def line_chart(chart: Chart) -> Markup:
    """Return a line chart as SVG."""
    with mpl.rc_context(STYLE):
        figure, axes = _figure()
        values = [y for line in chart.lines for _, y in line.points]
        levels = [value for value, _ in chart.levels]
        if _spans_magnitudes([*values, *levels]) and chart.at_most is None:
            axes.set_yscale("log")
        for line in chart.lines:
            if line.points:
                _draw(axes, line)
        for value, colour in chart.levels:
            axes.axhline(value, color=series(colour), linestyle=(0, (4, 3)), linewidth=1)
        if chart.at_least is not None and axes.get_yscale() == "linear":
            axes.set_ylim(bottom=chart.at_least, top=chart.at_most)
        for epoch, label in chart.marks:
            axes.axvline(epoch, color=ALARM, linewidth=1)
            axes.annotate(
                label,
                (epoch, 1),
                xytext=(0, 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                color=ALARM,
                ha="center",
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        return _svg(figure, chart.alt)


def value_chart(alt: str, values: Sequence[object], scores: Sequence[float]) -> Markup:
    """Return a chart of each run's score over the value of a setting, as SVG.

    Args:
        alt: what it shows, in words.
        values: the value of each run.
        scores: the score of each run.
    """
    with mpl.rc_context(STYLE):
        figure, axes = _figure()
        numbers = [
            float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)
        ]
        if len(numbers) == len(values) and len(set(numbers)) > 2:
            places = numbers
            if _spans_magnitudes(numbers):
                axes.set_xscale("log")
            elif all(number.is_integer() for number in numbers):
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        else:
            distinct = {str(value): value for value in values}
            names = sorted(distinct, key=lambda name: _order(distinct[name]))
            places = [float(names.index(str(value))) for value in values]
            labels = [_short(name) for name in names]
            axes.set_xticks(range(len(names)), labels, parse_math=False)
            axes.set_xlim(-0.5, len(names) - 0.5)
            if len(names) > 4:
                axes.tick_params(axis="x", rotation=30)
        if _spans_magnitudes(scores):
            axes.set_yscale("log")
        axes.plot(places, scores, "o", color=series(0), alpha=0.8, markersize=6)
        means = {x: [s for p, s in zip(places, scores, strict=True) if p == x] for x in places}
        means_at = sorted((x, sum(own) / len(own)) for x, own in means.items())
        axes.plot(*zip(*means_at, strict=True), color=series(0), linewidth=1, alpha=0.5)
        axes.set_ylabel("Fréchet distance")
        return _svg(figure, alt)


def series(number: int) -> str:
    """Return the colour that stands for the page's series colour of this number."""
    return f"#0102{number % COLOURS:02x}"


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _draw(axes: Axes, line: Line) -> None:
    marker = "o" if len(line.points) <= MANY and not line.thin else None
    if len(line.points) == 1:
        marker = "o"
    axes.plot(
        *zip(*line.points, strict=True),
        color=series(line.colour),
        linestyle="--" if line.dashed else "-",
        linewidth=1 if line.thin else 1.8,
        marker=marker,
        markersize=3.5,
    )


def _spans_magnitudes(values: Sequence[float]) -> bool:
    return len(values) > 1 and min(values) > 0 and max(values) / min(values) >= LOG_FROM


def _order(value: object) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (float("inf"), str(value))


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"


def _svg(figure: Figure, alt: str) -> Markup:
    """Return a figure as SVG to be put into a page."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()[text.getvalue().index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Groups are numbered, so their names repeat from chart to chart. Nothing refers to them.
    svg = re.sub(r' id="[a-zA-Z][\w.]*_\d+"', "", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px system-ui, sans-serif", svg)
    for stand_in, name in ((INK, "ink"), (FAINT, "faint"), (ALARM, "alarm")):
        svg = svg.replace(stand_in, f"var(--{name})")
    svg = re.sub(r"#0102(\d\d)", lambda match: f"var(--s{int(match[1], 16)})", svg)
    svg = re.sub(r"\n\s*", "\n", svg)
    label = Markup('<svg role="img" aria-label="{}" ').format(alt)
    return label + Markup(svg.removeprefix("<svg "))  # noqa: S704 (matplotlib escapes its texts)
