"""The callback that stands between Lightning's loop and the job: progress out, wishes in."""

import math
import time
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from services.trainer.preparation import Prepared
from services.trainer.record import Record
from shared.bus.run import Run
from shared.errors import StudioError
from shared.schemas.base import utc_now
from shared.schemas.experiment import EpochRow
from shared.vision import checkpoints


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
        self._pending: tuple[int, torch.Tensor, int] | None = None
        self._loss = math.nan
        self._rate = 0.0
        self._since = time.monotonic()
        self._train_seconds = 0.0
        self._images = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back the state of a resumed training."""
        if self._prepared.saved:
            checkpoints.restore(self._prepared.saved, trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._since = time.monotonic()
        self._images = 0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the learning rate this batch is trained with."""
        self._rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch and tell of it; end here when that is wanted."""
        self._settle()
        position = self._prepared.position
        position.batch += 1
        position.step += 1
        position.vanished += batch.vanished
        self._pending = (position.step, outputs["batch_loss"], batch.images)
        self._images += batch.images
        self._tell("")
        # Gradients that wait for the rest of their update are not stored, so the update is finished first.
        if position.batch < self._batches and position.batch % self._prepared.blueprint.params.accumulate == 0:
            self._end_if_wanted(trainer, finished_epoch=False)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note how long the training part of the epoch took."""
        self._train_seconds = time.monotonic() - self._since

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        """Look for a cancel; a stop or a shutdown waits for the end of the epoch, which is near."""
        self._tell(", validating")
        if not self._run.yield_requested:
            self._run.check()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store the epoch, then end here when that is wanted."""
        self._settle()
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
        now = time.monotonic() - self._since
        trained = self._train_seconds if self._prepared.validates else now
        seconds = position.epoch_seconds + now
        metrics: dict[str, float | None] = {"train_loss": position.loss_sum / position.loss_images}
        metrics.update(self._prepared.module.validation_results())
        position.epoch += 1
        position.seconds += seconds
        vanished = position.vanished
        position.batch, position.loss_images, position.loss_sum, position.epoch_seconds = 0, 0, 0.0, 0.0
        position.vanished = 0
        return EpochRow(
            epoch=position.epoch,
            step=position.step,
            seconds=round(seconds, 3),
            learning_rate=self._rate,
            images_per_second=round(self._images / trained, 2),
            metrics=metrics,
            vanished_objects=vanished,
            at=utc_now(),
        )

    def _settle(self) -> None:
        """Read the loss of the batch before this one.

        Raises:
            StudioError: it is not a finite number.
        """
        if self._pending is None:
            return
        step, loss, images = self._pending
        self._pending = None
        self._loss = loss.item()
        if not math.isfinite(self._loss):
            raise StudioError(
                "loss_not_finite",
                f"The loss became {self._loss} at step {step}; training on would only make it worse.",
                hint="Use a lower learning rate, and check the dataset for odd images.",
            )
        self._prepared.position.loss_sum += self._loss * images
        self._prepared.position.loss_images += images

    def _end_if_wanted(self, trainer: Trainer, *, finished_epoch: bool) -> None:
        """Raise when the run should end.

        Raises:
            Stopped: a person stopped it; `last` is stored.
            Yielded: the worker shuts down; `last` is stored.
            Cancelled: nobody wants the results.
        """
        stopped = self._run.stop_requested
        if (stopped or self._run.yield_requested) and not finished_epoch:
            self._settle()
            self._prepared.position.epoch_seconds += time.monotonic() - self._since
            self._record.unfinished_epoch(trainer)
        if stopped:
            raise Stopped
        self._run.check()

    def _tell(self, what: str) -> None:
        position = self._prepared.position
        values = {"loss": self._loss} if math.isfinite(self._loss) else None
        self._run.progress(
            "training",
            position.step,
            self._epochs * self._batches,
            unit="steps",
            message=f"epoch {position.epoch + 1} of {self._epochs}{what}",
            values=values,
        )
