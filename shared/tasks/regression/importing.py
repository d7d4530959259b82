"""From the rows of tables to value annotations."""

from collections.abc import Mapping
from typing import Final

from shared.schemas.annotations import Annotation, ValueAnnotation
from shared.schemas.dataset import Problem
from shared.taskkit.formats.rows import Row

_SMALLEST: Final = 1e-30
_LARGEST: Final = 1e30
"""In size, but for 0: what networks and their exports, which count in float32, can hold and square."""


def class_names(_row: Row) -> tuple[str, ...]:
    """Return nothing: numbers have no classes."""
    return ()


def annotations(
    row: Row, _class_ids: Mapping[str, int], _width: int, _height: int
) -> tuple[list[Annotation], list[Problem]]:
    """Return the row's numbers as one annotation; the reader has listed what is no number."""
    if not row.values:
        return [], []
    if bad := [value for value in row.values if value and not _SMALLEST <= abs(value) <= _LARGEST]:
        return [], [_out_of_range(row, bad[0])]
    return [ValueAnnotation(values=list(row.values))], []


def _out_of_range(row: Row, value: float) -> Problem:
    return Problem(
        severity="error",
        code="value_out_of_range",
        file=row.place.file if row.place else str(row.file),
        line=row.place.line if row.place else None,
        message=f"{row.file.name}: {value:g} is too large or too small to be learned; its numbers were left out.",
        mend="Give the target in another unit.",
    )
