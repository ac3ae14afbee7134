"""Make the bundled generator from a finished run.

    python scripts/make_generator.py RUN dcgan_cli/assets/generators/mnist-1

The result is a run folder for all commands that read runs. It contains one checkpoint, by default
the best, with only the generator that is sampled, in float16, which halves the size. Under
"bundled", its `run.json` records the training command, the commit, the score and the licence. The
sample grids of the run are copied too.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.find import open_run
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.storage import write_json

LICENCE = (
    "CC BY-SA 3.0, as MNIST, from which it was made (dcgan_cli/assets/mnist/LICENSE.txt); "
    "its code is under the MIT license"
)
COUNT = 10_000
"""Number of images in the score."""


def main() -> None:
    """Copy the generator, evaluate it and write its record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="the finished run")
    parser.add_argument("folder", type=Path, help="the folder to create; must not exist")
    parser.add_argument("--epoch", default="best", help="checkpoint: best, last or an epoch")
    parser.add_argument("--commit", default="HEAD", help="the commit that trained the run")
    arguments = parser.parse_args()
    load_tensorflow()
    from dcgan_cli.core.networks.weights import sampled_part
    from dcgan_cli.core.runs.choose import choose_checkpoint

    run, made = open_run(arguments.run), RunFolder(arguments.folder)
    epoch = int(arguments.epoch) if arguments.epoch.isdecimal() else arguments.epoch
    checkpoint, _ = choose_checkpoint(run, epoch)
    part = sampled_part(run.config())
    arrays = {name: array.astype(np.float16) for name, array in checkpoint.load(part).items()}

    made.checkpoints.mkdir(parents=True)
    checkpoints.save(
        made.checkpoints, {part: arrays}, checkpoint.progress, checkpoint.run, checkpoint.score
    )
    for name in ("status.json", "metrics.csv"):
        shutil.copy(run.path / name, made.path)
    shutil.copytree(run.samples, made.samples)
    record = run.record() | {"precision": "float32"}
    write_json(made.path / "run.json", record)
    bundled = {
        "command": f"dcgan train {' '.join(_overrides(run))}",
        "commit": _git("rev-parse", arguments.commit),
        "score": _score(made),
        "licence": LICENCE,
    }
    write_json(made.path / "run.json", record | {"bundled": bundled})
    print(json.dumps(bundled, indent=2))


def _overrides(run: RunFolder) -> list[str]:
    """Return the run's command-line overrides, without its output folder."""
    words = OmegaConf.load(run.path / ".hydra" / "overrides.yaml")
    return [str(word) for word in words if not str(word).startswith("hydra.")]


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _score(made: RunFolder) -> dict[str, object]:
    words = ["evaluate", "--run", str(made.path), "--n", str(COUNT), "--json"]
    command = [sys.executable, "-m", "dcgan_cli", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    facts = json.loads(done.stdout)
    distance = facts["figures"]["frechet_distance"]
    return {
        "frechet_distance": round(distance["value"], 2),
        "of_real_images": round(distance["floor"], 2),
        "features": facts["features"],
        "samples": facts["samples"],
    }


if __name__ == "__main__":
    main()
