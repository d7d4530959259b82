"""Labels as badges."""

from collections.abc import Sequence

from shared.schemas.annotations import Annotation
from shared.schemas.dataset import ClassInfo
from shared.schemas.evaluation import ImageResult
from shared.taskkit.shapes import Role, Shape


def truth_shapes(annotations: Sequence[Annotation], classes: Sequence[ClassInfo]) -> list[Shape]:
    """Return what the annotations say."""
    return [_badge(item.class_id, classes, "truth") for item in annotations if item.kind == "label"]


def prediction_shapes(result: ImageResult, classes: Sequence[ClassInfo]) -> list[Shape]:
    """Return what the model said, as right or wrong."""
    role: Role = "correct" if result.correct else "wrong"
    return [_badge(class_id, classes, role, result.confidence) for class_id in result.predicted_classes]


def _badge(class_id: int, classes: Sequence[ClassInfo], role: Role, score: float | None = None) -> Shape:
    info = next((item for item in classes if item.id == class_id), None)
    label, color = (info.name, info.color) if info else (f"class {class_id}", None)
    return Shape(kind="badge", role=role, label=label, class_id=class_id, color=color, score=score)
