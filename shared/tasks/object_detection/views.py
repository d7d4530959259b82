"""What object detection adds to pages: average precision by class, and what was found in an image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shared.schemas.dataset import Legend
from shared.schemas.evaluation import Aggregate, ImageResult
from shared.tasks.object_detection.judging import boxes_of


def evaluation(aggregate: Aggregate, _results: Sequence[ImageResult], legend: Legend) -> dict[str, Any]:
    """Return each class with its figures, and how detections were judged."""
    colors = {item.id: item.color for item in legend.classes}
    names = {item["id"]: item["name"] for item in aggregate.details["classes"]}
    rows = [
        {**item, "name": names[item["class_id"]], "color": colors.get(item["class_id"])}
        for item in aggregate.details["per_class"]
    ]
    return {"per_class": sorted(rows, key=_weakest_first), **aggregate.details["judged_at"]}


def image(result: ImageResult, _aggregate: Aggregate, legend: Legend) -> dict[str, Any]:
    """Return how many objects of each class were found, missed, and claimed wrongly."""
    judgement = result.judgement
    truth = [item.class_id for item in boxes_of(result.truth)]
    said = list(zip(judgement["verdicts"], result.prediction["class_ids"], strict=False))
    right = Counter(class_id for verdict, class_id in said if verdict == "right")
    false = Counter(class_id for verdict, class_id in said if verdict == "false")
    missed = Counter(truth[at] for at in judgement["missed"])
    return {
        "rows": [
            {
                "name": item.name,
                "color": item.color,
                "right": right[item.id],
                "false": false[item.id],
                "missed": missed[item.id],
            }
            for item in legend.classes
            if right[item.id] or false[item.id] or missed[item.id]
        ]
    }


def _weakest_first(item: Mapping[str, Any]) -> tuple[float, str]:
    ap = item["ap_50"]
    return (2.0 if ap is None else float(ap), str(item["name"]))
