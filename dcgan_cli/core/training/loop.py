"""The training loop: steps, and after each epoch a grid, a row of metrics and a checkpoint."""

import contextlib
import signal
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import tensorflow as tf

from dcgan_cli.core.data.batches import epoch_batches, steps_per_epoch
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.networks.device import describe_devices, deterministic_ops
from dcgan_cli.core.plugin_errors import plugin_errors
from dcgan_cli.core.runs.disk_errors import disk_errors
from dcgan_cli.core.runs.find import point_latest_to
from dcgan_cli.core.runs.folder import RunFolder, shown_path
from dcgan_cli.core.runs.progress import Progress, Score
from dcgan_cli.core.sampling.sampler import Sampler
from dcgan_cli.core.training.epoch_outputs import EpochOutputs
from dcgan_cli.core.training.epoch_scores import EpochScores
from dcgan_cli.core.training.memory_errors import memory_errors
from dcgan_cli.core.training.real_images import write_real_grid
from dcgan_cli.core.training.reporter import Reporter, Start, StepReport
from dcgan_cli.core.training.setup import set_up
from dcgan_cli.core.training.signals import StopRequest, stop_on_signals
from dcgan_cli.core.training.time_limit import TimeLimit
from dcgan_cli.errors import DataError, Interrupted, NumericalError, ResumeHint, StorageError
from dcgan_cli.settings.schema import TrainConfig


def train(config: TrainConfig, run: RunFolder, data: ImageSet, reporter: Reporter) -> None:
    """Train in a new run folder, or resume the one that `config.resume` names.

    The caller must hold the lock of the run folder.

    Args:
        config: the settings; when resuming, those of the run with the requested changes.
        run: the run folder, which must exist.
        data: the training images.
        reporter: shows the progress.

    Raises:
        Interrupted: a signal stopped the run; the state is saved.
        NumericalError: a loss or gradient is not finite; the last checkpoint is from before.
        CheckpointError, DataError, ConfigError: the run to resume does not match the settings.
        StorageError: the run folder cannot be written, or memory ran out.
    """
    with (
        stop_on_signals() as stop,
        plugin_errors(config.data, config.model, config.loss, config.optimizer),
        memory_errors(config, run),
        deterministic_ops(),
    ):
        _Training(config, run, data, reporter, stop).run()


class _Training:
    """Trains one run in this process."""

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
        self.data = data
        self.reporter = reporter
        self.stop = stop
        self.epoch_images = len(data.images) * config.passes_per_epoch
        self.steps_per_epoch = steps_per_epoch(self.epoch_images, config.batch_size)
        self.setup = set_up(config, run, data)
        self.progress = self.setup.progress
        sampler = Sampler(self.setup.gan.sampled, config.num_classes)
        self.outputs = EpochOutputs(run, sampler, config.num_examples_to_generate, reporter)
        checkpoint_cache = self.setup.saver.checkpoint_cache
        self.scores = EpochScores(
            config, run, checkpoint_cache, self.setup.scorer, sampler, reporter
        )
        self.clock = time.monotonic()
        self.limit = TimeLimit(
            config,
            run,
            self.setup.ends,
            self.setup.gan.cooldown,
            self.steps_per_epoch,
            reporter,
        )
        self.unreadable: DataError | None = None

    def run(self) -> None:
        """Train until the last epoch, early stopping or a signal."""
        try:
            self.reporter.start(self._start())
            for note in (*self.data.notes, *self.setup.notes):
                self.reporter.note(str(note))
            with disk_errors(self.folder):
                self.outputs.resume(self.progress, keep_scores=self.setup.keeps_scores)
            self.reporter.history(list(self.outputs.rows))
            count, classes = self.config.num_examples_to_generate, self.config.num_classes
            write_real_grid(self.folder, self.data, count, classes, self.reporter)
            if (reason := self._reason_to_stop()) is not None:
                self.reporter.note(f"nothing left to do; {reason}")
            else:
                reason = self._train()
            self.outputs.write_gif()
            early = self.progress.epoch < self.config.epochs
            if self._time_is_over():
                self._write_status("finished", reason="max_time")
            else:
                self._write_status("finished", **({"reason": reason} if early else {}))
        except KeyboardInterrupt:  # The second Ctrl-C.
            self._try_status("interrupted", "stopped at once")
            raise Interrupted(
                "stopped at once",
                128 + signal.SIGINT,
                ResumeHint(self.folder.path, f"; resume from {self._saved()} with"),
            ) from None
        except BaseException as error:
            state = "interrupted" if isinstance(error, Interrupted) else "failed"
            self._try_status(state, str(error) or type(error).__name__)
            raise

    def _reason_to_stop(self) -> str | None:
        """Return why training should end; None if it should not."""
        all_epochs = self.progress.epoch >= self.config.epochs
        if self._time_is_over():
            more = "raise epochs=" if all_epochs else "give max_time= again"
            return f"its time is over; {more} to continue"
        if all_epochs:
            return "raise epochs= to continue"
        return None if self.progress.epoch_step else self.scores.early_stop_reason()

    def _train(self) -> str:
        """Train until there is a reason to stop, and return the reason."""
        point_latest_to(self.folder)
        self._write_status("running")
        self.clock = time.monotonic() - self.progress.seconds
        self.limit.begin(self._rehearse_epoch_end)
        while (reason := self._reason_to_stop()) is None:
            self._train_epoch()
            self._finish_epoch()
            self.limit.plan(self.progress, self.progress.step)
        if self.progress.epoch < self.config.epochs or self._time_is_over():
            self.reporter.note(f"stopped after epoch {self.progress.epoch}: {reason}")
        return reason

    def _train_epoch(self) -> None:
        self._check_data()
        # Read each result one step late, so that an accelerator does not wait for this loop.
        pending: tf.Tensor | None = None
        for images in self._batches():
            if self.stop.signal:
                break
            step = self.progress.step + (pending is not None)
            if not self.limit.allows(self.progress, step):
                break
            result = self.setup.step(images, tf.constant(step, tf.int64))
            if pending is not None:
                self._record_step(pending)
            pending = result
            if self.setup.saver.seconds_since() >= self.config.checkpoint_seconds:
                self._record_step(pending)
                pending = None
                if not self._is_epoch_over():
                    self._save()
        if pending is not None:
            self._record_step(pending)
        if not self._is_epoch_over():
            self._save()
            if self.stop.signal:
                self._interrupt(self.stop.signal)
            raise DataError(str(self.unreadable), ResumeHint(self.folder.path, text=""))

    def _is_epoch_over(self) -> bool:
        """Return whether the epoch has all its steps, or as many as `max_time` allows."""
        step, epoch_step = self.progress.step, self.progress.epoch_step
        return epoch_step == self.steps_per_epoch or bool(epoch_step and self.setup.ends.cut(step))

    def _time_is_over(self) -> bool:
        """Return whether the run has all the steps that `max_time` allows, but not all steps."""
        return self.setup.ends.is_early and self.setup.ends.reached(self.progress.step)

    def _rehearse_epoch_end(self) -> float:
        """Draw and score as at the end of an epoch, and return the seconds that it took."""
        self.scores.prepare()
        self.outputs.draw()  # Compiles; only the second time counts.
        began = time.monotonic()
        self.outputs.draw()
        self.scores.rehearse()
        return time.monotonic() - began

    def _batches(self) -> Iterator[Any]:
        """Yield the remaining batches of the epoch, up to the first unreadable image."""
        try:
            yield from self.setup.distribute(_rest_of_epoch(self.config, self.data, self.progress))
        except tf.errors.OpError:
            try:
                self.data.check_unchanged()
            except DataError as error:
                self.unreadable = error
            else:
                raise

    def _check_data(self) -> None:
        """Check that the image files have not changed.

        Raises:
            DataError: a file has changed.
        """
        try:
            self.data.check_unchanged()
        except DataError as error:
            raise DataError(str(error), ResumeHint(self.folder.path, text="")) from None

    def _record_step(self, result: tf.Tensor) -> None:
        """Add a step's result to the progress and report it."""
        generator_loss, discriminator_loss, not_finite = (float(value) for value in result.numpy())
        progress = self.progress
        if not_finite:
            raise self._not_finite(
                f"step {progress.step + 1}: loss or gradient is not finite (generator "
                f"{generator_loss}, discriminator {discriminator_loss})"
            )
        progress.step += 1
        progress.epoch_step += 1
        progress.generator_loss_sum += generator_loss
        progress.discriminator_loss_sum += discriminator_loss
        progress.seconds = time.monotonic() - self.clock
        self.reporter.step(
            StepReport(
                step=progress.step,
                epoch=progress.epoch + 1,
                epoch_step=progress.epoch_step,
                images_per_second=self._images_shown() / max(progress.seconds, 1e-9),
                generator_loss=generator_loss,
                discriminator_loss=discriminator_loss,
                steps=self.setup.ends.at(progress.step - 1),
            )
        )

    def _images_shown(self) -> int:
        """Return the number of images of the current epoch's steps."""
        return min(self.progress.epoch_step * self.config.batch_size, self.epoch_images)

    def _finish_epoch(self) -> None:
        progress = self.progress
        self.limit.plan(progress, progress.step)
        epoch = progress.epoch + 1
        finished = Progress(step=progress.step, epoch=epoch)
        is_last = epoch == self.config.epochs or self._time_is_over()
        began = time.monotonic()
        self.outputs.add_grid(finished)
        score = self.scores.score(epoch, is_last=is_last)

        # The time of writing the checkpoint counts towards the next epoch.
        now = time.monotonic()
        seconds = max(now - self.clock, 1e-9)
        self.clock = now
        row = {
            "epoch": epoch,
            "step": progress.step,
            "seconds": round(seconds, 3),
            "images_per_second": round(self._images_shown() / seconds, 1),
            "generator_loss": progress.generator_loss_sum / progress.epoch_step,
            "discriminator_loss": progress.discriminator_loss_sum / progress.epoch_step,
            **score,
        }
        with disk_errors(self.folder):
            self.outputs.add_row(row)
        self.progress = finished
        self._save(self.scores.checkpoint_score(row))
        findings = self.scores.check_health(self.outputs.rows)
        self._write_status("running")
        self.reporter.epoch(row)  # A live report reads the status.
        for finding in findings:
            self.reporter.finding(finding)
        self.limit.ended_epoch(began, scored=bool(score))
        if self.stop.signal and not is_last:
            self._interrupt(self.stop.signal)

    def _save(self, score: Score | None = None) -> None:
        with disk_errors(self.folder):
            try:
                self.setup.saver.save(self.progress, score)
            except NumericalError as error:
                raise self._not_finite(str(error)) from None

    def _not_finite(self, what: str) -> NumericalError:
        """Return the error, with a resume command that lowers the learning rate."""
        rate = self.config.optimizer.learning_rate
        smaller = {"optimizer.learning_rate": rate / 10}
        return NumericalError(
            f"{what} with optimizer.learning_rate={rate:g}; try a smaller one, in a new run",
            ResumeHint(self.folder.path, f" or from {self._saved()} on", smaller),
        )

    def _saved(self) -> str:
        saved = self.setup.saver.saved_step
        return "the first step" if saved is None else f"step {saved}"

    def _interrupt(self, number: signal.Signals) -> NoReturn:
        raise Interrupted(
            f"{number.name}: saved at step {self.progress.step}",
            128 + number,
            ResumeHint(self.folder.path, "; resume with"),
        )

    def _write_status(self, state: str, **facts: str) -> None:
        progress = self.progress
        position = {
            "epoch": progress.epoch,
            "epochs": self.config.epochs,
            "step": progress.step,
            "saved_step": self.setup.saver.saved_step,
            "health": self.scores.health(self.outputs.rows),
        }
        with disk_errors(self.folder):
            self.folder.write_status(state, **position, **facts)

    def _try_status(self, state: str, reason: str) -> None:
        """Write the status, ignoring errors: a failed disk is reported by its own message."""
        with contextlib.suppress(StorageError, DataError):
            self._write_status(state, reason=reason)

    def _start(self) -> Start:
        networks = (self.setup.gan.generator, self.setup.gan.discriminator)
        return Start(
            run=shown_path(self.folder.path),
            device=describe_devices(),
            precision=self.setup.precision,
            data=self.data.source,
            image_count=len(self.data.images),
            parameters={network.name: network.count_params() for network in networks},
            steps=self.setup.ends.at(self.progress.step),
            steps_per_epoch=self.steps_per_epoch,
            epochs=self.config.epochs,
            steps_done=self.progress.step,
        )


def _rest_of_epoch(config: TrainConfig, data: ImageSet, progress: Progress) -> tf.data.Dataset:
    """Return the batches of the current epoch that have not been trained on yet."""
    return epoch_batches(
        data.images,
        data.labels if config.model.conditional else None,
        batch_size=config.batch_size,
        buffer_size=config.buffer_size,
        seed=config.seed,
        epoch=progress.epoch + 1,
        passes=config.passes_per_epoch,
        skip=progress.epoch_step,
        flip=config.data.flip,
    )
