"""The page of one run."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from dcgan_cli.core.report.drawing import Drawings
from dcgan_cli.core.report.embedding import Picture, embed_all, embed_array, embed_file
from dcgan_cli.core.report.rendering import render
from dcgan_cli.core.report.run_charts import run_charts
from dcgan_cli.core.runs.find import title
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.lock import current_status
from dcgan_cli.core.sampling.pictures import grid_picture, open_png
from dcgan_cli.core.training.health import Health
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import VIEW_SETTINGS, defaults, flatten

FRAMES_BUDGET, WALK_BUDGET = 1_400_000, 500_000
"""Bytes of the grids of all epochs, and of the walk, in the page."""
MAX_ROWS = 200
"""Epochs in the table of metrics; of more, every Nth is shown."""
LIVE_PAGES = ("generator.html", "live.html")
"""Names by which a page that holds the generator is found beside the report."""

Facts = dict[str, Any]


def run_page(
    run: RunFolder,
    commands: dict[str, str],
    drawings: Drawings | None = None,
    not_drawn: str = "",
    beside: Path | None = None,
    *,
    training: bool = False,
    kept: dict[tuple[str, int | None], Picture] | None = None,
) -> bytes:
    """Return the page of a run.

    Args:
        run: the run.
        commands: commands to show, by what they make.
        drawings: what was drawn with its generator; None to leave these parts out.
        not_drawn: why nothing was drawn.
        beside: the folder of the report, where a page with the generator may lie.
        training: whether the caller trains the run, so that a browser is to read the page again.
        kept: grids that were encoded before, see `embed_all`.

    Raises:
        CheckpointError: the run's settings cannot be read.
    """
    record, config, status = run.record(), run.config(), current_status(run)
    if training:  # At its start, the status still says how it ended before.
        status |= {"state": "running", "reason": ""}
    rows, real = run.metrics(), run.real_figures()
    findings = _findings(config, rows, real, status)
    frames, newest = _frames(run, kept)
    live = [name for name in LIVE_PAGES if beside is not None and (beside / name).is_file()]
    facts = {
        "name": title(run) if record.get("bundled") else run.path.resolve().name,
        "status": status,
        "record": record,
        "epochs_done": int(rows[-1]["epoch"]) if rows else 0,
        "config": config,
        "changed": _changed(config),
        "networks": _networks(record),
        "rows": _thinned(rows),
        "columns": list(rows[-1]) if rows else [],
        "best": min((r for r in rows if "frechet_distance" in r), key=_score, default=None),
        "charts": run_charts(config, rows, real, findings) if rows else [],
        "real": real,
        "findings": findings,
        "frames": frames,
        "newest": newest,
        "real_picture": _real_picture(run, config, drawings),
        "drawn": _drawn(drawings) if drawings else None,
        "not_drawn": not_drawn,
        "evaluations": _evaluations(run),
        "lineage": _lineage(record),
        "commands": commands,
        "live_page": live[0] if live else None,
    }
    return render("run.html", facts, refresh=training)


def _score(row: dict[str, float]) -> float:
    return row["frechet_distance"]


def _changed(config: TrainConfig) -> list[Facts]:
    default = defaults(config)
    return [
        {"name": name, "value": value, "default": default.get(name)}
        for name, value in flatten(config).items()
        if value != default.get(name) and name not in VIEW_SETTINGS
    ]


def _findings(
    config: TrainConfig, rows: list[dict[str, float]], real: Facts, status: Facts
) -> list[Facts]:
    """Return the health findings of the whole run, also those that have ended.

    They are found again in the metrics. What needs figures that the run does not have is taken from
    its status.
    """
    health = Health(config, real.get("nothing_learned"))
    found: list[Facts] = []
    holding: dict[str, Facts] = {}
    for row in rows:
        health.add(row)
        for kind in set(holding) - set(health.findings):
            holding.pop(kind)["until"] = int(row["epoch"]) - 1
        for kind, finding in health.findings.items():
            if kind not in holding:
                holding[kind] = dataclasses.asdict(finding) | {"until": None}
                holding[kind]["advice"] = finding.advice  # A property, which is no field.
                found.append(holding[kind])
            holding[kind]["text"] = finding.text
    stored = status.get("health")
    for one in stored if isinstance(stored, list) else []:
        known = {finding["kind"] for finding in found}
        if (
            isinstance(one, dict)
            and isinstance(one.get("epoch"), int)
            and one.get("kind") not in known
        ):
            texts = {name: str(one.get(name, "")) for name in ("kind", "text", "advice")}
            found.append({"epoch": one["epoch"], "until": None, **texts})
    found.sort(key=lambda finding: finding["epoch"])
    return [finding | {"number": number} for number, finding in enumerate(found, start=1)]


def _networks(record: Facts) -> list[Facts]:
    """Return the layers of each network, with the width and height of their boxes in pixels."""
    networks = []
    for name, layers in record.get("networks", {}).items():
        boxes = [
            {**layer, **_box(layer["output_shape"])} for layer in layers if layer["multiply_adds"]
        ]
        totals = [sum(layer[key] for layer in layers) for key in ("parameters", "multiply_adds")]
        networks.append({"name": name, "boxes": boxes, "layers": layers, "totals": totals})
    return networks


def _box(shape: Sequence[Any]) -> Facts:
    sizes = [size for size in shape if isinstance(size, int) and 0 < size < 10**9]
    side, depth = (sizes[0], sizes[-1]) if len(sizes) > 1 else (1, sizes[0] if sizes else 1)
    return {
        "shape": " x ".join(map(str, shape)),
        "height": round(16 + 11 * math.log2(side)) if len(sizes) > 1 else 70,
        "width": round(10 + 5 * math.log2(depth)) if len(sizes) > 1 else 12,
    }


def _thinned(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    stride = -(-len(rows) // MAX_ROWS) if rows else 1
    return [row for number, row in enumerate(rows) if number % stride == 0 or row is rows[-1]]


def _frames(
    run: RunFolder, kept: dict[tuple[str, int | None], Picture] | None
) -> tuple[list[Picture], Picture | None]:
    """Return the grids of the epochs, and the newest one to the bit."""
    paths = run.frames()

    def read(number: int) -> Image.Image | None:
        try:
            return open_png(paths[number][1])
        except OSError:
            return None

    frames = embed_all([f"epoch {epoch}" for epoch, _ in paths], read, FRAMES_BUDGET, kept)
    return frames, embed_file(paths[-1][1]) if paths else None


def _real_picture(run: RunFolder, config: TrainConfig, drawings: Drawings | None) -> Picture | None:
    if run.real_png.is_file() and (stored := embed_file(run.real_png)):
        return stored
    if drawings is None or drawings.real is None:
        return None
    return embed_array(drawings.real, config.num_classes or None)


def _drawn(drawings: Drawings) -> Facts:
    walk = [grid_picture(frame) for frame in drawings.walk]
    names = [f"{number + 1} of {len(walk)}" for number in range(len(walk))]
    nearest = drawings.nearest
    pairs = []
    if nearest:
        pairs = [
            {
                "sample": embed_array(nearest.samples[number : number + 1]),
                "neighbour": embed_array(nearest.neighbours[number : number + 1]),
                "distance": distance,
            }
            for number, distance in enumerate(nearest.distances)
        ]
    return {
        "walk": embed_all(names, walk.__getitem__, WALK_BUDGET),
        "classes": [
            {"name": name, "picture": embed_array(images, len(images))}
            for name, images in zip(drawings.class_names, drawings.by_class, strict=True)
        ],
        "nearest": nearest,
        "pairs": pairs,
        "no_data": drawings.no_data,
    }


def _evaluations(run: RunFolder) -> list[Facts]:
    """Return what `dcgan evaluate` measured, newest epoch first, with a row for each class."""
    found = []
    for one in reversed(run.evaluations()):
        names = one.get("class_names", [])
        shares = one.get("class_shares", {})
        count = max([len(names), *map(len, shares.values())], default=0)
        columns = dict(one.get("by_class", {}))
        columns |= {f"share of the {name} images": values for name, values in shares.items()}
        columns = {
            name: values
            for name, values in columns.items()
            if len(values) == count and any(value is not None for value in values)
        }
        names = names if len(names) == count else list(map(str, range(count)))
        found.append({**one, "class_columns": columns, "class_rows": names if columns else []})
    return found


def _lineage(record: Facts) -> list[Facts]:
    """Return the starts of a run as texts; entries that are no dictionaries are left out."""
    names = ("started", "from_step", "dcgan", "tensorflow", "keras", "numpy", "device")
    lineage = [entry for entry in record.get("lineage", []) if isinstance(entry, dict)]
    rows = []
    for entry in lineage:
        changed = entry.get("changed")
        pairs = changed.items() if isinstance(changed, dict) else ()
        texts = [
            f"{name} from {value[0]} to {value[1]}"
            for name, value in pairs
            if isinstance(value, list) and len(value) == 2
        ]
        rows.append({name: str(entry.get(name, "")) for name in names} | {"changed": texts})
    return rows
