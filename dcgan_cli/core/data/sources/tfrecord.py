"""TFRecord files of encoded images."""

from typing import Any

from dcgan_cli.settings.registry import data


@data("tfrecord", needs_path="'FOLDER/*.tfrecord'")
def tfrecord(settings: Any, split: str) -> Any:
    """TFRecord files of encoded images."""
    from dcgan_cli.core import load_tensorflow

    if split == "test":
        return None
    load_tensorflow()
    from dcgan_cli.core.data.records.tfrecords import RecordPictures

    return RecordPictures(settings.path)
