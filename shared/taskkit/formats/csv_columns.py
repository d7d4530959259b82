"""What the columns of a table mean: the image, its subset, the class; and numbers in cells."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.schemas.base import Subset
from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.csv_faults import Faults
from shared.taskkit.formats.csv_table import Table
from shared.taskkit.formats.label_files import fault, parsed, refusal, shown
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Place, subset_of

IsImage = Callable[[str], bool]
"""Whether a cell names one of the images."""

_FILE_KEYS = (
    *("filename", "file", "imagepath", "imgpath", "filepath", "imagename", "imgname", "imagefile", "imgfile"),
    *("imagefilename", "image", "img", "path"),
)
_OTHER_IMAGE_KEYS = ("imageid", "imgid", "picture", "photo", "frame", "name", "id")
_SUBSET_KEYS = frozenset({"split", "subset", "set", "fold", "partition"})
_COUNTERS = frozenset({"", "id", "index", "idx", "unnamed0", "row", "no", "nr"})
_LABEL_KEYS = (
    *("labelname", "classname", "categoryname", "label", "class", "category", "labels", "classes", "categories"),
    *("tag", "tags", "objectclass", "object", "species", "regionattributes", "classid", "labelid"),
    *("categoryid", "classindex", "target"),
)
"""Names rather than numbers where there are both."""
_NO_CLASSES = frozenset(
    {
        *("source", "origin", "author", "annotator", "license", "url", "comment", "comments", "note", "notes"),
        *("description", "caption", "title", "date", "time", "timestamp", "camera", "device"),
    }
)
"""Columns of text that no one means as classes."""
NOTHING = frozenset({"nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf", "infinity", "-infinity", "-", "?"})
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_LEAST_PIXELS = 100
"""A table without images but with so many columns of numbers holds the images themselves."""
_MEND_IMAGE = "Write a header with a column called filename, or say which column names the images."


@dataclass(frozen=True, slots=True)
class Basics:
    """What every table about images has."""

    image: int
    subset: int | None

    def rest(self, table: Table) -> list[int]:
        """Return the columns that are neither of the two."""
        return [index for index in range(len(table.header)) if index not in (self.image, self.subset)]


def keys_of(table: Table) -> list[str]:
    """Return the names of the columns without case, spaces and signs."""
    return [key_of(name) for name in table.header]


def key_of(name: str) -> str:
    """Return the name of a column without case, spaces and signs."""
    return "".join(char for char in name.casefold() if char.isalnum())


def is_header(cells: list[str], is_image: IsImage) -> bool:
    """Whether a first row holds names of columns: no image and, unless one is called like images are, no number."""
    if any(names_image(cell) for cell in cells):
        return False
    if any(key_of(cell) in (*_FILE_KEYS, *_OTHER_IMAGE_KEYS) for cell in cells):
        return True
    return not any(parsed(cell) is not None or is_image(cell) for cell in cells)


def names_image(cell: str) -> bool:
    """Whether a cell ends like the name of an image."""
    return Path(cell).suffix.lower() in IMAGE_SUFFIXES


def find_basics(table: Table, options: ReadOptions, is_image: IsImage) -> Basics:
    """Return the columns of the image and of its subset, those that `options` name or else those found.

    Raises:
        Invalid: a named column is missing, or none names images.
    """
    named = options.columns
    image = chosen(table, named.file) if named.file else _image_column(table, is_image)
    if image is None:
        if table.sample and sum(parsed(cell) is not None for cell in table.sample[0]) >= _LEAST_PIXELS:
            message = "The rows hold the pixels of images; there is no column of file names."
            raise refusal("pixels_in_table", place_of(table), message, "Save each row as an image file of its own.")
        raise refusal("no_image_column", place_of(table), "No column names the images.", _MEND_IMAGE)
    return Basics(image, chosen(table, named.subset) if named.subset else _subset_column(table, image))


def chosen(table: Table, name: str) -> int:
    """Return the column that a person named.

    Raises:
        Invalid: there is none.
    """
    if name in table.header:
        return table.header.index(name)
    keys = keys_of(table)
    if key_of(name) and key_of(name) in keys:
        return keys.index(key_of(name))
    there = ", ".join(table.header[:20])
    raise refusal("column_missing", place_of(table), f"There is no column {shown(name)}.", f"The columns are: {there}")


def place_of(table: Table) -> Place:
    """Return where the header stands, or else the first row."""
    return Place(str(table.file), 1)


def label_column(table: Table, options: ReadOptions, candidates: Sequence[int]) -> int | None:
    """Return the column of classes: the one named by `options`, one called like classes, or the only one of texts."""
    if options.columns.label:
        return chosen(table, options.columns.label)
    keys = keys_of(table)
    for name in _LABEL_KEYS:
        for index in candidates:
            if keys[index] == name and table.column(index):
                return index
    texts = [index for index in candidates if keys[index] not in _NO_CLASSES and _holds_texts(table, index)]
    return texts[0] if len(texts) == 1 and _repeats(table.column(texts[0])) else None


def label_guessed(table: Table, options: ReadOptions, label: int | None) -> list[Problem]:
    """Return a warning where a column was taken for classes though nothing but its texts says so."""
    if label is None or options.columns.label or not table.has_header or keys_of(table)[label] in _LABEL_KEYS:
        return []
    message = f"The column {table.header[label]!r} is taken for the classes, as the only one of texts."
    mend = "Say which column holds them if it is another."
    return [fault("label_column_guessed", place_of(table), message, mend, "warning")]


def _holds_texts(table: Table, index: int) -> bool:
    cells = table.column(index)
    texts = sum(parsed(cell) is None and cell[0] not in "[{(" and not names_image(cell) for cell in cells)
    return bool(cells) and 2 * texts >= len(table.sample)


def _repeats(cells: list[str]) -> bool:
    """Whether cells can be classes: of three and more, some are the same."""
    return len(cells) < 3 or len(set(cells)) < len(cells)


def _image_column(table: Table, is_image: IsImage) -> int | None:
    """Return the first column called like one of images in which an image is found, or else one that names files."""
    keys = keys_of(table)
    named = [keys.index(name) for name in (*_FILE_KEYS, *_OTHER_IMAGE_KEYS) if name in keys]
    for index in named:
        if any(map(is_image, table.column(index))):
            return index
    for index in range(len(keys)):
        cells = table.column(index)
        numbers = not table.has_header or (keys[index].endswith("id") and keys[index] not in _LABEL_KEYS)
        hits = sum(names_image(cell) or (is_image(cell) and _may_name(cell, numbers)) for cell in cells)
        if hits and 2 * hits >= len(cells):
            return index
    return next((index for index in named if keys[index] in _FILE_KEYS), None)


def _may_name(cell: str, numbers: bool) -> bool:
    """Whether a cell without an image's ending may still be its name: no code like /m/01, and no number unless told."""
    return not cell.startswith("/") and (numbers or parsed(cell) is None)


def _subset_column(table: Table, image: int) -> int | None:
    for index in (index for index, key in enumerate(keys_of(table)) if key in _SUBSET_KEYS and index != image):
        known = [subset_of(cell) is not None for cell in table.column(index)]
        if known and 2 * sum(known) >= len(known):
            return index
    return None


def means_nothing(key: str) -> bool:
    """Whether a column is called like counters or folds."""
    return key in _COUNTERS | _SUBSET_KEYS


def row_subset(basics: Basics, cells: list[str], place: Place, faults: Faults) -> Subset | None:
    """Return the subset that a row names; list a name that is none."""
    cell = "" if basics.subset is None else cells[basics.subset]
    subset = subset_of(cell)
    if cell and subset is None:
        message = f"{shown(cell)} is the name of no subset; the image is kept without one."
        faults.add(fault("unknown_subset", place, message, "Write train, val or test.", "warning"))
    return subset


@dataclass(frozen=True, slots=True)
class Numbers:
    """Reads cells as numbers."""

    with_comma: frozenset[int]
    """Columns whose numbers are written with a decimal comma."""

    def get(self, index: int, cell: str) -> float | None:
        """Return the number in a cell."""
        return parsed(cell.replace(",", ".") if index in self.with_comma else cell)

    def are_in(self, table: Table, index: int) -> bool:
        """Whether a column holds numbers in at least half of the cells that hold anything."""
        known = [self.get(index, cell) is not None for cell in table.column(index) if cell.casefold() not in NOTHING]
        return bool(known) and 2 * sum(known) >= len(known)


def numbers_in(table: Table, columns: Iterable[int], options: ReadOptions) -> Numbers:
    """Return how numbers are written: with a comma where some have one and none a point, unless `options` say."""
    if options.decimal == "auto":
        return Numbers(frozenset(index for index in columns if _has_decimal_comma(table, index)))
    return Numbers(frozenset(columns if options.decimal == "," else ()))


def _has_decimal_comma(table: Table, index: int) -> bool:
    cells = table.column(index)
    commas = [cell for cell in cells if _WITH_COMMA.fullmatch(cell)]
    if not commas or any("." in cell and parsed(cell) is not None for cell in cells):
        return False
    return table.delimiter != "," or not all(map(_THOUSANDS.fullmatch, commas))
