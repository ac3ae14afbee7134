"""The export formats: the ending of a file chooses the module that writes and reads it.

Needs no TensorFlow, so a wrong ending or a missing library is reported at once.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from dcgan_cli.errors import ConfigError

if TYPE_CHECKING:
    from dcgan_cli.core.export.plain import PlainGenerator

Images = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""Maps inputs (see `PlainGenerator.model`) to images, uint8 [n, H, W, C]."""


class FormatModule(Protocol):
    """What the module of a format defines."""

    def write(self, generator: "PlainGenerator", path: Path, *, half: bool) -> None:
        """Write the generator to `path`: a new file, or an empty folder.

        Args:
            generator: what to write.
            path: where; it has the ending of the format.
            half: whether to store the weights in float16.

        Raises:
            ConfigError: the format cannot hold this generator.
        """

    def open_file(self, path: Path) -> Images:
        """Return the written generator as a function, run by the format's own runtime."""


@dataclass(frozen=True)
class Format:
    """An export format."""

    name: str
    """Module in this package."""
    writers: tuple[str, ...] = ()
    """Modules of optional libraries that write it."""
    runtimes: tuple[str, ...] = ()
    """Modules of the libraries that can read it back, in order of preference."""
    extra: str = ""
    """The extra of this program that installs the libraries."""
    parts: tuple[tuple[str, str], ...] = ()
    """Files in a folder that are in another format: name and ending."""

    @property
    def runtime(self) -> str | None:
        """The first runtime that is installed; None if there is none."""
        return next(filter(is_installed, self.runtimes), None)

    def check_installed(self, ending: str) -> None:
        """Check that the libraries that write the format are installed.

        Raises:
            ConfigError: one is missing.
        """
        for library in self.writers:
            if not is_installed(library):
                raise ConfigError(
                    f"{ending} needs {library}, which is not installed: "
                    f"pip install 'dcgan-cli[{self.extra}]'"
                )

    def load(self) -> FormatModule:
        """Import the module."""
        module = importlib.import_module(f"dcgan_cli.core.export.{self.name}")
        return cast(FormatModule, module)


HUB_ONNX = "generator.onnx"
"""The ONNX file in a folder for a model hub."""
FORMATS = {
    ".keras": Format("keras_file", runtimes=("keras",)),
    ".onnx": Format("onnx_file", ("tf2onnx", "onnx"), ("onnxruntime",), "onnx"),
    ".tflite": Format("tflite_file", runtimes=("ai_edge_litert", "tensorflow")),
    ".safetensors": Format("safetensors_file", runtimes=("safetensors",)),
    ".html": Format("html_page", runtimes=("numpy",)),
    ".zip": Format("run_archive", runtimes=("dcgan_cli",)),
    "": Format("hub_folder", runtimes=("keras",), parts=((HUB_ONNX, ".onnx"),)),
}
"""The formats by ending; "" is a folder."""


def is_installed(library: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    return importlib.util.find_spec(library) is not None


def format_of(out: Path) -> Format:
    """Return the format that the ending of `out` chooses.

    Raises:
        ConfigError: the ending is not offered, or a library for it is missing.
    """
    if out == Path():
        raise ConfigError("OUT is empty; give a file such as generator.onnx, or a folder")
    if out.name.lower() in FORMATS:
        named = out.with_name(f"generator{out.name}")
        raise ConfigError(f"{out} is an ending without a name; give one, such as {named}")
    ending = out.suffix.lower()
    if ending not in FORMATS:
        endings = ", ".join(filter(None, FORMATS))
        folder = ", or have no ending for a folder" if "" in FORMATS else ""
        raise ConfigError(f"{out} must end in {endings}{folder}")
    FORMATS[ending].check_installed(ending)
    return FORMATS[ending]
