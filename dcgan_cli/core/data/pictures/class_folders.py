"""Find the classes of pictures by their folders."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dcgan_cli.settings.overrides import override, shell_word

TRAINING = {"train", "training"}
HELD_OUT = {"test", "testing", "val", "valid", "validation", "dev", "eval"}


@dataclass(frozen=True)
class ClassFolders:
    """The classes of a folder of pictures, one per subfolder."""

    names: tuple[str, ...] = ()
    """Names of the classes, sorted by folder name; empty if there are none."""
    labels: list[int] | None = None
    """The class of each picture: an index into `names`."""
    problem: str = ""
    """Why there are no classes, and what to do; empty if there are classes, or no subfolders that
    could be classes."""
    is_split: bool = False
    """Whether the problem is that the subfolders are the splits of a data set."""


def class_folders(folder: Path, names: Sequence[str]) -> ClassFolders:
    """Return the classes of files: each folder below their deepest common folder is one class.

    Folder names are compared in composed Unicode (NFC), so names that look alike are one class.

    Args:
        folder: the folder of the data set, for messages.
        names: paths relative to `folder`, with "/" between folders.
    """
    common = _common_folder(names)
    inside = [name[len(common) :] for name in names]
    beside = [name for name in inside if "/" not in name]
    folders = sorted({name.partition("/")[0] for name in inside if "/" in name})
    if parts := _parts(folders):
        part = shell_word(override("data.path", str(folder / common / parts[0])))
        return ClassFolders(
            problem=f"it is split into {' and '.join(parts)}; {part} uses only the first",
            is_split=True,
        )
    if len(folders) < 2:
        return ClassFolders()
    if beside:
        return ClassFolders(
            problem=f"it has pictures outside the class folders, such as {common}{beside[0]}; move "
            "each into the folder of its class"
        )
    numbers: dict[str, int] = {}
    for name in folders:
        numbers.setdefault(composed(name), len(numbers))
    if len(numbers) < 2:
        return ClassFolders()
    labels = [numbers[composed(name.partition("/")[0])] for name in inside]
    return ClassFolders(tuple(numbers), labels)


def composed(name: str) -> str:
    """Return a name in composed Unicode (NFC), as users type it; macOS may store it decomposed."""
    return unicodedata.normalize("NFC", name)


def as_written(path: Path) -> Path:
    """Return the path on disk whose name equals `path` after Unicode normalization.

    Returns:
        The path itself if it exists or no name matches.
    """
    found = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        if not os.path.lexists(found / part) and found.is_dir():
            alike = (name for name in os.listdir(found) if composed(name) == composed(part))
            part = next(alike, part)
        found /= part
    return found if os.path.lexists(found) else path


def _common_folder(names: Iterable[str]) -> str:
    """Return the deepest common folder of all files, followed by "/"; "" if there is none."""
    common = os.path.commonpath([f"/{name}" for name in {os.path.dirname(name) for name in names}])
    return common[1:] + "/" if len(common) > 1 else ""


def _parts(folders: Sequence[str]) -> list[str]:
    """Return the folders that are splits of a data set, training first; [] if there are none."""
    train = [name for name in folders if name.lower() in TRAINING]
    others = [name for name in folders if name.lower() in HELD_OUT]
    return [*train, *others] if train and others else []
