"""Numbers as badges."""

from collections.abc import Sequence

from shared.schemas.annotations import Annotation
from shared.schemas.dataset import Legend
from shared.schemas.evaluation import ImageResult
from shared.taskkit.plots import number
from shared.taskkit.shapes import Role, Shape


def truth_shapes(annotations: Sequence[Annotation], legend: Legend) -> list[Shape]:
    """Return what the annotations say."""
    return [shape for item in annotations if item.kind == "value" for shape in _badges(item.values, legend, "truth")]


def result_shapes(result: ImageResult, legend: Legend) -> list[Shape]:
    """Return the truth, then what the model said."""
    return [
        *truth_shapes(result.truth, legend),
        *_badges(result.prediction["values"], legend, "prediction"),
    ]


def _badges(values: Sequence[float], legend: Legend, role: Role) -> list[Shape]:
    """Return one badge a number; a lone target needs no name."""
    named = len(legend.targets) > 1
    return [
        _badge(role, target.name if named else "", f"{number(value)} {target.unit}".strip(), first=at == 0)
        for at, (target, value) in enumerate(zip(legend.targets, values, strict=False))
    ]


def _badge(role: Role, name: str, said: str, *, first: bool) -> Shape:
    leads = role == "prediction" and first
    return Shape(kind="badge", role=role, label=f"{name} {said}".strip(), caption=f"→ {said}" if leads else said)
