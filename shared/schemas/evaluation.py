"""An evaluation: one experiment's checkpoint on chosen subsets, image by image and in total."""

from datetime import datetime
from typing import Any

from pydantic import Field

from shared.schemas.annotations import Annotation
from shared.schemas.base import Document, Model, Subset, utc_now


def _test_subset() -> list[Subset]:
    return ["test"]


class EvaluationConfig(Model):
    """What to evaluate and how."""

    checkpoint: str = "best"
    subsets: list[Subset] = Field(default_factory=_test_subset, min_length=1)
    batch_size: int = Field(default=32, ge=1, le=1024)
    device: str = "auto"
    options: dict[str, Any] = Field(default_factory=dict)
    """How predictions are judged, as the task's spec offers it."""


class Evaluation(Document):
    """`evaluation/evaluation.json`. Its status is its job's."""

    experiment_id: str
    job_id: str
    config: EvaluationConfig
    created_at: datetime = Field(default_factory=utc_now)


class ImageResult(Model):
    """What the model said of one image, and how it was judged; `error` grows with how wrong it is.

    `prediction` and `judgement` have the task's own shapes. `correct` and `confidence` are None where a task has no
    such thing.
    """

    image_id: str
    filename: str
    subset: Subset
    width: int = 1
    height: int = 1
    """Size of the upright image in pixels."""
    truth: list[Annotation]
    prediction: dict[str, Any]
    correct: bool | None
    confidence: float | None
    error: float
    true_classes: list[int]
    predicted_classes: list[int]
    judgement: dict[str, Any] = Field(default_factory=dict)


class Aggregate(Document):
    """`evaluation/aggregate.json`. `metrics` by key; `details` in the task's own shape, such as a confusion matrix."""

    job_id: str
    image_count: int
    subsets: dict[Subset, int]
    metrics: dict[str, float | None]
    details: dict[str, Any]
    checkpoint_sha256: str
    finished_at: datetime = Field(default_factory=utc_now)


class Results(Document):
    """`evaluation/results.json`: one entry an image."""

    job_id: str
    items: list[ImageResult]
