"""The report of `dcgan inspect` on picture files."""

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.text import counted, printable

SHOWN = 10
"""Names that are shown of each kind; --json has them all."""
SHOWN_EQUAL = 4
"""Names that are shown of files that are equal."""


def render_pictures(facts: dict[str, Any]) -> Iterator[RenderableType]:
    """Yield the parts of the report, except for the commands at its end.

    Args:
        facts: as `describe_pictures` returns them.
    """
    usable, coloured = facts["images"], facts["coloured"]
    if facts["kind"] == "image_folder":
        yield Text(f"folder of pictures {printable(facts['path'])}", style="bold")
        where = counted(facts["files"], "file")
    else:
        yield Text(f"TFRecord files {printable(facts['path'])}", style="bold")
        where = f"{counted(facts['pictures'], 'record')} in {counted(facts['files'], 'file')}"
    yield _line("images", f"{usable:,} of {where}, {facts['megabytes']:,} MB")
    if not usable:
        yield from _section("cannot be used", _reasons(facts))
        return
    yield _line("sizes", _sizes(facts["sizes"]))
    yield _line("modes", ", ".join(f"{mode} {n:,}" for mode, n in facts["modes"].items()))
    yield _line("colour", f"{coloured:,} in colour, {usable - coloured:,} grey")
    if classes := facts["classes"]:
        named = [f"{name} {count:,}" for name, count in classes.items()]
        yield _line("classes", f"{len(classes):,}: {printable(first_names(named))}")
    yield from _section("notes", facts["notes"])
    yield from _section("cannot be used", _reasons(facts))
    yield from _section("left alone: not called like an image", facts["other_files"])
    same = [_equal(names) for names in facts["duplicates"]]
    yield from _section("the same file more than once", same)
    suggested = facts["suggested"]
    size, channels = suggested["image_size"], suggested["channels"]
    yield Text(f"\nfor data.image_size={size} data.channels={channels}", style="bold")
    for name, count in facts["changes"].items():
        yield Text(f"  {count:,} {name}")
    if not facts["changes"]:
        yield Text("  all stay as they are")
    yield from _section("risks", facts["risks"])
    if times := facts["step_times"]:
        yield Text("\nsizes that fit, with the time of a step relative to 32x32", style="bold")
        for step_size, time in times.items():
            yield Text(f"  data.image_size={step_size:3}  {time:>3}")
    if "sheet" in facts:
        yield Text(f"\ncontact sheet {printable(facts['sheet'])}", style="bold")


def _line(name: str, text: str) -> Text:
    return Text(f"  {name:8} {text}")


def _reasons(facts: dict[str, Any]) -> list[str]:
    return [f"{name} {problem}" for name, problem in facts["unusable"].items()]


def _sizes(sizes: dict[str, Any]) -> str:
    common = sizes["common"]
    if sizes["different"] == 1:
        return f"all {common[0]['width']}x{common[0]['height']}"
    spans = [" to ".join(map(str, sorted(set(sizes[axis])))) for axis in ("width", "height")]
    top = ", ".join(f"{s['width']}x{s['height']} ({s['images']:,})" for s in common[:3])
    return f"{sizes['different']:,}; {spans[0]} wide, {spans[1]} high; most often {top}"


def _equal(names: list[str]) -> str:
    rest = len(names) - SHOWN_EQUAL
    return " = ".join(names[:SHOWN_EQUAL]) + (f" and {rest:,} more" if rest > 0 else "")


def _section(title: str, lines: list[str]) -> Iterator[Text]:
    if not lines:
        return
    yield Text(f"\n{title} ({len(lines):,})", style="bold")
    for line in lines[:SHOWN]:
        yield Text(f"  {printable(line)}")
    if len(lines) > SHOWN:
        yield Text(f"  and {len(lines) - SHOWN:,} more; --json lists all")
