"""What a task adds to pages: its `views` module makes data, its `templates` folder draws it.

`views.evaluation(aggregate, classes)` fills `evaluation.html`, `views.image(result, aggregate, classes)` fills
`image.html`. A task without them adds nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.schemas.dataset import ClassInfo
from shared.schemas.evaluation import Aggregate, ImageResult
from shared.taskkit import registry


@dataclass(frozen=True)
class Part:
    """A template of a task with its data."""

    template: str
    data: Mapping[str, Any]


def evaluation_part(task: str, aggregate: Aggregate, classes: Sequence[ClassInfo]) -> Part | None:
    """Return the task's own section of the evaluation page."""
    views = registry.part(task, "views")
    return Part(f"tasks/{task}/evaluation.html", views.evaluation(aggregate, classes)) if views else None


def image_part(task: str, result: ImageResult, aggregate: Aggregate, classes: Sequence[ClassInfo]) -> Part | None:
    """Return the task's own section of one result."""
    views = registry.part(task, "views")
    return Part(f"tasks/{task}/image.html", views.image(result, aggregate, classes)) if views else None
