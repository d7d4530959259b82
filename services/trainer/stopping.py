"""Early stopping: when epochs have gone by without a new best."""

import logging
from collections.abc import Mapping

from services.trainer.preparation import Prepared
from shared.taskkit.parameters import TrainParams
from shared.taskkit.spec import TaskSpec

log = logging.getLogger(__name__)


def note_epoch(prepared: Prepared, metrics: Mapping[str, float | None]) -> None:
    """Count the epoch in the position, and set `stopped_early` when the patience is used up.

    Called before the epoch's checkpoint is written, so that a run that is killed after that trains no epoch too many.
    An epoch whose metric has no value changes nothing.
    """
    params, position = prepared.blueprint.params, prepared.position
    if not params.early_stopping:
        return
    key, higher_is_better = watched_metric(prepared.blueprint.spec, params, validates=prepared.validates)
    if (value := metrics.get(key)) is None:
        return
    if improves(value, position.best, higher_is_better=higher_is_better):
        position.best, position.waited = value, 0
        return
    position.waited += 1
    if position.waited >= params.patience:
        position.stopped_early = True
        log.info(
            "early stopping after %s epochs: %s has not been better than %.4g for %s epochs",
            position.epoch,
            key,
            position.best,
            position.waited,
        )


def improves(value: float, best: float | None, *, higher_is_better: bool) -> bool:
    """Whether a value is better than the best so far, None where there is none."""
    return best is None or (value > best if higher_is_better else value < best)


def watched_metric(spec: TaskSpec, params: TrainParams, *, validates: bool) -> tuple[str, bool]:
    """Return the metric that early stopping goes by, as rows of metrics call it, and whether higher is better."""
    if not validates:
        return "train_loss", False
    key, higher_is_better = spec.stopping_metric(params.early_stopping_metric)
    mode = params.early_stopping_mode
    return key, higher_is_better if mode == "auto" else mode == "max"
