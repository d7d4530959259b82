"""The one LightningModule: carries a task's runtime through Lightning's loops."""

from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from shared.taskkit.runtime import Blueprint, TaskRuntime
from shared.vision.averaging import MovingAverage
from shared.vision.backbones import keep_frozen_statistics
from shared.vision.data import Batch
from shared.vision.optimization import lower_on_plateau, make_optimizer, make_schedule, updates_per_epoch


class TrainingModule(LightningModule):
    """A model in training. Losses and metrics stay on the device until somebody reads them.

    Args:
        runtime: the task.
        blueprint: parameters and classes.
        model: what is trained.
        batches_per_epoch: batches of one epoch.
        first_batch: where the first epoch goes on, counted from 0; a multiple of the batches of an update.
    """

    def __init__(
        self, runtime: TaskRuntime, blueprint: Blueprint, model: nn.Module, batches_per_epoch: int, first_batch: int = 0
    ) -> None:
        super().__init__()
        self.model = model
        params = blueprint.params
        self.average = MovingAverage(model, params.ema_decay) if params.ema else None
        self.metrics = runtime.validation_metrics(blueprint)
        self._runtime = runtime
        self._blueprint = blueprint
        self._batches_per_epoch = batches_per_epoch
        self._first_batch = first_batch
        self._val_losses: list[torch.Tensor] = []
        self._val_images = 0

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, torch.Tensor] | None:
        """Return the loss of a batch as `batch_loss`, and as `loss` what is to be made small.

        Lightning divides by the batches of a full update; the fewer ones at the end of an epoch are weighed so that
        their mean counts too. None when too few images of the batch could be read.
        """
        if not batch.trainable:
            return None
        loss = self._runtime.training_loss(self.model, batch.content, self._blueprint)
        return {"loss": loss * self._weight(batch_idx), "batch_loss": loss.detach()}

    def _weight(self, batch_idx: int) -> float:
        accumulate = self._blueprint.params.accumulate
        first = self._first_batch if self.trainer.current_epoch == 0 else 0
        left_over = self._batches_per_epoch % accumulate
        return accumulate / left_over if first + batch_idx >= self._batches_per_epoch - left_over else 1.0

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to the metrics and the mean loss; images that could not be read are not counted."""
        count = batch.images
        if not count:
            return
        loss = self._runtime.validate(self.model, batch.content, self.metrics, self._blueprint)
        self._val_losses.append(loss.detach() * count)
        self._val_images += count

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Change the weights, then let them flow into their average."""
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            self.average.update(self.model)

    def on_train_start(self) -> None:
        """Keep the average where Lightning has just put the model."""
        if self.average is not None:
            self.average.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Keep frozen statistics frozen; Lightning has just put the model into training mode."""
        keep_frozen_statistics(self.model)

    def on_validation_epoch_start(self) -> None:
        """Start from nothing, with the averaged weights if there are any."""
        if self.average is not None:
            self.average.swap(self.model)
        self._val_losses.clear()
        self._val_images = 0
        self.metrics.reset()

    def on_validation_epoch_end(self) -> None:
        """Go on with the weights in training."""
        if self.average is not None:
            self.average.swap(self.model)

    def validation_results(self) -> dict[str, float]:
        """Return the mean loss over images and the task's metrics of the last validation, keys prefixed `val_`.

        Empty when there was none. Metrics without a value (not a number) are left out.
        """
        if not self._val_losses:
            return {}
        found = {"loss": torch.stack(self._val_losses).sum() / self._val_images, **self.metrics.compute()}
        values = {f"val_{key}": float(value) for key, value in found.items()}
        return {key: value for key, value in values.items() if value == value}

    def end_epoch(self, metric: float | None, *, higher_is_better: bool) -> None:
        """Let the learning rate follow how the epoch ended by the metric that decides which epoch is best."""
        schedule = self.lr_schedulers()
        assert isinstance(schedule, LambdaLR)
        lower_on_plateau(schedule, metric, higher_is_better=higher_is_better)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer with its schedule by steps."""
        optimizer = make_optimizer(self.model.parameters(), self._blueprint.params)
        steps = updates_per_epoch(self._batches_per_epoch, self._blueprint.params.accumulate)
        schedule = make_schedule(optimizer, self._blueprint.params, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
