"""CSV of labels: `labels.csv` with file name, subset and number of the class; `classes.txt` names them, from 0."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from shared.schemas.annotations import LabelAnnotation
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit.formats.csv_written_columns import LOST, WrittenColumns
from shared.taskkit.formats.writing import UNASSIGNED, Item, Items, Writer, csv_row

_HEADER = ["filename", "subset", "label"]


def make(legend: Legend) -> Writer:
    """Return a writer for images of these classes."""
    return _CsvLabels(legend)


class _CsvLabels:
    def __init__(self, legend: Legend) -> None:
        self.lost: Counter[str] = Counter()
        self._others = WrittenColumns(_HEADER)
        self._names = [item.name for item in legend.classes]
        self._numbers = {item.id: number for number, item in enumerate(legend.classes)}

    def folder(self, record: ImageRecord, subset: Subset | None) -> PurePosixPath:
        self._others.collect(record)
        self.lost["second classes of images"] += max(0, len(self._labels(record)) - 1)
        return PurePosixPath("images", subset or UNASSIGNED)

    def label_file(self, _item: Item) -> None:
        return None

    def documents(self, items: Items) -> Iterator[tuple[str, Iterable[str]]]:
        # Numbers keep the order of the classes, and names with any characters.
        yield "classes.txt", (f"{name}\n" for name in self._names)
        yield "labels.csv", self._table(items)

    def _table(self, items: Items) -> Iterator[str]:
        self.lost[LOST] = self._others.lost
        yield csv_row([*_HEADER, *self._others.names])
        for item in items():
            label = self._labels(item.record)[:1] or [""]
            yield csv_row([str(item.path), item.subset or "", *label, *self._others.cells(item.record)])

    def _labels(self, record: ImageRecord) -> list[str]:
        labels = [item for item in record.annotations if isinstance(item, LabelAnnotation)]
        return [str(self._numbers[item.class_id]) for item in labels]
