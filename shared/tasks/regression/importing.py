"""From the rows of tables to value annotations."""

from collections.abc import Mapping

from shared.schemas.annotations import Annotation, ValueAnnotation
from shared.schemas.dataset import Problem
from shared.taskkit.formats.rows import Row


def class_names(_row: Row) -> tuple[str, ...]:
    """Return nothing: numbers have no classes."""
    return ()


def annotations(
    row: Row, _class_ids: Mapping[str, int], _width: int, _height: int
) -> tuple[list[Annotation], list[Problem]]:
    """Return the row's numbers as one annotation; the reader has listed what is no number."""
    return ([ValueAnnotation(values=list(row.values))] if row.values else []), []
