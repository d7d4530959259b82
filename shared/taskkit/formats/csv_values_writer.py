"""CSV of numbers: `values.csv` with file name, subset and one column a target, images in a folder a subset."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from shared.schemas.annotations import values_of
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit.formats.csv_written_columns import LOST, WrittenColumns
from shared.taskkit.formats.writing import UNASSIGNED, Item, Items, Writer, csv_row


def make(legend: Legend) -> Writer:
    """Return a writer for images with these numbers."""
    return _CsvValues(legend)


class _CsvValues:
    def __init__(self, legend: Legend) -> None:
        self.lost: Counter[str] = Counter()
        self._headers = [f"{item.name} ({item.unit})" if item.unit else item.name for item in legend.targets]
        self._others = WrittenColumns(["filename", "subset", *self._headers], is_of_numbers=True)

    def folder(self, record: ImageRecord, subset: Subset | None) -> PurePosixPath:
        self._others.collect(record)
        self.lost["images without numbers, which no row speaks of"] += values_of(record.annotations) is None
        return PurePosixPath("images", subset or UNASSIGNED)

    def label_file(self, _item: Item) -> None:
        return None

    def documents(self, items: Items) -> Iterator[tuple[str, Iterable[str]]]:
        yield "values.csv", self._table(items)

    def _table(self, items: Items) -> Iterator[str]:
        self.lost[LOST] = self._others.lost
        yield csv_row(["filename", "subset", *self._headers, *self._others.names])
        for item in items():
            if (values := values_of(item.record.annotations)) is not None:
                others = self._others.cells(item.record)
                yield csv_row([str(item.path), item.subset or "", *map(repr, values), *others])
