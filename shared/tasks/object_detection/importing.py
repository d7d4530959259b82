"""From the rows of box formats to box annotations that fit their images."""

from collections.abc import Mapping

from shared.schemas.annotations import Annotation, BoxAnnotation
from shared.schemas.dataset import Problem
from shared.taskkit.boxes import Box, Fault, placed
from shared.taskkit.formats.rows import ObjectRow, Row


def class_names(row: Row) -> tuple[str, ...]:
    """Return the names of the classes a row speaks of."""
    return tuple(item.label for item in row.objects)


def annotations(
    row: Row, class_ids: Mapping[str, int], width: int, height: int
) -> tuple[list[Annotation], list[Problem]]:
    """Return the row's boxes, cut to the image; those that are none are left out and listed."""
    kept: list[Annotation] = []
    problems: list[Problem] = []
    for item in row.objects:
        bbox, fault = placed(_in_pixels(item, width, height), width, height)
        if fault is not None:
            problems.append(_problem(row, item, fault))
        if bbox is not None:
            area = item.area if item.area is not None and item.area > 0 else None
            kept.append(BoxAnnotation(class_id=class_ids[item.label], bbox=bbox, iscrowd=item.iscrowd, area=area))
    if row.objects and not kept:
        problems.append(_empty_now(row))
    return kept, problems


def _in_pixels(item: ObjectRow, width: int, height: int) -> Box:
    x, y, wide, high = item.bbox
    return (x * width, y * height, wide * width, high * height) if item.relative else item.bbox


def _empty_now(row: Row) -> Problem:
    place = row.place or row.objects[0].place
    return Problem(
        severity="warning",
        code="no_box_left",
        file=place.file,
        line=place.line,
        message=f"{row.file.name} had boxes, but none that can be used: it now counts as an image without objects.",
        mend="Mend its boxes, or take the image out.",
    )


def _problem(row: Row, item: ObjectRow, fault: Fault) -> Problem:
    return Problem(
        severity=fault.severity,
        code=fault.code,
        file=item.place.file,
        line=item.place.line,
        message=f"{item.label} in {row.file.name}: {fault.message}",
        mend=fault.mend,
    )
