"""From the format readers' rows to label annotations."""

from collections.abc import Mapping

from shared.schemas.annotations import Annotation, LabelAnnotation
from shared.schemas.dataset import Problem
from shared.taskkit.formats.rows import Place, Row


def class_names(row: Row) -> tuple[str, ...]:
    """Return the names of the classes a row speaks of."""
    return row.labels[:1]


def annotations(
    row: Row, class_ids: Mapping[str, int], _width: int, _height: int
) -> tuple[list[Annotation], list[Problem]]:
    """Return the row's annotations, and what of the row cannot be used."""
    kept: list[Annotation] = [LabelAnnotation(class_id=class_ids[name]) for name in class_names(row)]
    return kept, [_several(row)] if len(row.labels) > 1 else []


def _several(row: Row) -> Problem:
    first, *others = row.labels
    place = row.place or Place(str(row.file))
    return Problem(
        severity="warning",
        code="several_labels",
        file=place.file,
        line=place.line,
        message=f"The image is {first!r} and also {', '.join(map(repr, others))}; the first one counts.",
        mend="Leave one class an image.",
    )
