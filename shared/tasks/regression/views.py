"""What regression adds to pages: predicted against actual, the errors, and the numbers of an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import pstdev
from typing import Any

from shared.schemas.annotations import values_of
from shared.schemas.dataset import Legend, TargetInfo
from shared.schemas.evaluation import Aggregate, ImageResult
from shared.taskkit import plots

_WORST = 300
_OTHERS = 1200
"""Points of the scatter plot that stand for the rest; more could not be told apart."""
_BINS = 25


@dataclass(frozen=True)
class Point:
    """One image: actual value across, predicted value up."""

    image_id: str
    x: float
    y: float
    title: str


def evaluation(aggregate: Aggregate, results: Sequence[ImageResult], legend: Legend) -> dict[str, Any]:
    """Return for each target its metrics, the scatter plot and the histogram of errors (predicted minus actual)."""
    judged = [(item, truth) for item in results if (truth := values_of(item.truth))]
    return {
        "targets": [
            _target(at, target, metrics, judged)
            for at, (target, metrics) in enumerate(zip(legend.targets, aggregate.details["per_target"], strict=False))
        ]
    }


def image(result: ImageResult, _aggregate: Aggregate, legend: Legend) -> dict[str, Any]:
    """Return each number as actual, predicted and the difference."""
    truth: Sequence[float | None] = values_of(result.truth) or [None] * len(legend.targets)
    rows = zip(legend.targets, truth, result.prediction["values"], strict=False)
    return {
        "rows": [
            {
                "name": target.name,
                "unit": target.unit,
                "actual": "–" if actual is None else plots.number(actual),
                "predicted": plots.number(predicted),
                "error": "–" if actual is None else f"{predicted - actual:+.3g}",
            }
            for target, actual, predicted in rows
        ]
    }


def _target(
    at: int,
    target: TargetInfo,
    metrics: Mapping[str, float | None],
    judged: Sequence[tuple[ImageResult, Sequence[float]]],
) -> dict[str, Any]:
    points = [_point(item, truth[at], item.prediction["values"][at], target) for item, truth in judged]
    shown = _chosen(points)
    unit = f" ({target.unit})" if target.unit else ""
    return {
        "name": target.name,
        "unit": target.unit,
        "title": target.name.capitalize() + unit,
        "metrics": metrics,
        "blind": f"{plots.number(pstdev([point.x for point in points]))} by always saying the mean" if points else "",
        "axis": plots.axis([value for point in shown for value in (point.x, point.y)]),
        "points": shown,
        "left_out": len(points) - len(shown),
        "errors": plots.histogram([point.y - point.x for point in points], _BINS),
    }


def _point(item: ImageResult, actual: float, predicted: float, target: TargetInfo) -> Point:
    text = f"{plots.number(predicted)} for {plots.number(actual)} {target.unit}".strip()
    return Point(item.image_id, actual, predicted, f"{item.filename}: {text}")


def _chosen(points: Sequence[Point]) -> list[Point]:
    """Return the points to draw: the worst ones, and an even choice of the others below them."""
    ranked = sorted(points, key=lambda point: -abs(point.y - point.x))
    others = ranked[_WORST:]
    step = max(1, -(-len(others) // _OTHERS))
    return [*others[::step], *reversed(ranked[:_WORST])]
