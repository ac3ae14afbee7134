"""`.html`: one page that holds the generator and draws in a browser, without a network.

Its script, style and text are in `live_page/`. Weights are always float16.
"""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from dcgan_cli.core.export.formats import Images
from dcgan_cli.core.export.page_layers import pack, page_layers
from dcgan_cli.core.export.page_reading import open_page
from dcgan_cli.core.export.plain import PlainGenerator

PARTS = Path(__file__).parent / "live_page"
WORKER = ("latents.js", "kernel.js", "network.js", "worker.js")
"""Files of the worker's script, in order."""


def write(generator: PlainGenerator, path: Path, *, half: bool) -> None:
    """Write the page; see `FormatModule`.

    Raises:
        ConfigError: the model has layers that pages do not have.
    """
    layers, weights = pack(page_layers(generator))
    style, script = _part("page.css"), _part("page.js")
    content = {
        "title": html.escape(f"Live generator: {generator.facts['run']}"),
        "policy": _policy(style, script),
        "style": style,
        "page": script,
        "worker": "\n".join(map(_part, WORKER)),
        "generator": _json({**_description(generator), "layers": layers}),
        "weights": base64.b64encode(weights).decode(),
    }
    # All at once, so that a value cannot contain the place of another one.
    page = re.sub(r"{{(\w+)}}", lambda place: content[place[1]], _part("page.html"))
    path.write_bytes(page.encode(errors="backslashreplace"))  # A run's name may be no text.


def open_file(path: Path) -> Images:
    """Return the page's generator, computed by NumPy; see `FormatModule`."""
    return open_page(path)


def _part(name: str) -> str:
    return (PARTS / name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy: nothing but the page's own script and style.

    The worker inherits it. A Blob holds the worker's script, and `wasm-unsafe-eval` is what allows
    WebAssembly (Content Security Policy Level 3, section 6.1.10).
    """

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {digest(script)} 'wasm-unsafe-eval'; "
        f"style-src {digest(style)}; worker-src blob:; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _json(value: Any) -> str:
    """Return JSON that cannot end the script element that holds it."""
    return json.dumps(value).replace("<", "\\u003c")


def _description(generator: PlainGenerator) -> dict[str, Any]:
    facts, config = generator.facts, generator.loaded.config
    height, width, channels = config.image_shape
    colours = "grey" if channels == 1 else "colour"
    parameters = generator.loaded.sampler.generator.count_params()
    return {
        "image": [height, width, channels],
        "noiseDim": config.noise_dim,
        "classes": generator.classes,
        "classNames": list(generator.loaded.class_names),
        "summary": f"{width}x{height} pixels in {colours}, trained on data={config.data.name}, "
        f"epoch {facts['epoch']}",
        "about": {
            "run": str(facts["run"]),
            "epoch": f"{facts['epoch']}",
            "model": f"{config.model.name}, {parameters:,} parameters",
            "weights": "float16 in this page, float32 in the run",
            "licence": facts["licence"],
            "made by": f"dcgan {facts['dcgan_version']}",
        },
        "facts": facts,
    }
