"""YOLO: `images/<subset>/` and `labels/<subset>/` with one text file an image, and `data.yaml`."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from shared.errors import Invalid
from shared.schemas.annotations import BoxAnnotation
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit.formats.writing import OTHER_COLUMNS, UNASSIGNED, Item, Items, Writer


def make(legend: Legend) -> Writer:
    """Return a writer for boxes of these classes.

    Raises:
        Invalid: there is no class, without which the files could not be read.
    """
    if not legend.classes:
        raise Invalid("no_classes", "The dataset has no classes, which YOLO's files need.", hint="Choose COCO.")
    return _Yolo(legend)


class _Yolo:
    def __init__(self, legend: Legend) -> None:
        self.lost: Counter[str] = Counter()
        self._names = [item.name for item in legend.classes]
        self._numbers = {item.id: number for number, item in enumerate(legend.classes)}

    def folder(self, record: ImageRecord, subset: Subset | None) -> PurePosixPath:
        self.lost[OTHER_COLUMNS] += "columns" in (record.meta or {})
        return PurePosixPath("images", subset or UNASSIGNED)

    def label_file(self, item: Item) -> tuple[str, str]:
        path = PurePosixPath("labels", *item.path.parts[1:]).with_suffix(".txt")
        boxes = [box for box in item.record.annotations if isinstance(box, BoxAnnotation)]
        self.lost["crowds, which become plain boxes"] += sum(box.iscrowd for box in boxes)
        self.lost["areas of objects"] += sum(box.area is not None for box in boxes)
        return str(path), "".join(self._line(box, item.record) for box in boxes)

    def documents(self, items: Items) -> Iterator[tuple[str, Iterable[str]]]:
        present = {item.folder for item in items()}
        subsets = [f"{name}: images/{name}\n" for name in SUBSETS if name in present]
        # A string in JSON is one in YAML, too.
        names = [f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for number, name in enumerate(self._names)]
        yield "data.yaml", ["path: .\n", *subsets, f"nc: {len(names)}\n", "names:\n", *names]

    def _line(self, box: BoxAnnotation, record: ImageRecord) -> str:
        x, y, width, height = box.bbox
        middle = ((x + width / 2) / record.width, (y + height / 2) / record.height)
        numbers = (*middle, width / record.width, height / record.height)
        return " ".join([str(self._numbers[box.class_id]), *map(repr, numbers)]) + "\n"
