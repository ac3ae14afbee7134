"""The folder of the files in the package: MNIST, a trained generator, classifiers."""

import importlib.resources
from pathlib import Path

ASSETS = Path(str(importlib.resources.files("dcgan_cli"))) / "assets"
