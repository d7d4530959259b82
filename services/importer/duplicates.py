"""Pictures that are there already: in the dataset, or earlier in the same import."""

from collections.abc import Collection

from services.importer.records import Stored
from shared.schemas.dataset import Problem
from shared.taskkit.formats.rows import Row


class Seen:
    """The images met so far. `present` are the ids of those in the dataset."""

    def __init__(self, present: Collection[str]) -> None:
        self.present = present
        self.duplicates = 0
        self._first: dict[str, Stored] = {}

    def twin_of(self, item: Stored) -> Problem | None:
        """Remember an image; return the problem that its content is known already, if it is."""
        earlier = self._first.get(item.record.id)
        if earlier is None and item.record.id not in self.present:
            self._first[item.record.id] = item
            return None
        self.duplicates += 1
        twin = earlier.record.source if earlier else "an image of the dataset"
        message = f"The same picture as {twin}; left out, with what these files say of it."
        if earlier and _said(earlier.row) != _said(item.row):
            message = f"The same picture as {twin}, but annotated differently; the first one counts."
        return Problem(severity="warning", code="duplicate_image", file=item.record.source, message=message)


def _said(row: Row) -> tuple[object, ...]:
    """Return what a row says of its image, wherever it says it."""
    return row.labels, [(item.label, item.bbox) for item in row.objects], row.values
