"""Run an exported page's own script in Node.js."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np

WORKER = Path(__file__).with_name("worker_in_node.js")


def images_in_node(
    page: Path, seeds: Iterable[int], classes: int, shape: tuple[int, ...]
) -> np.ndarray:
    """Return the pictures of seeds that a page draws, uint8 of the shape [N, H, W, C]."""
    points = [
        {"seeds": [str(seed)] * 4, "x": 0, "y": 0, "label": seed % classes if classes else None}
        for seed in seeds
    ]
    words = ["node", str(WORKER), str(page)]
    done = subprocess.run(words, input=json.dumps(points).encode(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(*shape[:3], 4)[..., : shape[3]]
