"""The torch side of object detection.

A prediction is `{"boxes": [[x, y, width, height], ...], "scores": [...], "class_ids": [...]}`, best first: up to 100
detections of at least the lowest score, in pixels of the upright image.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import tv_tensors

from shared.errors import StudioError
from shared.schemas.annotations import BoxAnnotation
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord
from shared.schemas.evaluation import ImageResult
from shared.taskkit.parameters import EvaluationOptions
from shared.taskkit.runtime import Agreement, Blueprint, ExportView, Prediction, Totals, WeightSource
from shared.tasks.object_detection.agreement import compare
from shared.tasks.object_detection.judging import area_of, boxes_of, judge
from shared.tasks.object_detection.metrics import DetectionMetrics, corners, totals
from shared.tasks.object_detection.spec import LOWEST_SCORE, MOST_DETECTIONS, Options, Params
from shared.vision.detectors import ExportedDetector, build_detector, detector_loss, validation_pass


class Batch(NamedTuple):
    """Images [N, 3, S, S]; of each the boxes to learn in pixels of S; of each the whole truth in original pixels."""

    images: Tensor
    targets: list[dict[str, Tensor]]
    truths: list[dict[str, Tensor]]


class ObjectDetectionRuntime:
    """Carries out `shared.taskkit.runtime.TaskRuntime` for boxes."""

    def learnable(self, record: ImageRecord) -> bool:
        """Every image teaches: one without objects what the background looks like."""
        return True

    def study(self, records: Sequence[ImageRecord], blueprint: Blueprint) -> dict[str, Any]:
        """Look whether there is anything to find; nothing has to be known of the images afterwards.

        Raises:
            StudioError: no image has an object.
        """
        if not any(_boxes(record, crowds=False) for record in records):
            raise StudioError(
                "no_objects",
                "No image of the train subset has an object; there is nothing to learn.",
                hint="Import images with boxes, or choose a split whose train subset has some.",
            )
        return {}

    def build(self, blueprint: Blueprint, weights: WeightSource | None) -> nn.Module:
        """Return the detector with heads for the classes and a background."""
        params = blueprint.params_as(Params)
        return build_detector(
            blueprint.architecture.id,
            len(blueprint.classes),
            params.image_size,
            pretrained=params.pretrained_part if params.pretrained else "none",
            freeze_backbone=params.pretrained and params.freeze_backbone,
            weights=weights,
            lowest_score=LOWEST_SCORE,
            most=MOST_DETECTIONS,
        )

    def encode(self, record: ImageRecord, blueprint: Blueprint) -> dict[str, Any]:
        """Return `boxes` and `labels` (from 1) to learn, and the whole `truth`, which nothing transforms."""
        index = {item.id: at for at, item in enumerate(blueprint.classes)}
        learned, every = _boxes(record, crowds=False), _boxes(record, crowds=True)
        return {
            "boxes": tv_tensors.BoundingBoxes(
                _corners(learned), format="XYXY", canvas_size=(record.height, record.width)
            ),
            "labels": torch.tensor([index[item.class_id] + 1 for item in learned], dtype=torch.int64),
            "truth": {
                "boxes": _corners(every),
                "labels": torch.tensor([index[item.class_id] for item in every], dtype=torch.int64),
                "iscrowd": torch.tensor([item.iscrowd for item in every], dtype=torch.int64),
                "area": torch.tensor([area_of(item) for item in every], dtype=torch.float64),
                "size": torch.tensor([record.width, record.height]),
            },
        }

    def collate(self, samples: Sequence[tuple[Tensor, Any]]) -> Batch:
        """Return images as one tensor, targets and truths one an image."""
        targets = [{"boxes": target["boxes"].as_subclass(Tensor), "labels": target["labels"]} for _, target in samples]
        return Batch(torch.stack([image for image, _ in samples]), targets, [target["truth"] for _, target in samples])

    def training_loss(self, model: nn.Module, batch: Any, blueprint: Blueprint) -> Tensor:
        """Return the sum of the losses the architecture is published with."""
        return detector_loss(model, batch.images, batch.targets)

    def validation_metrics(self, blueprint: Blueprint) -> DetectionMetrics:
        """Return the metrics of the spec; precision and recall at the score and IoU that evaluations start with."""
        return DetectionMetrics(len(blueprint.classes), Options())

    def validate(self, model: nn.Module, batch: Any, metrics: Any, blueprint: Blueprint) -> Tensor:
        """Add the batch to the metrics and return its loss."""
        loss, found = validation_pass(model, batch.images, batch.targets)
        side = batch.images.shape[-1]
        metrics.update(
            [_rescaled(item, truth["size"], side) for item, truth in zip(found, batch.truths, strict=True)],
            batch.truths,
        )
        return loss

    def predict(
        self, model: nn.Module, images: Tensor, records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return the detections of each image."""
        return [
            _prediction(item["boxes"], item["scores"], item["labels"] - 1, record, images.shape[-1], blueprint)
            for item, record in zip(model(images), records, strict=True)
        ]

    def score(
        self,
        record: ImageRecord,
        subset: Subset,
        prediction: Prediction,
        blueprint: Blueprint,
        options: EvaluationOptions,
    ) -> ImageResult:
        """Match detections and objects. An image is right when nothing is false or missed; the error counts both."""
        assert isinstance(options, Options)
        truth = _boxes(record, crowds=True)
        judgement = judge(prediction, truth, options)
        false = judgement["verdicts"].count("false")
        kept = len(judgement["verdicts"])
        return ImageResult(
            image_id=record.id,
            filename=record.filename,
            subset=subset,
            width=record.width,
            height=record.height,
            truth=record.annotations,
            prediction=prediction,
            correct=false == 0 and not judgement["missed"],
            confidence=prediction["scores"][0] if kept else None,
            error=float(false + len(judgement["missed"])),
            true_classes=sorted({item.class_id for item in truth if not item.iscrowd}),
            predicted_classes=sorted(set(prediction["class_ids"][:kept])),
            judgement=judgement,
        )

    def aggregate(self, results: Sequence[ImageResult], blueprint: Blueprint, options: EvaluationOptions) -> Totals:
        """Return the metrics of the spec and figures a class (see `metrics.totals`)."""
        assert isinstance(options, Options)
        return totals(results, blueprint.classes, options)

    def export_view(self, model: nn.Module, blueprint: Blueprint) -> ExportView:
        """Return the detector for one image: boxes [D, 4], scores [D] and labels [D] out."""
        free = {name: {0: "detections"} for name in ("boxes", "scores", "labels")}
        told = (
            "boxes: x1, y1, x2, y2 in pixels of the resized input; scores: 0 to 1, best first;"
            " labels: places in class_names"
        )
        return ExportView(_FromZero(model).eval(), "image", ("boxes", "scores", "labels"), free, {"outputs": told})

    def read_outputs(
        self, outputs: Mapping[str, np.ndarray], records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return the detections of the one image."""
        boxes, scores, labels = (torch.from_numpy(outputs[name]) for name in ("boxes", "scores", "labels"))
        return [_prediction(boxes, scores, labels, records[0], blueprint.params_as(Params).image_size, blueprint)]

    def compare(self, expected: Prediction, actual: Prediction, blueprint: Blueprint) -> Agreement:
        """Compare detections as sets."""
        return compare(expected, actual)


class _FromZero(nn.Module):
    """The exported detector, its labels counted from 0, without the background."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.detector = ExportedDetector(model)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        boxes, scores, labels = self.detector(images)
        return boxes, scores, labels - 1


def _boxes(record: ImageRecord, *, crowds: bool) -> list[BoxAnnotation]:
    return [item for item in boxes_of(record.annotations) if crowds or not item.iscrowd]


def _corners(boxes: Sequence[BoxAnnotation]) -> Tensor:
    """Return boxes as [x1, y1, x2, y2] in pixels, float32, shape [n, 4]."""
    return corners([item.bbox for item in boxes], torch.float32)


def _rescaled(found: Mapping[str, Tensor], size: Tensor, side: int) -> dict[str, Tensor]:
    """Return detections of the square input in pixels of an image of `size` (width, height), labels from 0."""
    boxes = found["boxes"] * (size / side).repeat(2)
    return {"boxes": boxes, "scores": found["scores"], "labels": found["labels"] - 1}


def _prediction(
    boxes: Tensor, scores: Tensor, labels: Tensor, record: ImageRecord, side: int, blueprint: Blueprint
) -> Prediction:
    """Return detections of the square input (labels from 0) as the prediction of an image, best first."""
    order = scores.argsort(descending=True, stable=True)
    scale = torch.tensor([record.width / side, record.height / side], device=boxes.device)
    ends = boxes[order].reshape(-1, 2, 2) * scale
    values = torch.cat([ends[:, 0], ends[:, 1] - ends[:, 0]], 1)
    return {
        "boxes": values.cpu().tolist(),
        "scores": scores[order].cpu().tolist(),
        "class_ids": [blueprint.classes[label].id for label in labels[order].cpu().tolist()],
    }


RUNTIME = ObjectDetectionRuntime()
