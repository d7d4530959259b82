"""What classification adds to pages: the confusion matrix, figures a class, and the probabilities of an image."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.schemas.dataset import Legend
from shared.schemas.evaluation import Aggregate, ImageResult

_DARK_FROM = 0.55
"""Share of a row from which a cell is dark enough to need light text."""
_SHOWN = 10


def evaluation(aggregate: Aggregate, _results: Sequence[ImageResult], legend: Legend) -> dict[str, Any]:
    """Return the confusion matrix row by row, and each class with its figures."""
    details = aggregate.details
    names = [item["name"] for item in details["classes"]]
    rows = [_row(names, at, counts) for at, counts in enumerate(details["confusion_matrix"])]
    colors = {item.id: item.color for item in legend.classes}
    listed = {item["id"]: item["name"] for item in details["classes"]}
    per_class = [
        {**item, "name": listed[item["class_id"]], "color": colors.get(item["class_id"])}
        for item in details["per_class"]
    ]
    return {"names": names, "rows": rows, "per_class": sorted(per_class, key=_weakest_first)}


def image(result: ImageResult, aggregate: Aggregate, legend: Legend) -> dict[str, Any]:
    """Return the most probable classes, and the true one in any case."""
    colors = {item.id: item.color for item in legend.classes}
    pairs = zip(aggregate.details["classes"], result.prediction["probabilities"], strict=True)
    scores = [
        {
            "name": known["name"],
            "color": colors.get(known["id"]),
            "probability": probability,
            "true": known["id"] in result.true_classes,
        }
        for known, probability in pairs
    ]
    ranked = sorted(scores, key=lambda item: -float(item["probability"]))
    return {"scores": [item for at, item in enumerate(ranked) if at < _SHOWN or item["true"]]}


def _row(names: Sequence[str], at: int, counts: Sequence[int]) -> dict[str, Any]:
    total = sum(counts)
    cells = [
        {
            "predicted": name,
            "count": count,
            "share": count / total if total else 0.0,
            "dark": total > 0 and count / total >= _DARK_FROM,
            "right": column == at,
        }
        for column, (name, count) in enumerate(zip(names, counts, strict=True))
    ]
    return {"name": names[at], "total": total, "cells": cells}


def _weakest_first(item: Mapping[str, Any]) -> tuple[float, str]:
    f1 = item["f1"]
    return (2.0 if f1 is None else float(f1), str(item["name"]))
