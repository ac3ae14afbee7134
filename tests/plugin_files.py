"""The plug-ins of docs/extending.md, as files."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL))
"""Their content by name."""


def write_plugins(folder: Path) -> None:
    """Write them, and my_gan.py, which registers a loss and a model called `mine`."""
    mine = FILES["resnet.py"].replace('"resnet"', '"mine"').replace("Options", "ModelOptions")
    for name, text in (FILES | {"my_gan.py": FILES["relativistic.py"] + mine}).items():
        (folder / name).write_text(text)
