"""What a task adds to pages: its `views` module makes data, its `templates` folder draws it.

`views.evaluation(aggregate, results, legend)` fills `evaluation.html`, `views.image(result, aggregate, legend)` fills
`image.html`. A task without them adds nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.schemas.dataset import Legend
from shared.schemas.evaluation import Aggregate, ImageResult
from shared.taskkit import registry


@dataclass(frozen=True)
class Part:
    """A template of a task with its data."""

    template: str
    data: Mapping[str, Any]


def evaluation_part(task: str, aggregate: Aggregate, results: Sequence[ImageResult], legend: Legend) -> Part | None:
    """Return the task's own section of the evaluation page, made of all results."""
    views = registry.part(task, "views")
    return Part(f"tasks/{task}/evaluation.html", views.evaluation(aggregate, results, legend)) if views else None


def image_part(task: str, result: ImageResult, aggregate: Aggregate, legend: Legend) -> Part | None:
    """Return the task's own section of one result."""
    views = registry.part(task, "views")
    return Part(f"tasks/{task}/image.html", views.image(result, aggregate, legend)) if views else None
