"""Optimizers and learning rate schedules from the training parameters."""

import math
from collections.abc import Callable, Iterable

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from shared.taskkit.parameters import TrainParams

# One-cycle begins at a 25th of its top and ends at a ten thousandth of where it began.
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = _ONE_CYCLE_START / 1e4


def make_optimizer(parameters: Iterable[torch.nn.Parameter], params: TrainParams) -> Optimizer:
    """Return the optimizer over the parameters that are not frozen.

    Adam (Kingma & Ba 2015), with decay of weights apart from the gradient as AdamW (Loshchilov & Hutter 2019), or
    gradient descent with momentum (Sutskever et al. 2013, there also the Nesterov form).
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    rate, decay = params.learning_rate, params.weight_decay
    if params.optimizer == "sgd":
        nesterov = params.nesterov and params.momentum > 0
        return SGD(trained, rate, momentum=params.momentum, weight_decay=decay, nesterov=nesterov)
    return (Adam if params.optimizer == "adam" else AdamW)(trained, rate, weight_decay=decay)


def updates_per_epoch(batches: int, accumulate: int) -> int:
    """Return how often an epoch changes the weights; batches left over at its end count as one update."""
    return math.ceil(batches / accumulate)


def make_schedule(optimizer: Optimizer, params: TrainParams, steps_per_epoch: int) -> LambdaLR:
    """Return the schedule, to be advanced once an optimizer step."""
    return LambdaLR(optimizer, Schedule(params, steps_per_epoch))


def lower_on_plateau(schedule: LambdaLR, metric: float | None, *, higher_is_better: bool) -> None:
    """Tell a schedule how an epoch ended; one that goes by plateaus may lower the rate from the next step on.

    Args:
        schedule: what `make_schedule` returned.
        metric: the metric of the epoch; None where it has no value, which changes nothing.
        higher_is_better: its direction.
    """
    shape = schedule.lr_lambdas[0]
    assert isinstance(shape, Schedule)
    if metric is None or not shape.lowers_after(metric if higher_is_better else -metric):
        return
    for group, base in zip(schedule.optimizer.param_groups, schedule.base_lrs, strict=True):
        group["lr"] = base * shape(schedule.last_epoch)


class Schedule:
    """The factor on the learning rate at an optimizer step: a linear rise times the shape the parameters choose.

    The rise takes at most half of the training, so that short trainings reach the top too. One function of the step
    serves all shapes, so that a resumed training has exactly the rates of an uninterrupted one; what a plateau has
    changed is in the attributes, which torch stores and restores with the schedule.

    - cosine: half a wave to zero (Loshchilov & Hutter 2017);
    - polynomial: (1 - share of the training)^power (as in Chen et al. 2018, DeepLab);
    - one_cycle: half a wave up and one down (Smith & Topin 2018), momentum left as it is;
    - step, multistep: a factor every few epochs, or after given ones, counted from the beginning;
    - plateau: a factor when a metric stops improving.
    """

    def __init__(self, params: TrainParams, steps_per_epoch: int) -> None:
        self.kind = params.scheduler
        self.per_epoch = max(1, steps_per_epoch)
        self.total = max(1, params.epochs * steps_per_epoch)
        own_rise = params.scheduler == "one_cycle"
        self.rise = 0 if own_rise else min(params.warmup_epochs * steps_per_epoch, self.total // 2)
        self.cycle_rise = params.one_cycle_rise
        self.step_size = params.step_size
        self.milestones = list(params.milestones) or _usual_milestones(params.epochs)
        self.gamma = params.gamma
        self.power = params.power
        self.patience = params.plateau_patience
        self.plateau_factor = params.plateau_factor
        self.scale = 1.0
        self.waited = 0
        self.best: float | None = None

    def __call__(self, step: int) -> float:
        """Return the factor, 0 to 1, for the step that follows `step` finished ones."""
        risen = min(1.0, (step + 1) / (self.rise + 1))
        return risen * _SHAPES[self.kind](self, step)

    def lowers_after(self, value: float) -> bool:
        """Note the metric of an epoch, higher being better; return whether the rate is lowered for it."""
        if self.kind != "plateau":
            return False
        if self.best is None or value > self.best:
            self.best, self.waited = value, 0
            return False
        self.waited += 1
        if self.waited <= self.patience:
            return False
        self.scale, self.waited = self.scale * self.plateau_factor, 0
        return True

    def passed(self, step: int) -> float:
        """Return the share of the training behind the rise that is over, 0 to 1."""
        return min(1.0, max(0, step - self.rise) / max(1, self.total - self.rise))


def _one_cycle(schedule: Schedule, step: int) -> float:
    top, last = schedule.cycle_rise * schedule.total - 1, schedule.total - 1
    if step < top:
        return _half_wave(_ONE_CYCLE_START, 1.0, step / top)
    return _half_wave(1.0, _ONE_CYCLE_END, min(1.0, (step - top) / (last - top)))


def _half_wave(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def _multistep(schedule: Schedule, step: int) -> float:
    epoch = step // schedule.per_epoch
    return float(schedule.gamma ** sum(milestone <= epoch for milestone in schedule.milestones))


def _usual_milestones(epochs: int) -> list[int]:
    return sorted({max(1, epochs // 2), max(1, epochs * 3 // 4)})


_SHAPES: dict[str, Callable[["Schedule", int], float]] = {
    "none": lambda schedule, step: 1.0,
    "cosine": lambda schedule, step: _half_wave(1.0, 0.0, schedule.passed(step)),
    "polynomial": lambda schedule, step: math.pow(1 - schedule.passed(step), schedule.power),
    "step": lambda schedule, step: math.pow(schedule.gamma, step // schedule.per_epoch // schedule.step_size),
    "multistep": _multistep,
    "one_cycle": _one_cycle,
    "plateau": lambda schedule, step: schedule.scale,
}
