"""Objects as boxes: the truth dashed, what a model said as right, false or missed."""

from collections.abc import Sequence

from shared.schemas.annotations import Annotation
from shared.schemas.dataset import ClassInfo, Legend
from shared.schemas.evaluation import ImageResult
from shared.taskkit.shapes import Role, Shape
from shared.tasks.object_detection.judging import boxes_of


def truth_shapes(annotations: Sequence[Annotation], legend: Legend) -> list[Shape]:
    """Return the annotated boxes."""
    known = {item.id: item for item in legend.classes}
    return [_box(known, item.class_id, item.bbox, "truth") for item in boxes_of(annotations)]


def result_shapes(result: ImageResult, legend: Legend) -> list[Shape]:
    """Return the annotated boxes, missed ones marked, then the detections that were judged."""
    known = {item.id: item for item in legend.classes}
    missed = set(result.judgement["missed"])
    truth = [
        _box(known, item.class_id, item.bbox, "missed" if at in missed else "truth")
        for at, item in enumerate(boxes_of(result.truth))
    ]
    said = result.prediction
    judged = zip(result.judgement["verdicts"], said["class_ids"], said["boxes"], said["scores"], strict=False)
    return truth + [_box(known, class_id, box, _ROLES[verdict], score) for verdict, class_id, box, score in judged]


_ROLES: dict[str, Role] = {"right": "correct", "false": "wrong", "ignored": "prediction"}


def _box(
    known: dict[int, ClassInfo], class_id: int, bbox: Sequence[float], role: Role, score: float | None = None
) -> Shape:
    info = known.get(class_id)
    x, y, width, height = bbox
    return Shape(
        kind="box",
        role=role,
        label=info.name if info else f"class {class_id}",
        class_id=class_id,
        color=info.color if info else None,
        score=score,
        points=[(x, y), (x + width, y + height)],
    )
