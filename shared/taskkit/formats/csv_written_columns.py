"""Columns of imported tables that nothing is learned from, written back behind a table's own."""

from collections.abc import Iterable, Mapping

from shared.schemas.dataset import ImageRecord
from shared.taskkit.formats.csv_columns import key_of, means_nothing
from shared.taskkit.formats.label_files import parsed

LOST = "other columns that would be taken for the table's own"


class WrittenColumns:
    """Collects the columns of all images, then gives their names and an image's cells.

    Those called like one of the table's own are left out, and with `is_of_numbers` those that hold a number, which
    would be read as a target.
    """

    def __init__(self, own: Iterable[str], is_of_numbers: bool = False) -> None:
        self._own = {key_of(name) for name in own}
        self._is_of_numbers = is_of_numbers
        self._found: dict[str, None] = {}
        self._unfit: set[str] = set()

    def collect(self, record: ImageRecord) -> None:
        """Take up the columns of an image."""
        for name, cell in _columns(record).items():
            self._found[name] = None
            if key_of(name) in self._own or (self._is_of_numbers and _would_be_target(name, cell)):
                self._unfit.add(name)

    @property
    def lost(self) -> int:
        """How many columns cannot be written."""
        return len(self._unfit)

    @property
    def names(self) -> list[str]:
        """The headers, in the order in which they were met."""
        return [name for name in self._found if name not in self._unfit]

    def cells(self, record: ImageRecord) -> list[str]:
        """Return what stands below the headers for an image."""
        columns = _columns(record)
        return [columns.get(name, "") for name in self.names]


def _columns(record: ImageRecord) -> Mapping[str, str]:
    columns: Mapping[str, str] = (record.meta or {}).get("columns") or {}
    return columns


def _would_be_target(name: str, cell: str) -> bool:
    return not means_nothing(key_of(name)) and parsed(cell.replace(",", ".")) is not None
