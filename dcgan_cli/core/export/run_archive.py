"""`.zip`: a slim run folder, for `dcgan` on another machine.

It holds what the commands that read a run need: settings, metrics, figures, some real images, the
grid and the checkpoint of the epoch, with the generator that is sampled and nothing else.
"""

import contextlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dcgan_cli.core.export.facts import without_paths
from dcgan_cli.core.export.formats import Images
from dcgan_cli.core.export.half import halved
from dcgan_cli.core.export.plain import LABEL, LATENT, PlainGenerator
from dcgan_cli.core.networks.weights import sampled_part
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.find import open_run
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.sampling.sampler import in_float32, load_generator, weights
from dcgan_cli.core.storage import MAX_TEXT_BYTES, read_text, temporary_folder, write_json

RUN = "run"
"""The folder in the archive."""


def write(generator: PlainGenerator, path: Path, *, half: bool) -> None:
    """Write the file; see `FormatModule`."""
    loaded = generator.loaded
    with temporary_folder(path.parent) as folder:
        run = RunFolder(folder / RUN)
        run.samples.mkdir(parents=True)
        run.checkpoints.mkdir()
        write_json(run.run_json, without_paths(loaded.record))
        if loaded.run.status_json.exists():
            status = loaded.run.status()
            status.pop("reason", None)  # Any text, so it may name a path.
            write_json(run.status_json, status)
        found = {
            loaded.run.metrics_csv: run.metrics_csv,
            loaded.run.real_png: run.real_png,
            loaded.run.real_json: run.real_json,
            loaded.run.evaluation_json: run.evaluation_json,
            loaded.run.frame(loaded.facts["epoch"]): run.frame(loaded.facts["epoch"]),
        }
        for source, target in found.items():
            with contextlib.suppress(FileNotFoundError):
                target.write_bytes(read_text(source, MAX_TEXT_BYTES))
        arrays = weights(loaded)
        if half:
            arrays = {name: halved(array) for name, array in arrays.items()}
        saved = loaded.checkpoint
        parts = {sampled_part(loaded.config): arrays}
        checkpoints.save(run.checkpoints, parts, saved.progress, saved.run, saved.score)
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(run.path.rglob("*")):
                archive.write(file, file.relative_to(folder))


def open_file(path: Path) -> Images:
    """Load the run from the archive; see `FormatModule`."""
    with TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        sampler = in_float32(load_generator(open_run(f"{folder}/{RUN}")))

    def images(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        vectors = inputs[LATENT]
        return sampler.render(vectors, inputs.get(LABEL, np.zeros(1)).astype(int).tolist())

    return images
