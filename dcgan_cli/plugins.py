"""Load plug-ins: files given with `--plugin`, and installed packages.

No other code is imported. A run folder only names the plug-ins that it needs.
"""

import ast
import hashlib
import json
import os
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.plugin_errors import innermost_frame
from dcgan_cli.errors import ConfigError, PluginError
from dcgan_cli.settings.registry import Origin, registering, remove

ENTRY_POINTS = "dcgan.plugins"
OPTION = "--plugin"
HEAVY = {"tensorflow", "keras"}

_files: dict[Path, Origin] = {}
"""Loaded files by absolute path."""
_installed: set[tuple[str, str]] = set()
"""Loaded entry points, by package and name."""


def take_options(words: list[str]) -> tuple[list[str], list[Path]]:
    """Return a command line without its `--plugin FILE` options, and their files.

    Returns:
        The other words, and the files.

    Raises:
        ConfigError: the option has no file.
    """
    rest: list[str] = []
    files: list[Path] = []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if name != OPTION:
            rest.append(word)
            continue
        value = value if equals else next(left, "")
        if not value:
            raise ConfigError(f"{OPTION} needs a file: {OPTION} my_gan.py")
        files.append(Path(os.path.expanduser(value)))
    return rest, files


def load_file(path: str | os.PathLike[str], *, quiet: bool = True) -> None:
    """Run a Python file that registers losses, models, data sources, optimizers or trackers.

    Its folder is not added to the import path. A file that is already loaded runs again only if it
    has changed.

    Args:
        path: the file.
        quiet: whether to suppress TensorFlow's log if the file imports TensorFlow.

    Raises:
        ConfigError: the file is missing, is not valid Python, fails, or registers nothing; or its
            name does not end in .py.
    """
    path = Path(path).expanduser().absolute()
    if path.suffix != ".py":  # A run folder records the name, and names of other kinds are refused.
        raise ConfigError(f"{OPTION} {path}: the name of a plug-in file must end in .py; rename it")
    try:
        content = path.read_bytes()
        tree = ast.parse(content, str(path))
    except OSError as error:
        raise ConfigError(f"{OPTION} {path} is not readable: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path.name} line {line}" if line else path.name
        raise ConfigError(f"{where}: {getattr(error, 'msg', error)}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    origin = Origin(path.name, sha256=sha256, path=str(path))
    if (before := _files.pop(path, None)) is not None:
        if before == origin:
            _files[path] = origin
            return
        remove(before)
    if _imports(tree) & HEAVY:
        load_tensorflow(quiet=quiet)
    module = ModuleType(f"dcgan_plugin_{path.stem}_{sha256[:8]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # Dataclasses look up their module there.
    _files[path] = origin
    try:
        with registering(origin) as entries:
            exec(compile(tree, str(path), "exec"), module.__dict__)  # noqa: S102 (the user named it)
    except BaseException as error:
        del _files[path], sys.modules[module.__name__]
        if isinstance(error, ConfigError) or not isinstance(error, Exception | SystemExit):
            raise
        raise ConfigError(_where(error, {str(path)}) or f"{path.name}: {error}") from error
    if not entries:
        del _files[path]
        raise ConfigError(
            f"{path.name} registers nothing; decorate its functions or classes with "
            '@dcgan.loss("NAME"), @dcgan.model("NAME"), @dcgan.data("NAME"), '
            '@dcgan.optimizer("NAME") or @dcgan.tracker("NAME")'
        )


def load_installed() -> list[str]:
    """Load the plug-ins of installed packages (entry points `dcgan.plugins`).

    Returns:
        A warning for each plug-in that fails to load.
    """
    import importlib.metadata

    warnings = []
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        package = point.dist.name if point.dist else point.name
        if (package, point.name) in _installed:
            continue
        _installed.add((package, point.name))
        version = point.dist.version if point.dist else None
        try:
            with registering(Origin(package, version=version)):
                point.load()
        except (Exception, SystemExit) as error:  # A package may raise anything.
            warnings.append(f"the plug-in {point.name} of {package} cannot be loaded: {error}")
    return warnings


def loaded_files() -> list[Path]:
    """Return the loaded files in order of loading."""
    return list(_files)


def blame(error: BaseException) -> str | None:
    """Return file, line and text of an error raised in a plug-in file; None for other errors."""
    return _where(error, {str(path) for path in _files})


def explain_missing(error: PluginError, words: list[str]) -> str:
    """Return a message that says how to provide the missing plug-in.

    Args:
        error: the error that names the missing plug-in.
        words: the command line.
    """
    if error.packages:
        return f"{error}; install {' and '.join(error.packages)}"
    if not error.files:
        return f"{error}; put the code that registers it into a file and add {OPTION} FILE"
    # A run folder may come from somebody else, so a file in it is none to offer.
    here = all(Path(file).is_file() for file in error.files)
    here = here and not Path.cwd().is_relative_to(error.run.resolve())
    places = error.files if here else [f"PATH/{file}" for file in error.files]
    options = [word for file in places for word in (OPTION, file)]
    line = shlex.join(["dcgan", *words[:1], *options, *words[1:]])
    return f"{error}; add the file{'' if here else ', with its path'}: {line}"


def explain_missing_in_python(error: PluginError) -> str:
    """Return a message that says how a Python program provides the missing plug-in."""
    if error.packages:
        return f"{error}; install {' and '.join(error.packages)}"
    if not error.files:
        return f"{error}; run the code that registers it first"
    paths = [json.dumps(f"PATH/{file}", ensure_ascii=False) for file in error.files]
    calls = "; ".join(f"dcgan.plugin({path})" for path in paths)
    return f"{error}; load it first: {calls}"


def _imports(tree: ast.Module) -> set[str]:
    """Return the packages that a module imports outside functions."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return names


def _where(error: BaseException, files: Collection[str]) -> str | None:
    if (frame := innermost_frame(error, files)) is None:
        return None
    reason = str(error).partition("\n")[0]
    return f"{Path(frame.filename).name} line {frame.lineno}: {type(error).__name__}: {reason}"
