"""What the columns of a table mean: the image, its subset, and numbers."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shared.schemas.dataset import Problem, TargetInfo
from shared.taskkit.formats.csv_table import Table, target_infos
from shared.taskkit.formats.image_files import ImageFiles
from shared.taskkit.formats.label_files import fault, parsed, refusal
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Place, subset_of

_FILE_COLUMNS = (
    *("filename", "file_name", "file", "image_path", "img_path", "file_path", "filepath"),
    *("image_name", "image_file", "image", "img", "path"),
)
_OTHER_IMAGE_COLUMNS = ("image_id", "img_id", "picture", "photo", "frame", "name", "id")
_SUBSET_COLUMNS = frozenset({"split", "subset", "set", "fold", "partition"})
_COUNTERS = frozenset({"", "id", "index", "idx", "unnamed_0", "row", "no", "nr"})
_NOTHING = frozenset({"nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf", "infinity", "-infinity", "-", "?"})
_SAMPLE = 200
_MEND_HEADER = "Write a header such as: filename,weight (kg),split"


@dataclass(slots=True)
class Columns:
    """The meaning of a table's columns, which are told by their index."""

    image: int
    subset: int | None
    targets: dict[int, TargetInfo]
    with_comma: frozenset[int]
    """Columns whose numbers are written with a decimal comma."""
    problems: list[Problem] = field(default_factory=list)

    def number(self, index: int, cell: str) -> float | None:
        """Return the number in a cell."""
        return parsed(cell.replace(",", ".") if index in self.with_comma else cell)


def choose_columns(table: Table, file: Path, images: ImageFiles) -> Columns:
    """Return the meaning of the columns; those that mean nothing are among its problems.

    Raises:
        Invalid: there is no header, no column of images or none of numbers, or two targets have one name.
    """
    place = Place(str(file), 1)
    if any(_names_image(cell) or parsed(cell) is not None for cell in table.header):
        message = "The first line holds values instead of the names of the columns."
        raise refusal("header_missing", place, message, _MEND_HEADER)
    keys = [re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_") for name in table.header]
    image = _image_column(table, keys, lambda cell: images.find(cell, file) is not None)
    if image is None:
        raise refusal("no_image_column", place, "No column names the images.", _MEND_HEADER)
    subset = _subset_column(table, keys)
    rest = [index for index in range(len(keys)) if index not in (image, subset)]
    with_comma = frozenset(index for index in rest if _has_decimal_comma(table, index))
    columns = Columns(image, subset, {}, with_comma)
    found = [
        index for index in rest if keys[index] not in _COUNTERS | _SUBSET_COLUMNS and _is_numeric(table, columns, index)
    ]
    columns.targets = dict(zip(found, target_infos([table.header[index] for index in found]), strict=True))
    if not found:
        raise refusal("no_value_column", place, "No column holds numbers.", _MEND_HEADER)
    twice = [name for name, count in Counter(item.name for item in columns.targets.values()).items() if count > 1]
    if twice:
        message = f"Two columns are called {twice[0]!r}."
        raise refusal("column_twice", place, message, "Rename or remove one of them.")
    for index in (index for index in rest if index not in columns.targets and table.column(index)):
        message = f"The column {table.header[index]!r} holds no numbers to learn; ignored."
        columns.problems.append(fault("column_ignored", place, message, severity="warning"))
    return columns


def _names_image(cell: str) -> bool:
    return Path(cell).suffix.lower() in IMAGE_SUFFIXES


def _image_column(table: Table, keys: list[str], is_image: Callable[[str], bool]) -> int | None:
    """Return the first column called like one of images in which an image is found, or else one that names files."""
    named = [keys.index(name) for name in (*_FILE_COLUMNS, *_OTHER_IMAGE_COLUMNS) if name in keys]
    for index in named:
        if any(map(is_image, table.column(index)[:_SAMPLE])):
            return index
    for index in range(len(keys)):
        cells = table.column(index)[:_SAMPLE]
        hits = sum(_names_image(cell) or (parsed(cell) is None and is_image(cell)) for cell in cells)
        if hits and 2 * hits >= len(cells):
            return index
    return next((index for index in named if keys[index] in _FILE_COLUMNS), None)


def _subset_column(table: Table, keys: list[str]) -> int | None:
    for index in (index for index, key in enumerate(keys) if key in _SUBSET_COLUMNS):
        known = [subset_of(cell) is not None for cell in table.column(index)]
        if known and 2 * sum(known) >= len(known):
            return index
    return None


def _has_decimal_comma(table: Table, index: int) -> bool:
    """Whether the numbers of a column are written as 1,5: some have a comma, none a point."""
    cells = table.column(index) if table.delimiter != "," else []
    return any("," in cell for cell in cells) and not any("." in cell and parsed(cell) is not None for cell in cells)


def _is_numeric(table: Table, columns: Columns, index: int) -> bool:
    """Whether a column holds numbers in at least half of the cells that hold anything."""
    known = [columns.number(index, cell) is not None for cell in table.column(index) if cell.casefold() not in _NOTHING]
    return bool(known) and 2 * sum(known) >= len(known)
