"""The data sets of tensorflow-datasets."""

from typing import Any

from dcgan_cli.settings.registry import data


def fetch(settings: Any) -> None:
    """Prepare the data set, which may download it and runs its own code."""
    from dcgan_cli.core.data.tfds_files import prepare

    if settings.path is not None:
        prepare(settings.path)


@data("tfds", needs_path="NAME", fetch=fetch)
def tfds(settings: Any, split: str) -> Any:
    """A data set of tensorflow-datasets, by its name there."""
    from dcgan_cli.core import load_tensorflow
    from dcgan_cli.core.data.tfds_files import tfds_files

    if (files := tfds_files(settings.path, split)) is None:
        return None
    load_tensorflow()
    from dcgan_cli.core.data.records.tfrecords import RecordPictures

    return RecordPictures(files.pattern, files.class_names)
