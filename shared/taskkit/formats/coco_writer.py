"""COCO JSON of boxes: one `annotations/instances_<subset>.json` a subset, images in a folder a subset."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from shared.schemas.annotations import BoxAnnotation
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit.formats.writing import OTHER_COLUMNS, UNASSIGNED, Item, Items, Writer


def make(legend: Legend) -> Writer:
    """Return a writer for boxes of these classes."""
    return _Coco(legend)


class _Coco:
    def __init__(self, legend: Legend) -> None:
        self.lost: Counter[str] = Counter()
        self._names = [item.name for item in legend.classes]
        # Categories are numbered from 1 in the order of the classes: some tools take 0 for the background.
        self._numbers = {item.id: number for number, item in enumerate(legend.classes, 1)}

    def folder(self, record: ImageRecord, subset: Subset | None) -> PurePosixPath:
        self.lost[OTHER_COLUMNS] += "columns" in (record.meta or {})
        return PurePosixPath("images", subset or UNASSIGNED)

    def label_file(self, _item: Item) -> None:
        return None

    def documents(self, items: Items) -> Iterator[tuple[str, Iterable[str]]]:
        present = {item.folder for item in items()}
        for name in (*SUBSETS, UNASSIGNED):
            if name in present:
                yield f"annotations/instances_{name}.json", self._document(items, name)

    def _document(self, items: Items, name: str) -> Iterator[str]:
        categories = [{"id": number, "name": name} for number, name in enumerate(self._names, 1)]
        yield '{"categories": ' + json.dumps(categories, ensure_ascii=False) + ',\n"images": ['
        yield from _separated(self._images(items, name))
        yield '],\n"annotations": ['
        yield from _separated(self._annotations(items, name))
        yield "]}\n"

    def _images(self, items: Items, name: str) -> Iterator[dict[str, Any]]:
        for number, item in enumerate(_of(items, name), 1):
            size = {"width": item.record.width, "height": item.record.height}
            yield {"id": number, "file_name": str(item.path), **size}

    def _annotations(self, items: Items, name: str) -> Iterator[dict[str, Any]]:
        count = 0
        for image, item in enumerate(_of(items, name), 1):
            for box in item.record.annotations:
                if isinstance(box, BoxAnnotation):
                    count += 1
                    yield {"id": count, "image_id": image, **self._box(box)}

    def _box(self, box: BoxAnnotation) -> dict[str, Any]:
        area = box.bbox[2] * box.bbox[3] if box.area is None else box.area
        number = self._numbers[box.class_id]
        return {"category_id": number, "bbox": list(box.bbox), "area": area, "iscrowd": int(box.iscrowd)}


def _of(items: Items, name: str) -> Iterator[Item]:
    return (item for item in items() if item.folder == name)


def _separated(values: Iterable[dict[str, Any]]) -> Iterator[str]:
    between = "\n"
    for value in values:
        yield between + json.dumps(value, ensure_ascii=False)
        between = ",\n"
