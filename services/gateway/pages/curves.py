"""Metric rows as charts: which curves belong on one chart follows from the keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.schemas.experiment import EpochRow
from shared.taskkit.spec import TaskSpec

_SIDES = (("train", "Train"), ("val", "Validation"))


@dataclass(frozen=True)
class Series:
    """One curve: the key of its values in the rows, and the number of its colour."""

    key: str
    label: str
    color: int


@dataclass(frozen=True)
class Chart:
    """Curves over epochs. `job` is set while rows still come."""

    id: str
    title: str
    series: list[Series]
    rows: list[dict[str, float | None]]
    percent: bool
    job: str | None
    total: int | None

    def spec(self) -> dict[str, Any]:
        """Return the chart as the browser takes it."""
        series = [{"key": item.key, "label": item.label, "color": item.color} for item in self.series]
        return {"series": series, "rows": self.rows, "percent": self.percent, "job": self.job, "total": self.total}


@dataclass(frozen=True)
class Best:
    """The best value of the primary metric so far."""

    epoch: int
    value: float


def best(spec: TaskSpec, rows: Sequence[EpochRow]) -> Best | None:
    """Return the best epoch of the rows. They are ahead of the experiment's summary while it trains."""
    key = spec.primary_key
    known = [Best(row.epoch, value) for row in rows if (value := row.metrics.get(key)) is not None]
    sign = 1 if spec.primary_metric.higher_is_better else -1
    return max(known, key=lambda item: sign * item.value, default=None)


def charts(spec: TaskSpec, rows: Sequence[EpochRow], job: str | None, total: int | None) -> list[Chart]:
    """Return loss, the primary metric, the other metrics, then the learning rate.

    Args:
        spec: whose metrics; each may be told of train and of validation.
        rows: what is known so far.
        job: the training that may still tell more.
        total: how many epochs there will be.
    """
    flat = [{"epoch": float(row.epoch), "learning_rate": row.learning_rate, **row.metrics} for row in rows]
    metrics = sorted(spec.metrics, key=lambda metric: not metric.primary)
    wanted = [("loss", "Loss", False), *((item.key, item.label, item.style == "percent") for item in metrics)]
    seen = {key for row in rows for key in row.metrics}
    made = [
        Chart(f"chart-{key}", label, _series(key, seen), flat, percent, job, total) for key, label, percent in wanted
    ]
    rate = [Series("learning_rate", "Learning rate", 4)]
    return [*made, Chart("chart-learning-rate", "Learning rate", rate, flat, False, job, total)]


def _series(key: str, seen: set[str]) -> list[Series]:
    """Return the sides a metric has rows of; before the first row, both for the loss and validation for the rest."""
    expected = seen or {"train_loss", "val_loss"}
    found = [
        Series(f"{side}_{key}", label, at) for at, (side, label) in enumerate(_SIDES) if f"{side}_{key}" in expected
    ]
    return found or [Series(f"val_{key}", "Validation", 1)]
