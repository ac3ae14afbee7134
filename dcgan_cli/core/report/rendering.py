"""Render a page from a template: one HTML file that loads nothing and escapes every value."""

import base64
import hashlib
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from dcgan_cli import __version__
from dcgan_cli.core.storage import now, read_text
from dcgan_cli.text import counted, printable, typed

TEMPLATES = Path(__file__).resolve().parent / "templates"
REFRESH_SECONDS = 10
"""How often a browser reads the page of a training run again."""


def render(template: str, facts: dict[str, Any], *, refresh: bool = False) -> bytes:
    """Return a page.

    Args:
        template: the name of the template.
        facts: its variables. Every text among them is escaped.
        refresh: whether a browser is to read the page again and again.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "typed": _typed, "counted": counted}
    environment.finalize = _printable
    style, script = (read_text(TEMPLATES / name).decode() for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.get_template(template).render(
        facts,
        style=Markup(style),  # noqa: S704 (both are files of this program)
        script=Markup(script),  # noqa: S704
        script_digest=digest,
        refresh=REFRESH_SECONDS if refresh else None,
        version=__version__,
        written=now(),
    )
    return page.encode(errors="backslashreplace")  # A path may hold bytes that are no text.


def figure(value: float | None) -> str:
    """Return a number with four digits; "-" for None."""
    if value is None:
        return "-"
    if math.isfinite(value) and value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _typed(value: object) -> str:
    return printable(typed(value))


def _printable(value: Any) -> Any:
    """Escape control characters of a text from a run folder; markup of this program stays."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)
