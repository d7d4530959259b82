"""CSV of boxes: `boxes.csv` with a row for each object, its class as a number; `classes.txt` names them, from 0."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from shared.schemas.annotations import BoxAnnotation
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit.formats.csv_written_columns import LOST, WrittenColumns
from shared.taskkit.formats.writing import UNASSIGNED, Item, Items, Writer, csv_row

_HEADER = ["filename", "subset", "label", "xmin", "ymin", "xmax", "ymax", "iscrowd"]


def make(legend: Legend) -> Writer:
    """Return a writer for boxes of these classes."""
    return _CsvBoxes(legend)


class _CsvBoxes:
    def __init__(self, legend: Legend) -> None:
        self.lost: Counter[str] = Counter()
        self._others = WrittenColumns(_HEADER)
        self._names = [item.name for item in legend.classes]
        self._numbers = {item.id: number for number, item in enumerate(legend.classes)}

    def folder(self, record: ImageRecord, subset: Subset | None) -> PurePosixPath:
        self._others.collect(record)
        areas = (item.area for item in record.annotations if isinstance(item, BoxAnnotation))
        self.lost["areas of objects"] += sum(area is not None for area in areas)
        return PurePosixPath("images", subset or UNASSIGNED)

    def label_file(self, _item: Item) -> None:
        return None

    def documents(self, items: Items) -> Iterator[tuple[str, Iterable[str]]]:
        # Numbers keep the order of the classes, and names with any characters.
        yield "classes.txt", (f"{name}\n" for name in self._names)
        yield "boxes.csv", self._table(items)

    def _table(self, items: Items) -> Iterator[str]:
        self.lost[LOST] = self._others.lost
        yield csv_row([*_HEADER, *self._others.names])
        empty = True
        for item in items():
            boxes = [box for box in item.record.annotations if isinstance(box, BoxAnnotation)]
            empty = empty and not boxes
            others = self._others.cells(item.record)
            start = [str(item.path), item.subset or ""]
            for box in boxes:
                x, y, width, height = box.bbox
                corners = map(repr, (x, y, x + width, y + height))
                yield csv_row([*start, str(self._numbers[box.class_id]), *corners, str(int(box.iscrowd)), *others])
            if not boxes:
                yield csv_row([*start, *[""] * 6, *others])
        # A column without a number says nothing of the list beside it.
        self.lost["classes, as long as no object has one"] += len(self._names) if empty else 0
