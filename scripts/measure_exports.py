"""Measure every export format of some runs, as the table of docs/export.md shows them.

    python -m scripts.measure_exports FOLDER RUN...

Each file is read in a virtual environment that has its runtime and not this program, a page by
Node.js, and a .zip by this program. The images are compared with those of `dcgan sample` for the
seeds 0 to 63. The seconds are those of `dcgan.load(RUN).export(FILE)`, which reads the file back.
RUN is a run folder or "bundled". FOLDER is made for the files and the environments.
"""

import argparse
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import numpy as np

from dcgan_cli import Generator, load
from dcgan_cli.core.sampling.latents import latents
from tests.core.export.page_in_node import images_in_node

COUNT = 64
NODE, OWN = "Node.js", "dcgan"
FORMATS = {
    "model.keras": "keras",
    "model.onnx": "onnxruntime",
    "model.tflite": "litert",
    "model.safetensors": "keras",
    "hub": "keras",
    "model.zip": OWN,
    "model.html": NODE,
}
"""File and environment of each format."""
ENVIRONMENTS = {
    "keras": ["keras==3.15.1", "tensorflow-cpu==2.21.0", "safetensors"],
    "onnxruntime": ["onnxruntime"],
    "litert": ["ai-edge-litert"],
}
"""The packages in each environment."""
READERS = {
    ".keras": """
import keras
model = keras.saving.load_model(path)
images = np.asarray(model(inputs)["image"])
""",
    ".onnx": """
import onnxruntime
images = onnxruntime.InferenceSession(path).run(["image"], inputs)[0]
""",
    ".tflite": """
from ai_edge_litert.interpreter import Interpreter
images = Interpreter(path).get_signature_runner()(**inputs)["image"]
""",
    ".safetensors": """
import keras
from safetensors import safe_open
with safe_open(path, "numpy") as file:
    model = keras.models.model_from_json(file.metadata()["keras"])
    for variable in model.variables:
        variable.assign(file.get_tensor(variable.path))
images = np.asarray(model(inputs)["image"])
""",
}
READERS[""] = READERS[".keras"]
"""How a file is read, by its ending. docs/export.md has the same lines."""
BEFORE = """
import importlib.util, sys
import numpy as np
assert importlib.util.find_spec("dcgan_cli") is None
path, given, out = sys.argv[1:]
inputs = dict(np.load(given))
"""
AFTER = "np.save(out, images)"


def main() -> None:
    """Print a row per file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("runs", nargs="+")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    for name, packages in ENVIRONMENTS.items():
        if not (folder / name).exists():
            venv.create(folder / name, with_pip=True)
            run(_python(folder / name), "-m", "pip", "install", "-q", *packages)
        print(name, run(_python(folder / name), "-m", "pip", "freeze").split(), file=sys.stderr)
    print("| run | file | size, MB | seconds | read by | largest difference | values that differ |")
    for number, name in enumerate(arguments.runs):
        files = folder / str(number)
        files.mkdir()
        generator = load(name)
        expected = generator.sample(COUNT)
        np.savez(files / "inputs.npz", **_inputs(generator))
        for file, environment in FORMATS.items():
            for half in (False, True) if file != "model.html" else (False,):
                path = files / f"{Path(file).stem}{'_half' * half}{Path(file).suffix}"
                begun = time.perf_counter()
                generator.export(path, half=half)
                seconds = time.perf_counter() - begun
                images = _read(path, folder, environment, generator, expected.shape)
                assert (images.dtype, images.shape) == (np.uint8, expected.shape)
                apart = np.abs(images.astype(int) - expected)
                parts = path.rglob("*") if path.is_dir() else [path]
                size = sum(part.stat().st_size for part in parts) / 1e6
                print(
                    f"| {name} | {path.name} | {size:.2f} | {seconds:.1f} | {environment} "
                    f"| {apart.max()} | {np.count_nonzero(apart):,} of {apart.size:,} |",
                    flush=True,
                )


def _inputs(generator: Generator) -> dict[str, np.ndarray]:
    """Return the inputs of an exported file that give the first images of `dcgan sample`."""
    inputs = {"latent": latents(range(COUNT), generator.noise_dim)}
    if generator.classes:
        inputs["label"] = np.arange(COUNT, dtype=np.int32) % generator.classes
    return inputs


def _read(
    path: Path, folder: Path, environment: str, generator: Generator, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the images of a file."""
    if environment == NODE:
        return images_in_node(path, range(COUNT), generator.classes, shape)
    if environment == OWN:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(path.with_suffix(""))
        return load(path.with_suffix("") / "run").sample(COUNT)
    program, images = path.parent / "reader.py", path.parent / "images.npy"
    program.write_text(BEFORE + READERS[path.suffix] + AFTER)
    run(_python(folder / environment), "-I", program, path, path.parent / "inputs.npz", images)
    return np.load(images)


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def run(*words: object) -> str:
    """Run a command and return what it prints; its errors are shown if it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
