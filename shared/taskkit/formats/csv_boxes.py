"""Tables of boxes: CSV and text files with a row for each object (Open Images, VoTT, VIA, TensorFlow, Kaggle)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern

from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats import csv_kinds
from shared.taskkit.formats.csv_box_cells import box_of
from shared.taskkit.formats.csv_box_columns import BoxColumns, choose_box_columns
from shared.taskkit.formats.csv_classes import ClassNames, find_class_names
from shared.taskkit.formats.csv_columns import row_subset
from shared.taskkit.formats.csv_faults import Faults
from shared.taskkit.formats.csv_sheets import Sheet, image_rows, open_sheets, table_files, text_files
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.label_files import fault, parsed, pixels, printable, refuse_without_objects, shown
from shared.taskkit.formats.rows import ObjectRow, Place, Reading, Row

_ONLY_CLASS = "object"
_MEND = "Write four numbers, or leave all four empty where the image shows nothing."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is a table of images and boxes."""
    return "boxes" in csv_kinds.found_anywhere(root, files)


def read(root: Path, files: list[Path], options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image of the tables, with its boxes as x, y, width and height, in pixels or relative.

    Boxes stand in four columns, called like corners, like a corner and a size or like a middle and a size, or in one
    cell. Coordinates are relative where none of the first rows is larger than 1. Rows without a box tell that the image
    shows nothing. Codes and numbers of classes are replaced by the names that a file beside the table gives. Without
    tables, text files with an object a line are read.

    Raises:
        Invalid: there is no table of images and boxes, or no box in it can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    sheets = open_sheets(root, table_files(files) or text_files(files), options, images, choose_box_columns)
    seen = [label for sheet in sheets.about_images for label in _sample_labels(sheet)]
    names = find_class_names(root, sheets.without_images(files), options, seen, reading.problems)
    sheets.tell(reading.problems, names.files)
    tried = 0
    for sheet in sheets.about_images:
        reading.problems.extend(sheet.columns.problems)
        tried += _Boxes(sheet, names, images, reading).read()
    reading.class_names = names.ordered(item.label for row in reading.rows for item in row.objects)
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, tried)
    return reading


def _sample_labels(sheet: Sheet[BoxColumns]) -> Iterator[str]:
    column = sheet.columns.label
    return map(_plain, sheet.table.column(column)) if column is not None else iter(())


def _plain(cell: str) -> str:
    """Return the class in a cell, which VIA writes as the attributes of a region: {"type": "cat"}."""
    if cell.startswith("{"):
        try:
            attributes = json.loads(cell)
        except (ValueError, RecursionError):
            return cell
        values = [value for value in attributes.values() if isinstance(value, str)]
        return values[0] if len(values) == 1 else cell
    return cell


@dataclass(slots=True)
class _Said:
    """What the rows of a table say of an image."""

    place: Place
    subset: Subset | None
    size: tuple[int, int] | None
    columns: Mapping[str, str]
    objects: list[ObjectRow] = field(default_factory=list)


def _row(image: Path, said: _Said) -> Row:
    objects = tuple(said.objects)
    return Row(image, said.subset, objects=objects, place=said.place, size=said.size, columns=said.columns)


class _Boxes:
    """The boxes of one table."""

    def __init__(self, sheet: Sheet[BoxColumns], names: ClassNames, images: ImageFiles, reading: Reading) -> None:
        self._table = sheet.table
        self._columns = sheet.columns
        self._names = names
        self._images = images
        self._reading = reading
        self._faults = Faults(reading.problems)
        self._said: dict[Path, _Said | None] = {}

    def read(self) -> int:
        """Add the table's rows and problems to the reading; return how many rows have a box."""
        tried = 0
        for image, place, cells in image_rows(self._table, self._columns.basics.image, self._images, self._faults):
            if image not in self._said:
                self._said[image] = self._begin(image, place, cells)
            said = self._said[image]
            if said is None or self._columns.says_nothing(cells):
                continue
            tried += 1
            if (label := self._label(cells, place)) is not None:
                said.objects.extend(self._objects(label, cells, place))
        for image, said in self._said.items():
            if said is not None:
                self._reading.rows.append(_row(image, said))
        self._faults.tell_rest()
        return tried

    def _begin(self, image: Path, place: Place, cells: list[str]) -> _Said | None:
        """Return where to collect an image's boxes; None where another table has taken the image, which is listed."""
        if (problem := self._images.take(image, place)) is not None:
            self._faults.add(problem)
            return None
        subset = row_subset(self._columns.basics, cells, place, self._faults)
        subset = subset or label_file_subset(self._table.file) or folder_subset(image.parts[:-1])
        sides = self._columns.size
        size = pixels(parsed(cells[sides[0]]), parsed(cells[sides[1]])) if sides else None
        return _Said(place, subset, size, self._columns.others.of(cells))

    def _label(self, cells: list[str], place: Place) -> str | None:
        if self._columns.label is None:
            return self._names.declared[0] if len(self._names.declared) == 1 else _ONLY_CLASS
        if label := printable(_plain(cells[self._columns.label])):
            return self._names.name(intern(label), place, self._faults)
        message = "The object has no class; left out."
        self._faults.add(fault("label_missing", place, message, "Write its class."))
        return None

    def _objects(self, label: str, cells: list[str], place: Place) -> Iterator[ObjectRow]:
        columns = self._columns
        crowd = columns.crowd is not None and cells[columns.crowd].casefold() in ("1", "1.0", "true")
        boxes = columns.boxes(cells) or ()
        for bbox in [box_of(item.values, item.layout or columns.layout) for item in boxes] or [None]:
            if bbox is None:
                said = ", ".join(cells[index] for index in columns.coordinates)
                message = f"The box of {shown(label)} is {shown(said)}, which are no four numbers; left out."
                self._faults.add(fault("bad_box", place, message, _MEND))
            else:
                yield ObjectRow(label, bbox, place, columns.relative, crowd)
