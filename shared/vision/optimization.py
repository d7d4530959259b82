"""Optimizers and learning rate schedules from the training parameters."""

import math
from collections.abc import Iterable

import torch
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from shared.taskkit.parameters import TrainParams


def make_optimizer(parameters: Iterable[torch.nn.Parameter], params: TrainParams) -> Optimizer:
    """Return the optimizer over the parameters that are not frozen."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if params.optimizer == "sgd":
        return SGD(trained, params.learning_rate, momentum=params.momentum, weight_decay=params.weight_decay)
    return AdamW(trained, params.learning_rate, weight_decay=params.weight_decay)


def make_schedule(optimizer: Optimizer, params: TrainParams, steps_per_epoch: int) -> LambdaLR:
    """Return the schedule, to be advanced once a step."""
    return LambdaLR(optimizer, Schedule(params, steps_per_epoch))


class Schedule:
    """The factor on the learning rate at a step: a linear rise, then half a cosine to zero (Loshchilov & Hutter 2017).

    The rise takes at most half of the training, so that short trainings reach the top too.
    """

    def __init__(self, params: TrainParams, steps_per_epoch: int) -> None:
        self.total = max(1, params.epochs * steps_per_epoch)
        self.rise = min(params.warmup_epochs * steps_per_epoch, self.total // 2)
        self.falls = params.scheduler == "cosine"

    def __call__(self, step: int) -> float:
        """Return the factor, 0 to 1, for the step that follows `step` finished ones."""
        if step < self.rise:
            return (step + 1) / (self.rise + 1)
        if not self.falls:
            return 1.0
        passed = (step - self.rise) / max(1, self.total - self.rise)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, passed)))
