"""Find files on PYTHONPATH that shadow a library."""

import os
import sys
import traceback
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path


def shadowed_by(error: BaseException) -> str | None:
    """Return a message about a file that shadows a library and may have caused an error.

    Args:
        error: the exception, with its traceback.

    Returns:
        The message, or None if there is no such file.
    """
    entries = {os.path.abspath(e) for e in os.environ.get("PYTHONPATH", "").split(os.pathsep) if e}
    others = [entry for entry in sys.path if entry not in entries]
    for file in _files(error):
        module = file.parent if file.name == "__init__.py" else file
        name = module.name.partition(".")[0]
        if str(module.parent) not in entries or name == "dcgan_cli":
            continue
        if name in sys.stdlib_module_names or PathFinder.find_spec(name, others):
            return (
                f"{file} shadows the library {name}, because PYTHONPATH contains its folder "
                f"({type(error).__name__}: {error}); rename the file, or run dcgan without "
                "PYTHONPATH"
            )
    return None


def _files(error: BaseException) -> Iterator[Path]:
    """Yield the files that an exception names and those in its traceback."""
    about = [error, getattr(error, "obj", None)]  # The module of an AttributeError.
    if isinstance(error, ImportError) and error.name:
        about.append(sys.modules.get(error.name.partition(".")[0]))
    names = [getattr(one, key, None) for one in about for key in ("filename", "path", "__file__")]
    frames = [frame.filename for frame in reversed(traceback.extract_tb(error.__traceback__))]
    for name in (*names, *frames):
        if isinstance(name, str):
            yield Path(os.path.abspath(name))
