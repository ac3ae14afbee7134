"""`plugin`: `--plugin` for a Python program."""

import os

from dcgan_cli.api.arguments import path_text
from dcgan_cli.api.guest import as_guest
from dcgan_cli.plugins import load_file


def plugin(path: "str | os.PathLike[str]") -> None:
    """Run a Python file that registers losses, models, data sources or optimizers.

    Its folder is not added to the import path. A file that is already loaded runs again only if it
    has changed.

    Args:
        path: the file; its name ends in .py.

    Raises:
        ConfigError: the file is missing, is not valid Python, fails, or registers nothing.
    """
    with as_guest():
        load_file(path_text(path, "path"))
