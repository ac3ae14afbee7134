"""The data sets of tensorflow-datasets."""

from typing import Any

from dcgan_cli.settings.registry import data


@data("tfds", needs_path="NAME")
def tfds(settings: Any, split: str) -> Any:
    """A data set of tensorflow-datasets, by its name there."""
    from dcgan_cli.core.data.tfds_files import tfds_files

    if (files := tfds_files(settings.path, split)) is None:
        return None
    from dcgan_cli.core.data.records.tfrecords import RecordPictures

    return RecordPictures(files.pattern, files.class_names)
