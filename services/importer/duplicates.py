"""Pictures that are there already: in the dataset, or earlier in the same import."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from math import isclose
from typing import Any

from services.importer.records import Stored
from shared.schemas.annotations import Annotation
from shared.schemas.dataset import ImageRecord, Problem
from shared.taskkit.formats.rows import Row

_ROUNDING = 0.01
"""Pixels, or units of a target, by which numbers of the same annotation may differ when formats round them."""
_MEND = (
    "To take them over, delete the image on the Dataset page and import again, or import these files in place of the"
    " dataset; or relabel the image by hand."
)


class Seen:
    """The images met so far. `present` are the ids of those in the dataset.

    `duplicates` counts twins within the import, `known` the files of pictures that the dataset has.
    """

    def __init__(self, present: Collection[str]) -> None:
        self.present = present
        self.duplicates = 0
        self.known = 0
        self._first: dict[str, Stored] = {}
        self._known: dict[str, list[Stored]] = defaultdict(list)

    def is_new(self, item: Stored, problems: list[Problem]) -> bool:
        """Remember an image; whether its content is new. A twin within the import goes to the problems."""
        if item.record.id in self.present:
            self.known += 1
            self._known[item.record.id].append(item)
            return False
        earlier = self._first.setdefault(item.record.id, item)
        if earlier is not item:
            self.duplicates += 1
            problems.append(_twin(item, earlier))
        return earlier is item

    def told_known(
        self, records: Callable[[], Iterable[ImageRecord]], annotations: Callable[[Stored], Sequence[Annotation] | None]
    ) -> Iterator[Problem]:
        """Yield a problem for each file whose picture the dataset has.

        Args:
            records: gives those of the dataset.
            annotations: gives what an import would make of a file, None where the plan leaves it out.
        """
        for record in records() if self._known else ():
            for item in self._known.get(record.id, ()):
                found = annotations(item)
                said = bool(found) or item.row.place is not None
                yield _known(item, other=found is not None and said and not _equal(found, record.annotations))


def _twin(item: Stored, earlier: Stored) -> Problem:
    message = f"The same picture as {earlier.record.source}; left out, with what these files say of it."
    if _said(earlier.row) != _said(item.row):
        message = f"The same picture as {earlier.record.source}, but annotated differently; the first one counts."
    return Problem(severity="warning", code="duplicate_image", file=item.record.source, message=message)


def _known(item: Stored, *, other: bool) -> Problem:
    file = item.record.source
    if not other:
        message = "The dataset has this picture already; left out."
        return Problem(severity="warning", code="known_image", file=file, message=message)
    message = "The dataset has this picture already, annotated differently; these annotations are not taken over."
    return Problem(severity="warning", code="known_image_other_annotations", file=file, message=message, mend=_MEND)


def _said(row: Row) -> tuple[object, ...]:
    """Return what a row says of its image, wherever it says it."""
    return row.labels, [(item.label, item.bbox) for item in row.objects], row.values


def _equal(some: Sequence[Annotation], others: Sequence[Annotation]) -> bool:
    """Whether annotations are the same in any order, but for what not every format can say."""
    rest = [_flat(item) for item in others]
    for values in map(_flat, some):
        twin = next((place for place, other in enumerate(rest) if _alike(values, other)), None)
        if twin is None:
            return False
        del rest[twin]
    return not rest


def _flat(annotation: Annotation) -> list[Any]:
    """Return everything an annotation holds in one list."""
    found: list[Any] = []
    waiting: list[Any] = [annotation.model_dump(mode="json", exclude={"area", "iscrowd"})]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            waiting += item.values() if isinstance(item, dict) else item
        else:
            found.append(item)
    return found


def _alike(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(
        isclose(one, other, rel_tol=1e-6, abs_tol=_ROUNDING)
        if isinstance(one, float) and isinstance(other, float)
        else one == other
        for one, other in zip(some, others, strict=True)
    )
