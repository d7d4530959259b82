"""Tables of labels: CSV with a class, several, or one column a class; text files with a line an image (ImageNet)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern

from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats import csv_kinds
from shared.taskkit.formats.csv_classes import ClassNames, find_class_names
from shared.taskkit.formats.csv_columns import row_subset
from shared.taskkit.formats.csv_faults import Faults
from shared.taskkit.formats.csv_label_columns import LabelColumns, choose_label_columns, yes_or_no
from shared.taskkit.formats.csv_sheets import Sheet, image_rows, open_sheets, table_files, text_files
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.label_files import fault, parsed, printable, shown
from shared.taskkit.formats.rows import Place, Reading, Row


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is a table of images and classes, or a list of them."""
    return "labels" in csv_kinds.found_anywhere(root, files)


def read(root: Path, files: list[Path], options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image of the tables with its classes, which may be several.

    A column names the image, with or without folders and ending; one may name the subset. Classes stand in a column,
    several of an image in one cell or in rows of their own, or each has a column with 1 and 0. Numbers are replaced by
    the names that a list of classes gives, and are names themselves where there is none. Without tables, text files
    with an image and its class a line are read.

    Raises:
        Invalid: there is no table of images and classes.
    """
    reading = Reading()
    images = ImageFiles(files)
    tables = table_files(files) or text_files(files)
    sheets = open_sheets(root, tables, options, images, choose_label_columns)
    sheets.set_aside(lambda columns: columns.has_boxes, "The table holds boxes, others the classes of images.")
    seen = [label for sheet in sheets.about_images for label in _sample_labels(sheet)]
    names = find_class_names(root, sheets.without_images(files), options, seen, reading.problems)
    sheets.tell(reading.problems, names.files)
    for sheet in sheets.about_images:
        reading.problems.extend(sheet.columns.problems)
        _Labels(sheet, names, images, reading).read()
    columns = dict.fromkeys(name for sheet in sheets.about_images for name in sheet.columns.one_hot.values())
    reading.class_names = tuple(columns) or names.ordered(label for row in reading.rows for label in row.labels)
    reading.problems.extend(images.not_annotated())
    return reading


def _sample_labels(sheet: Sheet[LabelColumns]) -> Iterator[str]:
    return (label for cells in sheet.table.sample for label in sheet.columns.labels(cells))


@dataclass(slots=True)
class _Said:
    """What the rows of a table say of an image."""

    place: Place
    subset: Subset | None
    columns: Mapping[str, str]
    labels: dict[str, None] = field(default_factory=dict)


class _Labels:
    """The labels of one table."""

    def __init__(self, sheet: Sheet[LabelColumns], names: ClassNames, images: ImageFiles, reading: Reading) -> None:
        self._table = sheet.table
        self._columns = sheet.columns
        self._names = names
        self._images = images
        self._reading = reading
        self._faults = Faults(reading.problems)
        self._said: dict[Path, _Said | None] = {}

    def read(self) -> None:
        """Add the table's rows and problems to the reading."""
        for image, place, cells in image_rows(self._table, self._columns.basics.image, self._images, self._faults):
            if (labels := self._row_labels(cells, place)) is None:
                continue
            if image not in self._said:
                self._said[image] = self._begin(image, place, cells)
            if (said := self._said[image]) is not None:
                self._add(labels, said, place)
        for image, said in self._said.items():
            if said is not None:
                row = Row(image, said.subset, tuple(said.labels), place=said.place, columns=said.columns)
                self._reading.rows.append(row)
        self._faults.tell_rest()

    def _begin(self, image: Path, place: Place, cells: list[str]) -> _Said | None:
        """Return where to collect an image's classes; None where another table has taken it, which is listed."""
        if (problem := self._images.take(image, place)) is not None:
            self._faults.add(problem)
            return None
        subset = row_subset(self._columns.basics, cells, place, self._faults)
        subset = subset or label_file_subset(self._table.file) or folder_subset(image.parts[:-1])
        return _Said(place, subset, self._columns.others.of(cells))

    def _row_labels(self, cells: list[str], place: Place) -> list[str] | None:
        """Return the classes of a row; None where it cannot be used, which is listed."""
        if self._columns.one_hot:
            labels = self._marked(cells, place)
        else:
            said = (intern(printable(label)) for label in self._columns.labels(cells))
            found = [self._names.name(label, place, self._faults) for label in said]
            labels = [label for label in found if label is not None] if None not in found else None
        if labels and self._is_denied(cells):
            message = "The confidence 0 says that the class is not in the image; the label is left out."
            self._faults.add(fault("label_denied", place, message, severity="warning"))
            return []
        if labels == []:
            message = "The row names no class; the image is kept without."
            self._faults.add(fault("label_missing", place, message, "Write its class.", "warning"))
        return labels

    def _marked(self, cells: list[str], place: Place) -> list[str] | None:
        labels = []
        for index, name in self._columns.one_hot.items():
            if (marked := yes_or_no(cells[index])) is None:
                message = f"The column {name!r} holds {shown(cells[index])} instead of 1 or 0; the row is left out."
                self._faults.add(fault("bad_value", place, message, "Write 1 if the image belongs to the class, or 0."))
                return None
            if marked:
                labels.append(name)
        return labels

    def _is_denied(self, cells: list[str]) -> bool:
        column = self._columns.confidence
        return column is not None and parsed(cells[column]) == 0

    def _add(self, labels: list[str], said: _Said, place: Place) -> None:
        for label in labels:
            if label in said.labels and said.place is not place:
                message = f"A row above says already that the image is {shown(label)}."
                self._faults.add(fault("label_twice", place, message, "Leave one of the rows.", "warning"))
            said.labels[label] = None
