"""The one LightningModule: carries a task's runtime through Lightning's loops."""

from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn

from shared.taskkit.runtime import Blueprint, TaskRuntime
from shared.vision.backbones import keep_frozen_statistics
from shared.vision.data import checked
from shared.vision.optimization import make_optimizer, make_schedule


class TrainingModule(LightningModule):
    """A model in training. Losses and metrics stay on the device until somebody reads them.

    Args:
        runtime: the task.
        blueprint: parameters and classes.
        model: what is trained.
        batches_per_epoch: steps of one epoch.
    """

    def __init__(self, runtime: TaskRuntime, blueprint: Blueprint, model: nn.Module, batches_per_epoch: int) -> None:
        super().__init__()
        self.model = model
        self.metrics = runtime.validation_metrics(blueprint)
        self._runtime = runtime
        self._blueprint = blueprint
        self._batches_per_epoch = batches_per_epoch
        self._val_losses: list[torch.Tensor] = []
        self._val_images = 0

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """Return the loss of a batch.

        Raises:
            StudioError: an image of the batch is damaged.
        """
        return self._runtime.training_loss(self.model, checked(batch).content, self._blueprint)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Add a batch to the metrics and the mean loss."""
        count = checked(batch).images
        loss = self._runtime.validate(self.model, batch.content, self.metrics, self._blueprint)
        self._val_losses.append(loss.detach() * count)
        self._val_images += count

    def on_train_epoch_start(self) -> None:
        """Keep frozen statistics frozen; Lightning has just put the model into training mode."""
        keep_frozen_statistics(self.model)

    def on_validation_epoch_start(self) -> None:
        """Start from nothing."""
        self._val_losses.clear()
        self._val_images = 0
        self.metrics.reset()

    def validation_results(self) -> dict[str, float]:
        """Return the mean loss over images and the task's metrics of the last validation, keys prefixed `val_`.

        Empty when there was none. Metrics without a value (not a number) are left out.
        """
        if not self._val_losses:
            return {}
        found = {"loss": torch.stack(self._val_losses).sum() / self._val_images, **self.metrics.compute()}
        values = {f"val_{key}": float(value) for key, value in found.items()}
        return {key: value for key, value in values.items() if value == value}

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer with its schedule by steps."""
        optimizer = make_optimizer(self.model.parameters(), self._blueprint.params)
        schedule = make_schedule(optimizer, self._blueprint.params, self._batches_per_epoch)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
