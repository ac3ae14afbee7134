"""The model card of a hub folder: README.md with a YAML head.

https://huggingface.co/docs/hub/model-cards
"""

import dataclasses
import json
from typing import Any

from dcgan_cli.core.export.facts import without_paths
from dcgan_cli.core.export.formats import HUB_ONNX
from dcgan_cli.core.export.plain import LABEL, LATENT, PlainGenerator
from dcgan_cli.core.runs.find import BUNDLED
from dcgan_cli.core.sampling.sampler import LoadedGenerator
from dcgan_cli.settings.tree import defaults, flatten
from dcgan_cli.text import counted, printable

DATASETS = {
    "mnist": ("ylecun/mnist", "MNIST"),
    "fashion_mnist": ("zalando-datasets/fashion_mnist", "Fashion-MNIST"),
    "cifar10": ("uoft-cs/cifar10", "CIFAR-10"),
}
"""Identifier on the hub, and name, of data sets by the name of their source."""
LICENCE_IDS = {"mnist": "cc-by-sa-3.0"}
"""The hub's identifiers of the licences in `facts.LICENCES`."""
MOST_CLASSES = 100
"""Class names in the card; dcgan.json has all."""


def model_card(generator: PlainGenerator, *, half: bool, has_onnx: bool) -> str:
    """Return the text of the card.

    Values of the run are untrusted: in the head they are JSON, which is YAML too, and in the text
    they are code, in which Markdown and HTML have no meaning.

    Args:
        generator: the exported generator.
        half: whether the weights are stored in float16.
        has_onnx: whether the folder has an ONNX file.
    """
    facts, loaded = generator.facts, generator.loaded
    height, width, channels = facts["image_shape"]
    colour = "grey" if channels == 1 else "colour"
    inputs = f'`"{LATENT}"`: float32 [n, {facts["noise_dim"]}], standard normal'
    if generator.classes:
        inputs += f'; `"{LABEL}"`: int32 [n], 0 to {generator.classes - 1}'
    return "\n".join(
        [
            "---",
            *(f"{name}: {json.dumps(value)}" for name, value in _head(loaded).items()),
            "---",
            "",
            f"# DCGAN generator, {height}x{width} {colour}",
            "",
            f"Run {_code(facts['run'])}, {counted(facts['epoch'], 'epoch')}, "
            f"{counted(facts['step'], 'step')}, model {_code(loaded.config.model.name)}, loss "
            f"{_code(loaded.config.loss.name)}, data {_code(_data_name(loaded))}.",
            "",
            "![Generated images](grid.png)",
            "",
            "## Use",
            "",
            *_code_block(_keras_lines(generator)),
            "",
            *(["The same with ONNX:", "", *_code_block(_onnx_lines(generator)), ""] * has_onnx),
            f"- Input: {inputs}.",
            f'- Output: `"image"`: uint8 [n, {height}, {width}, {channels}], 0 is black.',
            f"- Weights: {'float16, computed with in float32' if half else 'float32'}.",
            *_classes(facts["class_names"]),
            "",
            "## Quality",
            "",
            *_score(loaded),
            "",
            "## Licence",
            "",
            f"{_code(facts['licence'])}",
            "",
            "## Settings",
            "",
            "The settings that differ from the defaults; `dcgan.json` has all.",
            "",
            *_code_block(_changed_settings(loaded), "text"),
            "",
        ]
    )


def _head(loaded: LoadedGenerator) -> dict[str, Any]:
    data = loaded.config.data.name
    head: dict[str, Any] = {
        "license": LICENCE_IDS.get(data, "unknown"),
        "library_name": "keras",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["gan", "dcgan", "image-generation"],
    }
    if data in DATASETS:
        identifier, name = DATASETS[data]
        head["datasets"] = [identifier]
        if score := loaded.checkpoint.score:
            head["model-index"] = [
                {
                    "name": "generator",
                    "results": [
                        {
                            "task": {"type": "unconditional-image-generation"},
                            "dataset": {"type": identifier, "name": name},
                            "metrics": [
                                {
                                    "type": "frechet_distance",
                                    "name": f"Fréchet distance ({score.features} features)",
                                    "value": round(score.frechet_distance, 2),
                                }
                            ],
                        }
                    ],
                }
            ]
    return head


def _score(loaded: LoadedGenerator) -> list[str]:
    if loaded.run == BUNDLED:
        found = loaded.record["bundled"]["score"]
        return [
            f"Fréchet distance {found['frechet_distance']} of {found['samples']:,} samples by "
            f"{_code(found['features'])} features, lower is better. Baseline (held-out real "
            f"images): {found['of_real_images']}."
        ]
    if (score := loaded.checkpoint.score) is None:
        return ["This checkpoint has no score; `dcgan evaluate` computes one, with its baseline."]
    return [
        f"Fréchet distance {score.frechet_distance:.3g} of {score.samples:,} samples by "
        f"{_code(score.features)} features, lower is better. `dcgan evaluate` adds the baseline "
        "(held-out real images) and other figures."
    ]


def _keras_lines(generator: PlainGenerator) -> list[str]:
    return [
        "import keras",
        "import numpy as np",
        "",
        'model = keras.saving.load_model(".")  # or "hf://USER/NAME"',
        *_input_lines(generator),
        'images = np.asarray(model(inputs)["image"])',
    ]


def _onnx_lines(generator: PlainGenerator) -> list[str]:
    return [
        "import numpy as np",
        "import onnxruntime",
        "",
        f'session = onnxruntime.InferenceSession("{HUB_ONNX}")',
        *_input_lines(generator),
        'images = session.run(["image"], inputs)[0]',
    ]


def _input_lines(generator: PlainGenerator) -> list[str]:
    shape = f"(16, {generator.facts['noise_dim']})"
    drawn = f'np.random.default_rng(0).standard_normal({shape}, "float32")'
    if not generator.classes:
        return [f'inputs = {{"{LATENT}": {drawn}}}']
    return [
        f'inputs = {{"{LATENT}": {drawn}}}',
        f'inputs["{LABEL}"] = np.arange(16, dtype="int32") % {generator.classes}',
    ]


def _classes(names: list[str]) -> list[str]:
    if not names:
        return []
    shown = [f"{number} {_code(name)}" for number, name in enumerate(names[:MOST_CLASSES])]
    more = ["..."] * (len(names) > MOST_CLASSES)
    return [f"- Classes: {', '.join([*shown, *more])}."]


def _changed_settings(loaded: LoadedGenerator) -> list[str]:
    config, default = loaded.config, defaults(loaded.config)
    changed = {
        name: value
        for name, value in flatten(without_paths(dataclasses.asdict(config))).items()
        if value != default.get(name)
    }
    return [f"{name}: {json.dumps(value)}" for name, value in changed.items()]


def _data_name(loaded: LoadedGenerator) -> str:
    name = loaded.config.data.name
    return DATASETS[name][1] if name in DATASETS else name


def _code_block(lines: list[str], language: str = "python") -> list[str]:
    return [f"```{language}", *lines, "```"]


def _code(text: str) -> str:
    """Return untrusted text as Markdown code."""
    return f"`{printable(text).replace('`', chr(39))}`"
