"""The training loop: epochs of steps, and after each epoch a grid, a line of metrics, a checkpoint."""

import contextlib
import dataclasses
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import keras
import numpy as np
import tensorflow as tf

from dcgan_cli import __version__
from dcgan_cli.config import TrainConfig
from dcgan_cli.core import checkpoints, networks
from dcgan_cli.core.animation import training_frames, write_animation
from dcgan_cli.core.batches import epoch_batches, steps_per_epoch
from dcgan_cli.core.checkpoints import Progress
from dcgan_cli.core.data import ImageSet
from dcgan_cli.core.device import (
    build_strategy,
    describe_devices,
    resolve_precision,
    use_precision,
)
from dcgan_cli.core.images import grid_picture, write_png
from dcgan_cli.core.interruption import StopRequest, stop_on_signals
from dcgan_cli.core.reporter import Reporter, Start, StepReport
from dcgan_cli.core.run_folder import RunFolder, point_latest_to, shown_path
from dcgan_cli.core.sampling import Sampler, picture_facts
from dcgan_cli.core.step import Gan, assign, build_gan, compile_step
from dcgan_cli.core.storage import replacing
from dcgan_cli.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    DcganError,
    Interrupted,
    NumericalError,
    StorageError,
)

GIF_FPS = 5.0
GIF_LAST_FRAME_SECONDS = 2.0
MEASURED_STEPS = 5
"""Steps timed for the forecast, after a first one that also compiles."""


def train(config: TrainConfig, run: RunFolder, data: ImageSet, reporter: Reporter) -> None:
    """Train in a new run folder, or go on in one that `config.resume` names.

    Args:
        config: the settings; when resuming, those of the run with what may change changed.
        run: where everything is written.
        data: the training images.
        reporter: is told how it goes.

    Raises:
        Interrupted: a signal came; the state is saved.
        NumericalError: a loss or gradient is not finite; nothing after the last good state is saved.
        CheckpointError, DataError: the run to go on with does not fit.
        StorageError: the run folder cannot be written, or memory ran out.
    """
    keras.backend.clear_session()
    with stop_on_signals() as stop:
        try:
            _Training(config, run, data, reporter, stop).run()
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise StorageError(
                f"out of memory; try a smaller batch_size than {config.batch_size}"
            ) from error


class _Training:
    """One process's part of a run."""

    def __init__(
        self,
        config: TrainConfig,
        run: RunFolder,
        data: ImageSet,
        reporter: Reporter,
        stop: StopRequest,
    ) -> None:
        self.config = config
        self.folder = run
        self.images = data.images
        self.reporter = reporter
        self.stop = stop
        self.steps_per_epoch = steps_per_epoch(len(data.images), config.batch_size)

        digest = data.digest()
        if config.resume:
            self.precision = _recorded_precision(run, config, digest)
        else:
            self.precision = resolve_precision(config.precision)
        use_precision(self.precision)
        strategy = build_strategy(config.strategy, config.batch_size)
        with strategy.scope():
            self.gan = build_gan(config)
        self.step = compile_step(self.gan, config, strategy)
        self.distribute = strategy.experimental_distribute_dataset
        self.sampler = Sampler(self.gan.generator)
        self.grid_seeds = range(config.num_examples_to_generate)
        self.progress = _restore(run, self.gan, config.epochs) if config.resume else Progress()
        self._write_record(digest)
        self.metrics = [row for row in run.metrics() if row["epoch"] <= self.progress.epoch]
        reporter.start(self._start(data))

    def run(self) -> None:
        """Train until the last epoch is done or a signal stops it."""
        try:
            if self.progress.epoch == self.config.epochs:
                self.reporter.note("nothing left to do; a larger epochs= trains longer")
            self._write_status("running")
            point_latest_to(self.folder)
            self.clock = time.monotonic() - self.progress.seconds
            self.unmeasured = MEASURED_STEPS + 1
            while self.progress.epoch < self.config.epochs:
                self._train_epoch()
                self._finish_epoch()
            self._write_gif()
            self._write_status("finished")
        except Interrupted as error:
            self._write_status("interrupted", reason=str(error))
            raise
        except BaseException as error:
            with contextlib.suppress(OSError):  # The disk may be what failed.
                self._write_status("failed", reason=str(error) or type(error).__name__)
            raise

    def _write_status(self, state: str, **facts: str) -> None:
        progress = self.progress
        self.folder.write_status(
            state, epoch=progress.epoch, epochs=self.config.epochs, step=progress.step, **facts
        )

    def _train_epoch(self) -> None:
        batches = epoch_batches(
            self.images,
            batch_size=self.config.batch_size,
            buffer_size=self.config.buffer_size,
            seed=self.config.seed,
            epoch=self.progress.epoch + 1,
            skip=self.progress.epoch_step,
        )
        # A result is read one step late, so that an accelerator need not wait for this loop.
        unread = None
        for images in self.distribute(batches):
            step = self.progress.step + (unread is not None)
            result = self.step(images, tf.constant(step, tf.int64))
            if unread is not None:
                self._read(unread)
            unread = result
            if self.stop.signal:
                break
        if unread is not None:
            self._read(unread)
        if self.stop.signal and self.progress.epoch_step < self.steps_per_epoch:
            self._save()
            self._interrupt(self.stop.signal)

    def _read(self, result: tf.Tensor) -> None:
        """Take a step's result into the progress."""
        generator_loss, discriminator_loss, not_finite = (float(value) for value in result.numpy())
        progress = self.progress
        if not_finite:
            raise NumericalError(
                f"step {progress.step + 1}: loss or gradient is not finite (generator "
                f"{generator_loss}, discriminator {discriminator_loss}); try a smaller "
                f"optimizer.learning_rate than {self.config.optimizer.learning_rate:g}"
            )
        progress.step += 1
        progress.epoch_step += 1
        progress.generator_loss_sum += generator_loss
        progress.discriminator_loss_sum += discriminator_loss
        progress.seconds = time.monotonic() - self.clock
        self._forecast()
        self.reporter.step(
            StepReport(
                step=progress.step,
                epoch=progress.epoch + 1,
                epoch_step=progress.epoch_step,
                images_per_second=self._images_per_second(),
                generator_loss=generator_loss,
                discriminator_loss=discriminator_loss,
            )
        )

    def _images_per_second(self) -> float:
        done = min(self.progress.epoch_step * self.config.batch_size, len(self.images))
        return done / max(self.progress.seconds, 1e-9)

    def _forecast(self) -> None:
        if self.unmeasured == MEASURED_STEPS + 1:
            self.measured_since = time.monotonic()
        self.unmeasured -= 1
        if self.unmeasured == 0:
            step_seconds = (time.monotonic() - self.measured_since) / MEASURED_STEPS
            remaining = self.config.epochs * self.steps_per_epoch - self.progress.step
            self.reporter.forecast(step_seconds * self.steps_per_epoch, step_seconds * remaining)

    def _finish_epoch(self) -> None:
        progress = self.progress
        steps = progress.epoch_step
        epoch = progress.epoch + 1
        finished = Progress(step=progress.step, epoch=epoch)
        picture = grid_picture(self.sampler.sample(self.grid_seeds))
        facts = picture_facts(self.folder, finished) | {"seeds": list(self.grid_seeds)}
        with _disk_errors(self.folder.samples), replacing(self.folder.frame(epoch)) as stream:
            write_png(stream, picture, facts)

        # The clock runs on from here, so the checkpoint's time belongs to the next epoch.
        now = time.monotonic()
        progress.seconds = now - self.clock
        self.clock = now
        row = {
            "epoch": epoch,
            "step": progress.step,
            "seconds": round(progress.seconds, 3),
            "images_per_second": round(len(self.images) / progress.seconds, 1),
            "generator_loss": progress.generator_loss_sum / steps,
            "discriminator_loss": progress.discriminator_loss_sum / steps,
        }
        self.metrics.append(row)
        with _disk_errors(self.folder.path):
            self.folder.write_metrics(self.metrics)
        self.progress = finished
        self._save()
        self._write_status("running")
        self.reporter.epoch(row)
        if self.stop.signal and epoch < self.config.epochs:
            self._interrupt(self.stop.signal)

    def _save(self) -> None:
        arrays = {
            part: {name: variable.numpy() for name, variable in variables.items()}
            for part, variables in self.gan.variables().items()
        }
        with _disk_errors(self.folder.checkpoints):
            newest = checkpoints.save(self.folder.checkpoints, arrays, self.progress)
            checkpoints.prune(self.folder.checkpoints, newest, self.config.checkpoint_every)

    def _interrupt(self, number: signal.Signals) -> NoReturn:
        raise Interrupted(
            f"{number.name}: saved at step {self.progress.step}; go on with: "
            f"{self.folder.resume_command()}",
            exit_code=128 + number,
        )

    def _write_record(self, digest: str) -> None:
        """Begin the run's `run.json`, or note in it that the run goes on."""
        config = dataclasses.asdict(self.config) | {"resume": None}
        part = {
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "from_step": self.progress.step,
            "dcgan": __version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "device": describe_devices(),
        }
        if self.config.resume:
            lineage = [*self.folder.record().get("lineage", []), part]
            self.folder.update({"config": config, "precision": self.precision, "lineage": lineage})
            return
        facts = {
            "precision": self.precision,
            "data_sha256": digest,
            "networks": {
                model.name: networks.layer_table(model)
                for model in (self.gan.generator, self.gan.discriminator)
            },
            "lineage": [part],
        }
        with _disk_errors(self.folder.path):
            self.folder.create(config, facts)

    def _write_gif(self) -> None:
        try:
            frames = training_frames(self.folder)
            write_animation(self.folder.gif, frames, GIF_FPS, GIF_LAST_FRAME_SECONDS)
        except (OSError, DcganError) as error:  # The training is done and safe; say it and go on.
            self.reporter.note(f"no animation: {error}")

    def _start(self, data: ImageSet) -> Start:
        return Start(
            run=shown_path(self.folder.path),
            device=describe_devices(),
            precision=self.precision,
            data=data.source,
            image_count=len(data.images),
            parameters={
                "generator": self.gan.generator.count_params(),
                "discriminator": self.gan.discriminator.count_params(),
            },
            steps=self.config.epochs * self.steps_per_epoch,
            steps_per_epoch=self.steps_per_epoch,
            epochs=self.config.epochs,
            steps_done=self.progress.step,
        )


def _recorded_precision(run: RunFolder, config: TrainConfig, digest: str) -> str:
    """Return the precision to go on in, once the data are known to be the run's own.

    Raises:
        DataError: they are not.
    """
    record = run.record()
    if digest != record["data_sha256"]:
        raise DataError(
            f"the training images are not those of {run.path} (sha256 differs); "
            "give it the same data.path and data.limit"
        )
    if config.precision == run.config().precision:
        return str(record["precision"])
    return resolve_precision(config.precision)


def _restore(run: RunFolder, gan: Gan, epochs: int) -> Progress:
    """Set the networks and optimisers to the newest checkpoint.

    Raises:
        CheckpointError: there is none, or it is damaged or does not fit.
        ConfigError: it is past the last epoch asked for.
    """
    found = checkpoints.find(run.checkpoints)
    if not found:
        raise CheckpointError(f"{run.path} holds no checkpoint to go on from; start a new run")
    progress = found[0].progress
    if progress.epoch + (progress.epoch_step > 0) > epochs:
        raise ConfigError(
            f"{run.path} has already finished epoch {progress.epoch}; epochs={epochs} is behind that"
        )
    for part, variables in gan.variables().items():
        assign(variables, found[0].load(part), str(found[0].path))
    return dataclasses.replace(progress)


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of a full or protected disk into one line with its remedy."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; free space or allow it, then go on"
        ) from error
