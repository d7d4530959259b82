"""Labels as badges."""

from collections.abc import Sequence

from shared.schemas.annotations import Annotation
from shared.schemas.dataset import Legend
from shared.schemas.evaluation import ImageResult
from shared.taskkit.shapes import Role, Shape


def truth_shapes(annotations: Sequence[Annotation], legend: Legend) -> list[Shape]:
    """Return what the annotations say."""
    return [_badge(item.class_id, legend, "truth") for item in annotations if item.kind == "label"]


def result_shapes(result: ImageResult, legend: Legend) -> list[Shape]:
    """Return the truth, then what the model said, as right or wrong."""
    role: Role = "correct" if result.correct else "wrong"
    said = [_badge(class_id, legend, role, result.confidence) for class_id in result.predicted_classes]
    return [*truth_shapes(result.truth, legend), *said]


def _badge(class_id: int, legend: Legend, role: Role, score: float | None = None) -> Shape:
    info = next((item for item in legend.classes if item.id == class_id), None)
    label, color = (info.name, info.color) if info else (f"class {class_id}", None)
    return Shape(kind="badge", role=role, label=label, class_id=class_id, color=color, score=score)
