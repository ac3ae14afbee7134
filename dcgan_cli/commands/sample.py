"""`dcgan sample`: write a grid, an array, or one file per seed."""

import io
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from dcgan_cli.commands.arguments import choose_run
from dcgan_cli.console import progress_bar
from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.data.pictures.class_folders import composed
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.core.sampling.pictures import (
    OTHER_FORMATS,
    grid_picture,
    to_picture,
    write_picture,
    write_png,
)
from dcgan_cli.core.storage import filling, replacing
from dcgan_cli.errors import ConfigError
from dcgan_cli.streams import print_path, write_bytes
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from dcgan_cli.core.sampling.sampler import LoadedGenerator

GRIDS = (".png", *OTHER_FORMATS)
"""Endings of grids."""
MAX_GRID = 10_000
"""Images in one grid; more makes a picture that programs refuse to open."""

Chunks = Iterable[tuple[Sequence[int], np.ndarray]]


def sample_images(
    seeds: Sequence[int],
    out: Path,
    run_name: str | None,
    epoch: int | str,
    columns: int | None,
    class_name: str | None,
    *,
    quiet: bool,
) -> None:
    """Sample the image of each seed, and write them to `out` in the format of its suffix.

    `-` is a PNG on standard output.

    Raises:
        ConfigError: `out` has an ending that is not offered, a grid would be too large, or the
            generator knows no such class.
        CheckpointError: there is no such run or checkpoint.
    """
    kind = ".png" if str(out) == "-" else out.suffix.lower()
    if kind not in (*GRIDS, ".npz", ""):
        raise ConfigError(
            f"--out {out} must end in {', '.join(GRIDS)} or .npz, be a folder (no ending), or be -"
        )
    if kind in GRIDS and len(seeds) > MAX_GRID:
        raise ConfigError(
            f"a grid holds at most {MAX_GRID:,} images; give --out a folder or an .npz"
        )
    if str(out) == "-" and sys.stdout.isatty():
        raise ConfigError("--out - is for another program, not a terminal; give --out a name")
    run = choose_run("sample", run_name)
    load_tensorflow(quiet=quiet)
    from dcgan_cli.core.sampling.sampler import load_generator

    loaded = load_generator(run, epoch)
    tell_which(loaded)
    classes = loaded.sampler.classes
    label = None
    if class_name is not None:
        label = class_number(class_name, classes, loaded.class_names)
        loaded.facts["class"] = label
        if loaded.class_names:
            loaded.facts["class_name"] = loaded.class_names[label]
    elif columns is None and classes:
        columns = classes
    chunks = loaded.sampler.stream(seeds, label)
    if str(out) == "-":
        png = io.BytesIO()
        _write_grid(png, loaded, chunks, seeds, columns, kind)
        write_bytes(png.getvalue())
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    if kind in GRIDS:
        with replacing(out) as stream:
            _write_grid(stream, loaded, chunks, seeds, columns, kind)
    elif kind == ".npz":
        _write_array(out, chunks, seeds)
    else:
        _write_folder(out, loaded, chunks, seeds)
    print_path(out)


def class_number(asked: str, classes: int, names: Sequence[str], option: str = "--class") -> int:
    """Return the number of a class, given its name or number.

    Args:
        asked: the name or the number.
        classes: number of classes of the generator; 0 if it is unconditional.
        names: what they are called, in order of their numbers; empty if that is not known.
        option: what to call the option in messages.

    Raises:
        ConfigError: there is no such class.
    """
    if not classes:
        raise ConfigError(
            f"{option} {asked}: this generator is not conditional; "
            "train one with model.conditional=true"
        )
    alike = [composed(name) for name in names]  # Old runs have names as their disk wrote them.
    if composed(asked) in alike:
        return alike.index(composed(asked))
    if names and all(name.lstrip("-").isdecimal() for name in names):
        raise ConfigError(f"{option} must be one of {first_names(names)}, got {asked}")
    if asked.isdecimal() and len(asked) < 10 and int(asked) < classes:
        return int(asked)
    named = f", or one of {first_names(names)}," if names else ""
    raise ConfigError(
        f"{option} must be from 0 to {classes - 1}{named} for this generator, got {asked}"
    )


def tell_which(loaded: "LoadedGenerator") -> None:
    """Print the run and checkpoint of the images to standard error."""
    for warning in loaded.warnings:
        print(f"warning: {printable(warning)}", file=sys.stderr)
    print(f"using {printable(loaded.source)}", file=sys.stderr)


def _with_bar(chunks: Chunks, seeds: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (seed, image), with a progress bar."""
    pairs = (pair for chunk, images in chunks for pair in zip(chunk, images, strict=True))
    return progress_bar(pairs, len(seeds), "images")


def _write_grid(
    stream: IO[bytes],
    loaded: "LoadedGenerator",
    chunks: Chunks,
    seeds: Sequence[int],
    columns: int | None,
    ending: str,
) -> None:
    images = np.stack([image for _, image in _with_bar(chunks, seeds)])
    facts = loaded.facts | {"seeds": list(seeds)}
    write_picture(stream, grid_picture(images, columns), facts, ending)


def _write_folder(
    out: Path, loaded: "LoadedGenerator", chunks: Chunks, seeds: Sequence[int]
) -> None:
    with filling(out) as folder:
        for seed, image in _with_bar(chunks, seeds):
            with (folder / f"seed_{seed:06d}.png").open("wb") as stream:
                write_png(stream, to_picture(image), loaded.facts | {"seeds": [seed]})


def _write_array(out: Path, chunks: Chunks, seeds: Sequence[int]) -> None:
    """Write `images` uint8 [N, 28, 28, 1] and `seeds` int64 [N], an image at a time."""
    pairs = _with_bar(chunks, seeds)
    first = next(pairs)[1]
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(seeds), *first.shape)}
    with replacing(out) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_2_0(member, header)
            member.write(first.tobytes())
            for _, image in pairs:
                member.write(image.tobytes())
        with archive.open("seeds.npy", "w") as member:
            np.lib.format.write_array(member, np.asarray(seeds, np.int64), allow_pickle=False)
