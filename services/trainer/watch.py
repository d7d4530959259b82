"""The callback that stands between Lightning's loop and the job: progress out, wishes in."""

import math
from typing import Any, Literal

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from services.trainer.preparation import Prepared
from services.trainer.record import Record
from services.trainer.samples import Samples
from services.trainer.skipping import Skipped
from services.trainer.telling import Teller
from services.trainer.timing import Clock
from shared.bus.run import Cancelled, Run, Yielded
from shared.errors import StudioError
from shared.schemas.base import utc_now
from shared.schemas.experiment import EpochRow
from shared.vision import checkpoints
from shared.vision.data import Batch

Wish = Literal["go on", "stop", "yield", "cancel"]


class Stopped(Exception):
    """A person wanted the training to end after the current batch, and it did."""


class Watch(Callback):
    """Follows a training batch by batch.

    A batch's loss is read while the next one is computed, so that a GPU never waits for it.
    """

    def __init__(self, run: Run, prepared: Prepared, record: Record) -> None:
        self._run = run
        self._prepared = prepared
        self._record = record
        self._batches = prepared.data.batches_per_epoch
        self._epochs = prepared.blueprint.params.epochs
        self._pending: tuple[int, torch.Tensor, int, float] | None = None
        self._rate = 0.0
        self._clock = Clock(prepared.device, prepared.position)
        self._teller = Teller(run, prepared, record.course, record.fence)
        self._skipped = Skipped(record.course, prepared.data.train_count, record.fence)
        self._samples = Samples(prepared)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back the state of a resumed training."""
        if self._prepared.saved:
            checkpoints.restore(self._prepared.saved, trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._clock.restart()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the learning rate this batch is trained with."""
        self._clock.data_came()
        self._rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_before_backward(self, *_: Any, **__: Any) -> None:
        """Forward is over."""
        self._clock.passed("forward")

    def on_after_backward(self, *_: Any, **__: Any) -> None:
        """Backward is over."""
        self._clock.passed("backward")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Count the batch and tell of it; end here when that is wanted."""
        self._settle()
        position = self._prepared.position
        position.batch += 1
        position.step += 1
        position.vanished += batch.vanished
        self._note_skipped(batch, "train")
        if batch.trainable:
            self._pending = (position.step, outputs["batch_loss"], batch.images, self._rate)
        self._teller.progress("", self._clock.live)
        self._clock.batch_ended(batch.images)
        # Gradients that wait for the rest of their update are not stored, so the update is finished first.
        if position.batch < self._batches and position.batch % self._prepared.blueprint.params.accumulate == 0:
            self._end_if_wanted(trainer, finished_epoch=False)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the last batch before time is spent on validation."""
        self._settle()
        self._clock.restart()

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any, **__: Any
    ) -> None:
        """Look for a cancel; a stop or a shutdown waits for the end of the epoch, which is near."""
        self._note_skipped(batch, "val")
        self._teller.progress(", validating", self._clock.live)
        if self._wish() == "cancel":
            raise Cancelled

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store what the model, which is in evaluation mode now, says of a few images."""
        self._record.samples(self._prepared.position.epoch + 1, self._samples.predict(trainer))
        self._clock.validation_ended()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store the epoch, then end here when that is wanted."""
        self._settle()
        self._teller.flush()
        row = self._row()
        self._record.judge(row)
        self._record.epoch(trainer, row)
        if self._prepared.position.stopped_early:
            trainer.should_stop = True
        elif self._prepared.position.epoch < self._epochs:
            self._end_if_wanted(trainer, finished_epoch=True)

    def _row(self) -> EpochRow:
        """Close the epoch in the position and return its row."""
        position = self._prepared.position
        seconds = position.epoch_seconds
        times, rate = self._clock.epoch()
        metrics: dict[str, float | None] = {}
        if position.loss_images:
            metrics["train_loss"] = position.loss_sum / position.loss_images
        metrics.update(self._prepared.module.validation_results())
        position.epoch += 1
        position.seconds += seconds
        vanished, skipped = position.vanished, position.skipped
        position.batch, position.loss_images, position.loss_sum, position.epoch_seconds = 0, 0, 0.0, 0.0
        position.vanished, position.skipped = 0, 0
        return EpochRow(
            epoch=position.epoch,
            step=position.step,
            learning_rate=self._rate,
            metrics=metrics,
            vanished_objects=vanished,
            skipped_images=skipped,
            seconds=round(seconds, 3),
            images_per_second=rate,
            times=times,
            at=utc_now(),
        )

    def _note_skipped(self, batch: Batch, subset: Literal["train", "val"]) -> None:
        if batch.skipped:
            position = self._prepared.position
            position.skipped += len(batch.skipped)
            self._skipped.note(batch.skipped, subset, position.epoch + 1)
            self._record.skipped_images = self._skipped.count

    def _settle(self) -> None:
        """Read the loss of the batch before this one.

        Raises:
            StudioError: it is not a finite number.
        """
        if self._pending is None:
            return
        step, tensor, images, rate = self._pending
        self._pending = None
        loss = tensor.item()
        if not math.isfinite(loss):
            raise StudioError(
                "loss_not_finite",
                f"The loss became {loss} at step {step}; training on would only make it worse.",
                hint="Use a lower learning rate, and check the dataset for odd images.",
            )
        self._teller.settled(step, loss, rate)
        self._prepared.position.loss_sum += loss * images
        self._prepared.position.loss_images += images

    def _wish(self) -> Wish:
        """Return what is wanted of the run now: the one place where it is decided."""
        if self._run.stop_requested:
            return "stop"
        if self._run.yield_requested:
            return "yield"
        try:
            self._run.check()
        except Cancelled:
            return "cancel"
        return "go on"

    def _end_if_wanted(self, trainer: Trainer, *, finished_epoch: bool) -> None:
        """Raise when the run should end.

        Raises:
            Stopped: a person stopped it; `last` is stored.
            Yielded: the worker shuts down; `last` is stored.
            Cancelled: nobody wants the results.
        """
        wish = self._wish()
        if wish in ("stop", "yield") and not finished_epoch:
            self._settle()
            self._teller.flush()
            self._record.unfinished_epoch(trainer)
        match wish:
            case "stop":
                raise Stopped
            case "yield":
                raise Yielded
            case "cancel":
                raise Cancelled
