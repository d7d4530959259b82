"""Goal 11: average precision over 5,000 images takes at most half of what pycocotools takes for the same boxes."""

import contextlib
import copy
import io
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO  # type: ignore[import-untyped]
from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]

from shared.vision.box_metrics import BoxMetrics

GOAL = 0.5
_IMAGES = 5000
_CLASSES = 80
_OBJECTS = 7.3
"""Objects an image, as in COCO's validation set."""
_DETECTIONS = 30
_FOUND = 0.85
_SIDE = 640.0
_RUNS = 3

Item = dict[str, torch.Tensor]


def main() -> int:
    """Measure both in turns; return 1 when the goal is missed."""
    truths, detections = _generated(np.random.default_rng(0))
    dataset, results = _as_coco(truths, detections)
    ours, theirs = [], []
    for _ in range(_RUNS):
        ours.append(_timed(partial(_ours, detections, truths)))
        theirs.append(_timed(partial(_theirs, dataset, copy.deepcopy(results))))
    difference = abs(ours[0][1] - theirs[0][1])
    mine, reference = (statistics.median(seconds for seconds, _ in runs) for runs in (ours, theirs))
    good = mine <= GOAL * reference and difference < 1e-6
    print(
        f"detection metrics, {_IMAGES} images: {mine:.1f} s of CPU, pycocotools {reference:.1f} s, ratio "
        f"{mine / reference:.2f}, goal {GOAL}; mAP differs by {difference:.0e}: {'ok' if good else 'MISSED'}"
    )
    return 0 if good else 1


def _timed(work: Callable[[], float]) -> tuple[float, float]:
    start = time.process_time()
    value = work()
    return time.process_time() - start, value


def _ours(detections: list[Item], truths: list[Item]) -> float:
    metrics = BoxMetrics(_CLASSES)
    metrics.update(detections, truths)
    return float(metrics.summary().overall["map"] or 0)


def _theirs(dataset: COCO, results: list[dict[str, Any]]) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(dataset, dataset.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def _generated(chance: np.random.Generator) -> tuple[list[Item], list[Item]]:
    """Return images whose classes have a long tail, most objects found loosely, and false alarms of low scores."""
    share = 1 / np.arange(1, _CLASSES + 1)
    truths, detections = [], []
    for _ in range(_IMAGES):
        count = chance.poisson(_OBJECTS)
        boxes, labels = _boxes(chance, count), chance.choice(_CLASSES, count, p=share / share.sum())
        hit = chance.random(count) < _FOUND
        false = max(0, _DETECTIONS - int(hit.sum()))
        found = np.vstack([_moved(chance, boxes[hit]), _boxes(chance, false)])
        said = np.concatenate([labels[hit], chance.integers(0, _CLASSES, false)])
        scores = np.concatenate([chance.beta(4, 2, int(hit.sum())), chance.beta(1, 6, false)])
        truths.append({"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(labels)})
        detections.append(
            {"boxes": torch.from_numpy(found), "labels": torch.from_numpy(said), "scores": torch.from_numpy(scores)}
        )
    return truths, detections


def _boxes(chance: np.random.Generator, count: int) -> np.ndarray:
    sizes = np.exp(chance.uniform(np.log(12), np.log(320), (count, 2)))
    corners = chance.uniform(0, 1, (count, 2)) * (_SIDE - sizes)
    return np.hstack([corners, corners + sizes])


def _moved(chance: np.random.Generator, boxes: np.ndarray) -> np.ndarray:
    sizes = boxes[:, 2:] - boxes[:, :2]
    moved = boxes + chance.normal(0, 0.07, boxes.shape) * np.hstack([sizes, sizes])
    return np.hstack([moved[:, :2], np.maximum(moved[:, 2:], moved[:, :2] + 1)])


def _as_coco(truths: list[Item], detections: list[Item]) -> tuple[COCO, list[dict[str, Any]]]:
    objects = [{**row, "id": number, "iscrowd": 0} for number, row in enumerate(_rows(truths), 1)]
    dataset = COCO()
    dataset.dataset = {
        "info": {},
        "images": [{"id": index} for index in range(len(truths))],
        "categories": [{"id": index} for index in range(_CLASSES)],
        "annotations": objects,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        dataset.createIndex()
    scores = torch.cat([item["scores"] for item in detections]).tolist()
    return dataset, [{**row, "score": score} for row, score in zip(_rows(detections), scores, strict=True)]


def _rows(items: list[Item]) -> list[dict[str, Any]]:
    return [
        {"image_id": index, "category_id": label, "bbox": [x, y, right - x, low - y], "area": (right - x) * (low - y)}
        for index, item in enumerate(items)
        for (x, y, right, low), label in zip(item["boxes"].tolist(), item["labels"].tolist(), strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
