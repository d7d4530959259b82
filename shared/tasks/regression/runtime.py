"""The torch side of regression.

A model gives targets in standard deviations from their mean (z-scores) over the train subset; the blueprint's facts
`{"mean": [...], "std": [...]}` take them back. A prediction is `{"values": [...]}` in the units of the targets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from shared.errors import StudioError
from shared.schemas.annotations import values_of
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord
from shared.schemas.evaluation import ImageResult
from shared.taskkit.parameters import EvaluationOptions
from shared.taskkit.runtime import Agreement, Blueprint, ExportView, Prediction, Totals, WeightSource
from shared.tasks.regression.metrics import GatheredValues, over_targets, target_metrics
from shared.tasks.regression.spec import Params
from shared.vision.backbones import build_classifier

SAME = 1e-3
"""Standard deviations by which two answers may differ and still be the same."""


class RegressionRuntime:
    """Carries out `shared.taskkit.runtime.TaskRuntime` for numbers of an image."""

    def learnable(self, record: ImageRecord) -> bool:
        """Whether the image has numbers."""
        return values_of(record.annotations) is not None

    def study(self, records: Sequence[ImageRecord], blueprint: Blueprint) -> dict[str, Any]:
        """Return mean and standard deviation of each target, in its unit.

        Raises:
            StudioError: a target is the same in all images.
        """
        values = np.array([_known_values(record) for record in records], dtype=np.float64)
        mean, std = values.mean(axis=0), values.std(axis=0)
        for target, low, high in zip(blueprint.targets, values.min(axis=0), values.max(axis=0), strict=True):
            if low == high:
                raise StudioError(
                    "constant_target",
                    f"{target.name} is {low:g} in every image of the train subset; there is nothing to learn.",
                    hint="Import images with other values, choose another split, or leave this column out.",
                )
        return {"mean": mean.tolist(), "std": std.tolist()}

    def build(self, blueprint: Blueprint, weights: WeightSource | None) -> nn.Module:
        """Return the network with one output a target, without activation."""
        params = blueprint.params_as(Params)
        return build_classifier(
            blueprint.architecture.id,
            len(blueprint.targets),
            dropout=params.dropout,
            pretrained=params.pretrained,
            freeze_backbone=params.pretrained and params.freeze_backbone,
            weights=weights,
        )

    def encode(self, record: ImageRecord, blueprint: Blueprint) -> list[float]:
        """Return the record's numbers as z-scores."""
        mean, std = _scale(blueprint)
        z_scores: list[float] = ((np.array(_known_values(record)) - mean) / std).tolist()
        return z_scores

    def collate(self, samples: Sequence[tuple[Tensor, Any]]) -> tuple[Tensor, Tensor]:
        """Return images [N, 3, S, S] and z-scores [N, targets]."""
        return torch.stack([image for image, _ in samples]), torch.tensor([target for _, target in samples])

    def training_loss(self, model: nn.Module, batch: Any, blueprint: Blueprint) -> Tensor:
        """Return the loss the parameters name, mean over images and targets."""
        images, targets = batch
        return _loss(model(images), targets, blueprint.params_as(Params))

    def validation_metrics(self, blueprint: Blueprint) -> GatheredValues:
        """Return the metrics of the spec, in the units of the targets."""
        return GatheredValues()

    def validate(self, model: nn.Module, batch: Any, metrics: Any, blueprint: Blueprint) -> Tensor:
        """Add the batch to the metrics and return its loss."""
        images, targets = batch
        found = model(images)
        metrics.update(_restored(found, blueprint), _restored(targets, blueprint))
        return _loss(found, targets, blueprint.params_as(Params))

    def predict(
        self, model: nn.Module, images: Tensor, records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return the numbers of each image."""
        return [{"values": row} for row in _restored(model(images), blueprint).tolist()]

    def score(
        self,
        record: ImageRecord,
        subset: Subset,
        prediction: Prediction,
        blueprint: Blueprint,
        options: EvaluationOptions,
    ) -> ImageResult:
        """Compare the numbers: the error is the mean over targets, each in standard deviations of the train subset."""
        truth = values_of(record.annotations)
        error = 0.0
        if truth is not None:
            error = float(np.mean(np.abs(np.array(prediction["values"]) - truth) / _scale(blueprint)[1]))
        return ImageResult(
            image_id=record.id,
            filename=record.filename,
            subset=subset,
            width=record.width,
            height=record.height,
            truth=record.annotations,
            prediction=prediction,
            correct=None,
            confidence=None,
            error=error,
            true_classes=[],
            predicted_classes=[],
        )

    def aggregate(self, results: Sequence[ImageResult], blueprint: Blueprint, options: EvaluationOptions) -> Totals:
        """Return the metrics of the spec; `details` holds `per_target`: the same for each target, in its order."""
        judged = [
            (item.prediction["values"], known) for item in results if (known := values_of(item.truth)) is not None
        ]
        columns = len(blueprint.targets)
        found, truth = (np.array([pair[side] for pair in judged]).reshape(-1, columns) for side in (0, 1))
        per_target = [target_metrics(found[:, at], truth[:, at]) for at in range(columns)]
        return Totals(over_targets(per_target), {"per_target": per_target, "image_count": len(judged)})

    def export_view(self, model: nn.Module, blueprint: Blueprint) -> ExportView:
        """Return the network with the way back to real units at its end: image batch in, values [N, targets] out."""
        free = {"image": {0: "batch"}, "values": {0: "batch"}}
        return ExportView(nn.Sequential(model, _Restore(blueprint)).eval(), "image", ("values",), free)

    def read_outputs(
        self, outputs: Mapping[str, np.ndarray], records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return the numbers of each image."""
        return [{"values": row} for row in outputs["values"].tolist()]

    def compare(self, expected: Prediction, actual: Prediction, blueprint: Blueprint) -> Agreement:
        """Compare numbers in standard deviations of their targets."""
        apart = np.abs(np.array(expected["values"]) - np.array(actual["values"])) / _scale(blueprint)[1]
        return Agreement(float(apart.max()), bool(apart.max() <= SAME))


class _Restore(nn.Module):
    """Takes z-scores [N, targets] back to the units of the targets."""

    mean: Tensor
    std: Tensor

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__()
        for name, values in zip(("mean", "std"), _scale(blueprint), strict=True):
            self.register_buffer(name, torch.from_numpy(values).float())

    def forward(self, z_scores: Tensor) -> Tensor:
        return z_scores * self.std + self.mean


def _loss(found: Tensor, targets: Tensor, params: Params) -> Tensor:
    if params.loss == "mse":
        return functional.mse_loss(found, targets)
    if params.loss == "l1":
        return functional.l1_loss(found, targets)
    return functional.huber_loss(found, targets, delta=params.huber_delta)


def _restored(z_scores: Tensor, blueprint: Blueprint) -> Tensor:
    """Return z-scores [N, targets] in the units of the targets, float64 on the CPU.

    In float32 a large mean, such as that of a time stamp, would swallow the differences.
    """
    mean, std = (torch.from_numpy(values) for values in _scale(blueprint))
    return z_scores.cpu().double() * std + mean


def _scale(blueprint: Blueprint) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each target."""
    return np.array(blueprint.facts["mean"]), np.array(blueprint.facts["std"])


def _known_values(record: ImageRecord) -> list[float]:
    values = values_of(record.annotations)
    assert values is not None, "only learnable records are encoded"
    return values


RUNTIME = RegressionRuntime()
