"""Measure every export format of some runs, as the table of docs/export.md shows them.

    python scripts/measure_exports.py FOLDER RUN...

Each file is read in a virtual environment that has its runtime and not this program, and its images
are compared with those of `dcgan sample` for the seeds 0 to 63. RUN is a run folder or "bundled".
FOLDER is made for the files and the environments.
"""

import argparse
import subprocess
import sys
import time
import venv
from pathlib import Path

import numpy as np

COUNT = 64
FORMATS = {
    "model.keras": "keras",
    "model.onnx": "onnxruntime",
    "model.tflite": "litert",
    "model.safetensors": "keras",
    "hub": "keras",
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
    print("| run | file | size, MB | seconds | read by | largest difference | values that differ |")
    for number, name in enumerate(arguments.runs):
        files = folder / str(number)
        files.mkdir()
        expected = _sample(name, files)
        for file, environment in FORMATS.items():
            for half in (False, True):
                _measure(name, files, file, folder / environment, expected, half=half)


def _sample(name: str, folder: Path) -> np.ndarray:
    """Return the images of `dcgan sample`, and write the inputs of an exported file."""
    from dcgan_cli import load
    from dcgan_cli.core.sampling.latents import latents

    generator = load(name)
    inputs = {"latent": latents(range(COUNT), generator.noise_dim)}
    if generator.classes:
        inputs["label"] = np.arange(COUNT, dtype=np.int32) % generator.classes
    np.savez(folder / "inputs.npz", **inputs)
    return generator.sample(COUNT)


def _measure(
    name: str, folder: Path, file: str, environment: Path, expected: np.ndarray, *, half: bool
) -> None:
    ending = Path(file).suffix
    path = folder / f"{Path(file).stem}{'_half' if half else ''}{ending}"
    begun = time.perf_counter()
    run(sys.executable, "-m", "dcgan_cli", "export", path, "--run", name, *["--half"] * half)
    seconds = time.perf_counter() - begun
    program = folder / "reader.py"
    program.write_text(BEFORE + READERS[ending] + AFTER)
    run(_python(environment), "-I", program, path, folder / "inputs.npz", folder / "images.npy")
    images = np.load(folder / "images.npy")
    assert (images.dtype, images.shape) == (np.uint8, expected.shape)
    apart = np.abs(images.astype(int) - expected)
    parts = path.rglob("*") if path.is_dir() else [path]
    size = sum(part.stat().st_size for part in parts) / 1e6
    print(
        f"| {name} | {path.name} | {size:.1f} | {seconds:.1f} | {environment.name} | {apart.max()} "
        f"| {np.count_nonzero(apart):,} of {apart.size:,} |",
        flush=True,
    )


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def run(*words: object) -> None:
    """Run a command; its output is shown if it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
