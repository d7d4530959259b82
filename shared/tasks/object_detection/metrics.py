"""Average precision, and precision and recall at a score."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from shared.schemas.annotations import BoxAnnotation
from shared.schemas.dataset import ClassInfo
from shared.schemas.evaluation import ImageResult
from shared.taskkit.runtime import Totals
from shared.tasks.object_detection.judging import Counts, area_of, boxes_of, judge
from shared.tasks.object_detection.spec import Options
from shared.vision.box_metrics import BoxMetrics


class DetectionMetrics(nn.Module):
    """The metrics of the spec, gathered over the batches of a validation.

    Args:
        classes: how many there are.
        options: at which score and IoU precision and recall are counted.
    """

    def __init__(self, classes: int, options: Options) -> None:
        super().__init__()
        self._precision = BoxMetrics(classes)
        self._classes = classes
        self._options = options
        self._counts = Counts()

    def update(self, found: Sequence[Mapping[str, Tensor]], truths: Sequence[Mapping[str, Tensor]]) -> None:
        """Add images: detections and truth, both as [x1, y1, x2, y2] in original pixels with labels from 0."""
        self._precision.update(found, truths)
        for item, truth in zip(found, truths, strict=True):
            order = item["scores"].argsort(descending=True, stable=True)
            prediction = {
                "boxes": _sizes(item["boxes"][order]),
                "scores": item["scores"][order].tolist(),
                "class_ids": item["labels"][order].tolist(),
            }
            objects = [
                BoxAnnotation(class_id=label, bbox=bbox, iscrowd=bool(crowd))
                for label, bbox, crowd in zip(
                    truth["labels"].tolist(), _sizes(truth["boxes"]), truth["iscrowd"].tolist(), strict=True
                )
            ]
            self._counts.add(prediction["class_ids"], objects, judge(prediction, objects, self._options))

    def compute(self) -> dict[str, Tensor]:
        """Return the metrics of the spec; what has no value is not a number."""
        every = range(self._classes)
        counted = {"precision": self._counts.precision(every), "recall": self._counts.recall(every)}
        numbers = {key: torch.tensor(float("nan") if value is None else value) for key, value in counted.items()}
        return {**self._precision.compute(), **numbers}

    def reset(self) -> None:
        """Forget what was gathered."""
        self._precision.reset()
        self._counts = Counts()


def totals(results: Sequence[ImageResult], classes: Sequence[ClassInfo], options: Options) -> Totals:
    """Return the metrics of the spec over judged images.

    `details` holds `classes` (id and name), `judged_at` (score and IoU) and `per_class`: class_id, ap (IoU 0.5 to
    0.95), ap_50, precision, recall, support (objects that are no crowd), right, false, missed. What has no value, such
    as the precision of a class that was never detected, is None.
    """
    gathered, counts = BoxMetrics(len(classes)), Counts()
    index = {item.id: at for at, item in enumerate(classes)}
    for result in results:
        objects = boxes_of(result.truth)
        gathered.update([_detections(result, index)], [_truth(objects, index)])
        counts.add(result.prediction["class_ids"], objects, result.judgement)
    summary = gathered.summary()
    every = list(index)
    per_class = [
        {
            "class_id": item.id,
            "ap": found.ap,
            "ap_50": found.ap_50,
            "precision": counts.precision([item.id]),
            "recall": counts.recall([item.id]),
            "support": counts.right[item.id] + counts.missed[item.id],
            "right": counts.right[item.id],
            "false": counts.false[item.id],
            "missed": counts.missed[item.id],
        }
        for item, found in zip(classes, summary.per_class, strict=True)
    ]
    details: dict[str, Any] = {
        "classes": [{"id": item.id, "name": item.name} for item in classes],
        "judged_at": {"score": options.score, "iou": options.iou},
        "per_class": per_class,
    }
    counted = {"precision": counts.precision(every), "recall": counts.recall(every)}
    return Totals({**summary.overall, **counted}, details)


def _detections(result: ImageResult, index: Mapping[int, int]) -> dict[str, Tensor]:
    said = result.prediction
    return {
        "boxes": corners(said["boxes"]),
        "scores": torch.tensor(said["scores"], dtype=torch.float64),
        "labels": torch.tensor([index[item] for item in said["class_ids"]], dtype=torch.int64),
    }


def _truth(objects: Sequence[BoxAnnotation], index: Mapping[int, int]) -> dict[str, Tensor]:
    return {
        "boxes": corners([item.bbox for item in objects]),
        "labels": torch.tensor([index[item.class_id] for item in objects], dtype=torch.int64),
        "iscrowd": torch.tensor([item.iscrowd for item in objects], dtype=torch.int64),
        "area": torch.tensor([area_of(item) for item in objects], dtype=torch.float64),
    }


def corners(boxes: Sequence[Sequence[float]], dtype: torch.dtype = torch.float64) -> Tensor:
    """Return [x, y, width, height] as [x1, y1, x2, y2], shape [n, 4]."""
    values = torch.tensor(boxes, dtype=dtype).reshape(-1, 4)
    return torch.cat([values[:, :2], values[:, :2] + values[:, 2:]], 1)


def _sizes(boxes: Tensor) -> list[tuple[float, float, float, float]]:
    """Return [x1, y1, x2, y2] as [x, y, width, height]."""
    values = boxes.double().cpu()
    return [tuple(row) for row in torch.cat([values[:, :2], values[:, 2:] - values[:, :2]], 1).tolist()]
