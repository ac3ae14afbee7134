"""`dcgan pack`: write a folder of pictures or an array as TFRecord files."""

import os
import sys
from pathlib import Path

from dcgan_cli.console import progress_bar
from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.data.arrays.idx_folder import is_idx_folder
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.core.data.pictures.class_folders import as_written
from dcgan_cli.core.data.pictures.findings import Advice
from dcgan_cli.errors import ConfigError, DataError, UnusablePicturesError
from dcgan_cli.settings.schema import DataConfig
from dcgan_cli.streams import print_path
from dcgan_cli.text import counted, printable


def pack_images(
    source: Path,
    out: Path,
    image_size: int,
    channels: int,
    fit: str,
    shard_images: int,
    black: float,
    white: float | None,
    pages: str,
    *,
    skip_bad: bool,
    quiet: bool,
) -> None:
    """Write the images of `source` to the new folder `out`.

    Raises:
        ConfigError: an option is out of range, or `out` is there and not empty.
        DataError: the images cannot be read.
        OSError: the folder cannot be written.
    """
    source = as_written(source)
    if not source.exists():
        raise DataError(
            f"{source} is not there; name a folder of pictures, an .npz, an .npy or IDX files"
        )
    folder = Path(os.path.abspath(out))
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError(f"{out} is there already; name a new folder")
    pictures = source.is_dir() and not is_idx_folder(source)
    if not pictures and (white is not None or pages != "first"):
        raise ConfigError(f"--white and --pages are for folders of pictures; {source} is not one")
    config = DataConfig(
        name="image_folder" if pictures else "npz",
        path=os.path.abspath(source),
        image_size=image_size,
        channels=channels,
        classes=0,
        fit=fit,
        black=black,
        white=white,
        pages=pages,
        skip_bad=skip_bad,
        cache=False,
    )
    try:
        data = load_training_images(config, progress_bar)
    except UnusablePicturesError as error:
        raise DataError(f"{error.what}; remove them, or skip them with --skip-bad") from error
    for note in data.notes:
        text = _in_options(note) if isinstance(note, Advice) else note
        print(printable(text), file=sys.stderr)
    load_tensorflow(quiet=quiet)
    from dcgan_cli.core.data.records.writing import write_shards

    write_shards(data, folder, shard_images, progress_bar)
    print(counted(len(data.images), "image"), file=sys.stderr)
    print_path(out)


def _in_options(advice: Advice) -> str:
    """Rewrite advice that names settings with this command's options."""
    options = (
        f"--{name.removeprefix('data.')} {value if isinstance(value, str) else f'{value:.15g}'}"
        for name, value in advice.settings.items()
    )
    return f"{advice.text}; {' '.join(options)} {advice.effect}"
