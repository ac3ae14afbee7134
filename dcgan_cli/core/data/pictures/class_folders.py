"""Classes by folder: which folders are classes, and why there are none."""

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
    """The classes that folders make of the pictures in them."""

    names: tuple[str, ...] = ()
    """What the classes are called, in order of their folders' names; empty if there are none."""
    labels: list[int] | None = None
    """The class of each picture: its place in `names`."""
    problem: str = ""
    """Why there are no classes, and what to do; empty if there are some, or nothing that looks like
    them."""
    is_split: bool = False
    """Whether that is because the folders are the parts of a data set."""


def class_folders(folder: Path, names: Sequence[str]) -> ClassFolders:
    """Return the classes of files: each folder is one, below what they have in common.

    Folders that hold nothing but one folder are passed through. Names are compared in composed
    Unicode (NFC), so that those that look alike are one class.

    Args:
        folder: the folder of the data set, as messages name it.
        names: paths below the folder of the data set, with "/" between folders.
    """
    common = _common_folder(names)
    inside = [name[len(common) :] for name in names]
    beside = [name for name in inside if "/" not in name]
    folders = sorted({name.partition("/")[0] for name in inside if "/" in name})
    if parts := _parts(folders):
        part = shell_word(override("data.path", str(folder / common / parts[0])))
        return ClassFolders(
            problem=f"it is split into {' and '.join(parts)}; {part} takes the first alone",
            is_split=True,
        )
    if len(folders) < 2:
        return ClassFolders()
    if beside:
        return ClassFolders(
            problem=f"it has pictures beside its folders, such as {common}{beside[0]}; move each "
            "into the folder of its class"
        )
    numbers: dict[str, int] = {}
    for name in folders:
        numbers.setdefault(composed(name), len(numbers))
    if len(numbers) < 2:
        return ClassFolders()
    labels = [numbers[composed(name.partition("/")[0])] for name in inside]
    return ClassFolders(tuple(numbers), labels)


def composed(name: str) -> str:
    """Return a name in composed Unicode (NFC), as it is typed; macOS may write it decomposed."""
    return unicodedata.normalize("NFC", name)


def as_written(path: Path) -> Path:
    """Return a path as the disk has it, where that is written in other characters that look alike.

    Returns:
        The path itself, if it is there or nothing is that looks like it.
    """
    found = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        if not os.path.lexists(found / part) and found.is_dir():
            alike = (name for name in os.listdir(found) if composed(name) == composed(part))
            part = next(alike, part)
        found /= part
    return found if os.path.lexists(found) else path


def _common_folder(names: Iterable[str]) -> str:
    """Return the deepest folder that all files are in, with "/" behind it, or nothing."""
    common = os.path.commonpath([f"/{name}" for name in {os.path.dirname(name) for name in names}])
    return common[1:] + "/" if len(common) > 1 else ""


def _parts(folders: Sequence[str]) -> list[str]:
    """Return the folders that are parts of a data set, that to train on first; none if none are."""
    train = [name for name in folders if name.lower() in TRAINING]
    others = [name for name in folders if name.lower() in HELD_OUT]
    return [*train, *others] if train and others else []
