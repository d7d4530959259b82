"""The torch side of classification.

A prediction is `{"probabilities": [...], "class_id": int}`: softmax probabilities in the order of the blueprint's
classes, and the id of the most probable class.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassPrecision, MulticlassRecall
from torchmetrics.functional.classification import multiclass_confusion_matrix

from shared.errors import StudioError
from shared.schemas.annotations import LabelAnnotation
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord
from shared.schemas.evaluation import ImageResult
from shared.taskkit.parameters import EvaluationOptions
from shared.taskkit.runtime import Agreement, Blueprint, ExportView, Prediction, Totals, WeightSource
from shared.tasks.classification.spec import Params
from shared.vision.backbones import build_classifier

Batch = tuple[Tensor, Tensor]
"""Images [N, 3, S, S] and class indices [N]."""


class ClassificationRuntime:
    """Carries out `shared.taskkit.runtime.TaskRuntime` for one class an image."""

    def learnable(self, record: ImageRecord) -> bool:
        """Whether the image has a class."""
        return _label(record) is not None

    def study(self, records: Sequence[ImageRecord], blueprint: Blueprint) -> dict[str, Any]:
        """Look whether there is anything to tell apart; nothing has to be known of the images afterwards.

        Raises:
            StudioError: fewer than two classes have images.
        """
        shown = {_label(record) for record in records}
        if len(shown) < 2:
            names = ", ".join(item.name for item in blueprint.classes if item.id in shown) or "none"
            raise StudioError(
                "too_few_classes",
                f"The train subset shows images of fewer than two classes ({names}); there is nothing to tell apart.",
                hint="Import images of a second class, or choose a split whose train subset has them.",
            )
        return {}

    def build(self, blueprint: Blueprint, weights: WeightSource | None) -> nn.Module:
        """Return the network with one logit a class."""
        params = blueprint.params_as(Params)
        return build_classifier(
            blueprint.architecture.id,
            len(blueprint.classes),
            dropout=params.dropout,
            pretrained=params.pretrained,
            freeze_backbone=params.pretrained and params.freeze_backbone,
            weights=weights,
        )

    def encode(self, record: ImageRecord, blueprint: Blueprint) -> int:
        """Return the index of the record's class."""
        return [item.id for item in blueprint.classes].index(_known_label(record))

    def collate(self, samples: Sequence[tuple[Tensor, Any]]) -> Batch:
        """Return images and class indices as two tensors."""
        return torch.stack([image for image, _ in samples]), torch.tensor([target for _, target in samples])

    def training_loss(self, model: nn.Module, batch: Any, blueprint: Blueprint) -> Tensor:
        """Return the cross entropy, smoothed as the parameters say (Szegedy et al. 2016)."""
        images, targets = batch
        smoothing = blueprint.params_as(Params).label_smoothing
        return functional.cross_entropy(model(images), targets, label_smoothing=smoothing)

    def validation_metrics(self, blueprint: Blueprint) -> MetricCollection:
        """Return the metrics of the spec."""
        return MetricCollection(dict(_metrics(len(blueprint.classes))))

    def validate(self, model: nn.Module, batch: Any, metrics: Any, blueprint: Blueprint) -> Tensor:
        """Add the batch to the metrics and return its loss."""
        images, targets = batch
        logits = model(images)
        metrics.update(logits, targets)
        smoothing = blueprint.params_as(Params).label_smoothing
        return functional.cross_entropy(logits, targets, label_smoothing=smoothing)

    def predict(
        self, model: nn.Module, images: Tensor, records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return the probabilities of each image."""
        return _predictions(model(images).float().softmax(1).cpu().numpy(), blueprint)

    def score(
        self,
        record: ImageRecord,
        subset: Subset,
        prediction: Prediction,
        blueprint: Blueprint,
        options: EvaluationOptions,
    ) -> ImageResult:
        """Compare the class; the error is the cross entropy. An image without a class is neither right nor wrong."""
        truth = _label(record)
        chosen, probabilities = prediction["class_id"], prediction["probabilities"]
        ids = [item.id for item in blueprint.classes]
        known = truth in ids
        return ImageResult(
            image_id=record.id,
            filename=record.filename,
            subset=subset,
            width=record.width,
            height=record.height,
            truth=record.annotations,
            prediction=prediction,
            correct=None if truth is None else truth == chosen,
            confidence=max(probabilities),
            error=-math.log(max(probabilities[ids.index(truth)], 1e-12)) if truth is not None and known else 0.0,
            true_classes=[] if truth is None else [truth],
            predicted_classes=[chosen],
        )

    def aggregate(self, results: Sequence[ImageResult], blueprint: Blueprint, options: EvaluationOptions) -> Totals:
        """Return the metrics of the spec, the confusion matrix and figures a class.

        `details` holds `classes` (id and name, the order of all lists), `confusion_matrix` (rows: true class, columns:
        predicted class, counts) and `per_class` (class_id, precision, recall, f1, support). Precision is None for a
        class that was never predicted, recall for one that never occurs, F1 where neither happened. In the macro
        means a class that neither occurs nor is predicted is left out, and a missing value of another one counts 0,
        which is the convention of torchmetrics.
        """
        ids = [item.id for item in blueprint.classes]
        judged = [item for item in results if item.true_classes and item.true_classes[0] in ids]
        truth = torch.tensor([ids.index(item.true_classes[0]) for item in judged], dtype=torch.long)
        chosen = torch.tensor([ids.index(item.predicted_classes[0]) for item in judged], dtype=torch.long)
        matrix = multiclass_confusion_matrix(chosen, truth, num_classes=len(ids)).tolist()
        metrics: dict[str, float | None] = dict.fromkeys(_metrics(len(ids)))
        if judged:
            metrics = {key: float(metric(chosen, truth)) for key, metric in _metrics(len(ids)).items()}
        details = {
            "classes": [{"id": item.id, "name": item.name} for item in blueprint.classes],
            "confusion_matrix": matrix,
            "per_class": _per_class(ids, matrix),
        }
        return Totals(metrics, details)

    def export_view(self, model: nn.Module, blueprint: Blueprint) -> ExportView:
        """Return the network with softmax at its end: image batch in, probabilities [N, classes] out."""
        free = {"image": {0: "batch"}, "probabilities": {0: "batch"}}
        return ExportView(nn.Sequential(model, nn.Softmax(1)).eval(), "image", ("probabilities",), free)

    def read_outputs(
        self, outputs: Mapping[str, np.ndarray], records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return the probabilities of each image."""
        return _predictions(outputs["probabilities"], blueprint)

    def compare(self, expected: Prediction, actual: Prediction, blueprint: Blueprint) -> Agreement:
        """Compare probabilities by the largest difference, decisions by the class."""
        pairs = zip(expected["probabilities"], actual["probabilities"], strict=True)
        return Agreement(max(abs(a - b) for a, b in pairs), expected["class_id"] == actual["class_id"])


def _metrics(classes: int) -> dict[str, Metric]:
    """Return the metrics of the spec; each takes class indices or scores [N, classes]."""
    return {
        "accuracy": MulticlassAccuracy(classes, average="micro"),
        "macro_precision": MulticlassPrecision(classes, average="macro"),
        "macro_recall": MulticlassRecall(classes, average="macro"),
        "macro_f1": MulticlassF1Score(classes, average="macro"),
    }


def _per_class(ids: Sequence[int], matrix: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    rows = []
    for index, class_id in enumerate(ids):
        hits, support = matrix[index][index], sum(matrix[index])
        predicted = sum(row[index] for row in matrix)
        rows.append(
            {
                "class_id": class_id,
                "precision": hits / predicted if predicted else None,
                "recall": hits / support if support else None,
                "f1": 2 * hits / (support + predicted) if support + predicted else None,
                "support": support,
            }
        )
    return rows


def _predictions(probabilities: np.ndarray, blueprint: Blueprint) -> list[Prediction]:
    return [
        {"probabilities": row.tolist(), "class_id": blueprint.classes[int(row.argmax())].id} for row in probabilities
    ]


def _label(record: ImageRecord) -> int | None:
    return next((item.class_id for item in record.annotations if isinstance(item, LabelAnnotation)), None)


def _known_label(record: ImageRecord) -> int:
    label = _label(record)
    assert label is not None, "only learnable records are encoded"
    return label


RUNTIME = ClassificationRuntime()
