"""Entry point of `dcgan` and `python -m dcgan_cli`.

Python is set up before any import that another file could shadow.
"""

import os
import sys


def main() -> None:
    """Run the program and end with its exit code."""
    _leave_current_folder()
    _let_warnings_be()
    _leave_matplotlib_out()
    try:
        from dcgan_cli import cli
    except Exception as error:  # The program's own libraries cannot be imported.
        from dcgan_cli.shadowing import shadowed_by
        from dcgan_cli.text import printable

        if not (message := shadowed_by(error)):
            raise
        print(f"dcgan: {printable(message)}", file=sys.stderr)
        sys.exit(2)
    cli.main()


def _leave_current_folder() -> None:
    """Remove the current folder from the module search path, unless PYTHONPATH names it.

    `python -m` puts it there, and so does an empty entry of PYTHONPATH (as of `:/x`): a `data.py`
    or `keras.py` in it would be imported in a library's place.
    """
    try:
        here = os.getcwd()
    except FileNotFoundError:
        here = ""
    program = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    named = [os.path.abspath(entry) for entry in _python_path()]
    if here in (program, *named):
        return
    # What comes after the standard library was put there by an installation.
    library = os.path.dirname(os.__file__)
    end = sys.path.index(library) if library in sys.path else 1
    sys.path[:end] = [entry for entry in sys.path[:end] if entry not in ("", here)]


def _python_path() -> list[str]:
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _let_warnings_be() -> None:
    """Ignore PYTHONWARNINGS=error, which would turn warnings of libraries into errors."""
    import warnings

    if any(action == "error" for action, *_ in warnings.filters):
        warnings.simplefilter("ignore")


def _leave_matplotlib_out() -> None:
    """Make imports of matplotlib fail, as if it were not installed.

    Keras imports it where it can, which takes time and writes into the home folder.
    """
    sys.modules["matplotlib"] = None  # type: ignore[assignment]


if __name__ == "__main__":
    main()
