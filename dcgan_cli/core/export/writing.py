"""Write an exported generator, then read it back and compare its images."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_cli.core.export.formats import FORMATS, Format
from dcgan_cli.core.export.plain import PlainGenerator, plain_generator
from dcgan_cli.core.plugin_errors import plugin_errors
from dcgan_cli.core.sampling.sampler import CHUNK, LoadedGenerator, in_float32
from dcgan_cli.core.storage import filling, replacing_path
from dcgan_cli.errors import ConfigError

COMPARED = range(CHUNK)
"""Seeds of the images that are compared."""
LARGEST_DIFFERENCE = 1
"""Grey levels. Runtimes round differently: a value between two levels may become either."""


@dataclass(frozen=True)
class Comparison:
    """An exported file's images beside those of `dcgan sample`."""

    runtime: str
    """Name and version of the library that ran the file."""
    largest: int
    """Largest difference in grey levels."""
    differing: int
    """Number of values that differ."""
    values: int
    """Number of values compared."""


@dataclass(frozen=True)
class Export:
    """What was written."""

    comparisons: tuple[Comparison, ...]
    """One per file that an installed runtime has read back."""
    precision_difference: int
    """Largest difference between float32 and the run's own precision, in grey levels."""


def export(loaded: LoadedGenerator, out: Path, form: Format, *, half: bool = False) -> Export:
    """Write a generator to `out` and check it.

    Args:
        loaded: the generator.
        out: a file, which is replaced, or a folder, which must not exist or be empty.
        form: the format; see `format_of`.
        half: whether to store the weights in float16.

    Raises:
        ConfigError: the format cannot hold this generator, or its images differ by more than one
            grey level; `out` is then as it was.
        OSError: `out` cannot be written.
    """
    generator = plain_generator(loaded)
    reference = in_float32(loaded).sample(COMPARED)
    with _writing(out, is_folder=not out.suffix) as path:
        with plugin_errors(loaded.config.model):
            form.load().write(generator, path, half=half)
        parts = [(path, form), *((path / name, FORMATS[end]) for name, end in form.parts)]
        comparisons = tuple(
            _compare(part, part_form, generator, reference)
            for part, part_form in parts
            if part_form.runtime and part.exists()
        )
        for one in comparisons:
            if one.largest > LARGEST_DIFFERENCE:
                raise ConfigError(
                    f"{out} was not written: {one.runtime} returns images that differ by up to "
                    f"{one.largest} grey levels (at most {LARGEST_DIFFERENCE} is accepted); "
                    f"{'leave --half out' if half else 'choose another format'}"
                )
    own = loaded.sampler.sample(COMPARED)
    return Export(comparisons, int(_difference(own, reference).max()))


@contextmanager
def _writing(out: Path, *, is_folder: bool) -> Iterator[Path]:
    if is_folder and out.is_file():
        raise ConfigError(f"{out} is a file; name a folder, or give it an ending")
    if is_folder:
        if out.exists() and any(out.iterdir()):
            raise ConfigError(f"{out} has files in it; name a folder that is new or empty")
        with filling(out) as folder:
            yield folder
        return
    if out.is_dir():
        raise ConfigError(f"{out} is a folder; name a file")
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing_path(out) as path:
        yield path


def _compare(
    path: Path, form: Format, generator: PlainGenerator, reference: np.ndarray
) -> Comparison:
    runtime = form.runtime
    images = form.load().open_file(path)
    given = generator.inputs(COMPARED)
    many = images(given)
    single = images({name: values[:1] for name, values in given.items()})
    for found, expected in ((many, reference), (single, reference[:1])):
        if found.dtype != np.uint8 or found.shape != expected.shape:
            raise ConfigError(
                f"{runtime} returns {found.dtype} {list(found.shape)} in place of uint8 "
                f"{list(expected.shape)}; choose another format"
            )
    apart = np.concatenate([_difference(many, reference), _difference(single, reference[:1])])
    return Comparison(
        f"{runtime} {importlib.import_module(str(runtime)).__version__}",
        int(apart.max()),
        int(np.count_nonzero(apart)),
        apart.size,
    )


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(np.int16) - other)
