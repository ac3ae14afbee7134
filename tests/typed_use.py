"""What mypy knows of `import dcgan_cli`. It is checked, never run."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import dcgan_cli as dcgan


def use() -> None:
    run = assert_type(dcgan.train("epochs=2", progress=False), dcgan.Run)
    assert_type(run.settings, dict[str, Any])
    assert_type(run.metrics, list[dict[str, float]])
    assert_type(run.checkpoints, list[dcgan.Checkpoint])
    assert_type(run.checkpoints[0].score, float | None)
    assert_type(run.samples, list[Path])
    generator = assert_type(dcgan.load(run, "best"), dcgan.Generator)
    images = assert_type(generator.sample(4, label="cat"), npt.NDArray[np.uint8])
    assert_type(generator.render(np.zeros((1, 100))), npt.NDArray[np.uint8])
    assert_type(dcgan.save_grid(images, "grid.png"), Path)
    assert_type(dcgan.evaluate(run, samples=100), dict[str, Any])
    assert_type(dcgan.ConfigError.exit_code, int)
