"""A folder of picture files."""

from pathlib import Path
from typing import Any

from dcgan_cli.settings.registry import data


@data("image_folder", needs_path="FOLDER")
def image_folder(settings: Any, split: str) -> Any:
    """Your own pictures, in a folder."""
    from dcgan_cli.core.data.pictures.folder import folder_pictures

    if split == "test":
        return None
    return folder_pictures(Path(settings.path), all_pages=settings.pages == "all")
