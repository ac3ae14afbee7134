"""`dcgan train`: read the data, then create the run folder, then import TensorFlow."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_cli.core.data.image_set import ImageSet, no_progress
from dcgan_cli.core.data.load import (
    check_enough_to_score,
    fetch,
    load_held_out_images,
    load_training_images,
    note_empty_classes,
)
from dcgan_cli.core.data.pictures.listing import first_names
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.errors import DataError, DcganError, NotHereError, UnusablePicturesError
from dcgan_cli.hints import message_with_hint
from dcgan_cli.hydra_cli.run import Train
from dcgan_cli.settings.by_count import settle
from dcgan_cli.settings.overrides import override, shell_word
from dcgan_cli.settings.schema import NAMED_FEATURES, TrainConfig
from dcgan_cli.streams import print_path
from dcgan_cli.text import printable

if TYPE_CHECKING:
    from dcgan_cli.core.training.reporter import Reporter


def prepare(
    config: TrainConfig,
    fetches: bool,
    *,
    quiet: bool,
    progress: bool = True,
    own_process: bool = True,
) -> Train:
    """Read the training images, and return a function that trains on them in a given folder.

    Args:
        config: the checked settings.
        fetches: whether data that is not on this machine is to be fetched.
        quiet: whether TensorFlow's own log is kept from the screen.
        progress: whether to show how far it is, on standard error.
        own_process: False in somebody else's, where Hydra sets up no log and nothing is printed to
            standard output.

    Raises:
        DataError: the images, or those held out to score by, cannot be read or are too few; they
            have no labels and `conditional` needs them; or the features' file is missing. Nothing
            was created.
    """
    from dcgan_cli.console import progress_bar

    if config.report != "false":
        from dcgan_cli.commands.report import check_installed

        check_installed()
    if fetches:
        fetch(config.data)
    try:
        data = load_training_images(config.data, progress_bar if progress else no_progress)
    except NotHereError as error:
        typed = override("data.path", error.name) if error.name else f"data.name={error.kind}"
        raise DataError(f"{error}; add {shell_word(typed)} to have it fetched") from None
    except UnusablePicturesError as error:
        if not config.resume:
            raise
        raise DataError(f"{error.what}; restore the original files") from error
    if config.model.conditional:
        classes = config.data.classes or data.count_classes()
        data.check_labels(classes)
        config = replace(config, data=replace(config.data, classes=classes))
        data = _with_classes_noted(data, classes)
    if config.evaluate_every:
        _check_can_be_scored(config, len(data.images))
    config, notes = settle(config, len(data.images))
    data = replace(data, notes=(*data.notes, *notes))
    features = config.evaluation.features
    if config.evaluate_every and features not in NAMED_FEATURES and not Path(features).is_file():
        raise DataError(
            f"evaluation.features: {features} is not there; give {', '.join(NAMED_FEATURES)}, or a "
            "file of weights"
        )

    def train_in(run: RunFolder) -> None:
        from dcgan_cli.console import log, log_to, training_reporter
        from dcgan_cli.core import load_tensorflow

        removed = load_tensorflow(quiet=quiet)
        from dcgan_cli.core.tracking.follow import followed

        log_file = nullcontext(log) if own_process else log_to(run.log)
        with (
            log_file as logger,
            training_reporter(logger, progress=progress, preview=config.preview == "auto") as shown,
            followed(config.tracking, run, shown) as reporter,
        ):
            if removed:
                names = ", ".join(removed)
                reporter.note(f"ignored   {names}, which would change the arithmetic")
            try:
                _train_with_report(config, run, data, reporter)
            except DcganError as error:  # Told on the screen by the command line.
                logger.error(printable(message_with_hint(error)))
                raise
        if own_process:
            print_path(shown_path(run.path))

    return train_in


def _train_with_report(
    config: TrainConfig, run: RunFolder, data: ImageSet, reporter: "Reporter"
) -> None:
    """Train, and write the run's report when the setting `report` says."""
    from dcgan_cli.core.training.loop import train

    if config.report == "false":
        train(config, run, data, reporter)
        return
    from dcgan_cli.commands.report import LiveReport

    report = LiveReport(reporter, run)
    is_live = config.report == "live"
    try:
        train(config, run, data, report if is_live else reporter)
    except BaseException:
        if is_live:
            report.write()  # So that the page says that the run has stopped.
        raise
    report.write(data)


def _with_classes_noted(data: ImageSet, classes: int) -> ImageSet:
    """Add notes on class names, or on class numbers without images."""
    if not data.class_names:
        return note_empty_classes(data, [str(number) for number in range(classes)])
    note = f"classes   {classes:,}: {first_names(data.class_names)}"
    return replace(data, notes=(*data.notes, note))


def _check_can_be_scored(config: TrainConfig, count: int) -> None:
    held_out = load_held_out_images(config.data)
    if held_out is None:  # Then half of the images is.
        check_enough_to_score(count // 2, count - count // 2)
    else:
        check_enough_to_score(count, len(held_out.images))
