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
        Shape(
            kind="badge",
            role=role,
            label=" ".join(part for part in (target.name if named else "", number(value), target.unit) if part),
        )
        for target, value in zip(legend.targets, values, strict=False)
    ]
