"""What the columns of a table of labels mean, and the classes in a cell."""

import re
from dataclasses import dataclass

from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.csv_box_cells import find_layout, find_roles
from shared.taskkit.formats.csv_columns import (
    Basics,
    IsImage,
    chosen,
    find_basics,
    keys_of,
    label_column,
    label_guessed,
    means_nothing,
    names_image,
    place_of,
)
from shared.taskkit.formats.csv_other_columns import OtherColumns, not_learned
from shared.taskkit.formats.csv_table import Table
from shared.taskkit.formats.label_files import parsed, refusal

_SURE_KEYS = frozenset({"label", "labels", "class", "classes", "category", "labelname", "classname", "categoryname"})
_SEVERAL_KEYS = frozenset({"labels", "classes", "categories", "tags"})
_YES_NO = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}
_QUOTES = " '\""
_MEND = "Write a header such as: filename,label - or say which column holds the classes."


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The meaning of a table's columns, which are told by their index."""

    basics: Basics
    label: int | None
    one_hot: dict[int, str]
    """Class by its column."""
    separator: str | None
    """What stands between several classes in a cell; None where cells hold one."""
    whole_line: bool
    """Whether all that follows the image is its label, as in lists."""
    confidence: int | None
    """Column in which 0 says that the class is not in the image (Open Images)."""
    has_boxes: bool
    others: OtherColumns
    problems: list[Problem]

    def labels(self, cells: list[str]) -> list[str]:
        """Return the classes that the label's cell holds."""
        if self.label is None:
            return []
        cell = " ".join(cells[self.label :]) if self.whole_line else cells[self.label]
        return split_labels(cell.strip(), self.separator)


def choose_label_columns(table: Table, options: ReadOptions, is_image: IsImage) -> LabelColumns:
    """Return the meaning of the columns: one of classes, or several that are each a class with 1 and 0 below.

    Raises:
        Invalid: there is no column of images or none of classes.
    """
    basics = find_basics(table, options, is_image)
    rest = basics.rest(table)
    keys = keys_of(table)
    whole_line = not table.has_header and table.delimiter == " " and not options.columns.label
    label, one_hot = (_of_list(table, basics), {}) if whole_line else _label_or_classes(table, options, rest)
    if label is None and not one_hot:
        raise refusal("no_label_column", place_of(table), "No column holds the classes of images.", _MEND)
    has_boxes = find_layout(find_roles({key: index for index, key in enumerate(keys)})) is not None
    used = {label, *one_hot}
    confidence = next((index for index in rest if keys[index] == "confidence"), None)
    unused = [] if whole_line else [index for index in rest if index not in used and index != confidence]
    told = [index for index in unused if not means_nothing(keys[index])]
    problems = not_learned(table, told, "since they hold no classes")
    problems += label_guessed(table, options, label)
    others = OtherColumns(table, sorted(unused, key=lambda index: means_nothing(keys[index])))
    separator = None if label is None else _separator(table, label, options, whole_line)
    return LabelColumns(basics, label, one_hot, separator, whole_line, confidence, has_boxes, others, problems)


def yes_or_no(cell: str) -> bool | None:
    """Return what a cell below a class says; None where it is neither 1 nor 0."""
    return _YES_NO.get(cell.casefold())


def split_labels(cell: str, separator: str | None) -> list[str]:
    """Return the classes in a cell, which may be written as a list: ['cat', 'dog']."""
    if cell.startswith("[") and cell.endswith("]"):
        parts = cell[1:-1].split(separator or ",")
    else:
        parts = cell.split(separator) if separator else [cell]
    return [label for part in parts if (label := part.strip(_QUOTES))]


def _label_or_classes(table: Table, options: ReadOptions, rest: list[int]) -> tuple[int | None, dict[int, str]]:
    named = options.columns
    keys = keys_of(table)
    if named.labels and not named.label:
        return None, {index: table.header[index] for index in (chosen(table, name) for name in named.labels)}
    sure = next((index for index in rest if keys[index] in _SURE_KEYS and table.column(index)), None)
    classes = [] if named.label or sure is not None else [index for index in rest if _is_class(table, index)]
    least = 1 if table.file.stem.casefold() == "_classes" else 2
    if table.has_header and len(classes) >= least:
        return None, {index: table.header[index] for index in classes}
    if not table.has_header and len(rest) == 1 and not named.label:
        return (rest[0] if _holds_labels(table, rest[0]) else None), {}
    return label_column(table, options, rest), {}


def _is_class(table: Table, index: int) -> bool:
    known = sum(yes_or_no(cell) is not None for cell in table.column(index))
    return known > 0 and known >= 0.9 * len(table.sample) and not means_nothing(keys_of(table)[index])


def _of_list(table: Table, basics: Basics) -> int | None:
    """Return where the label of a list without a header begins: after the image."""
    label = basics.image + 1
    return label if label < len(table.header) and _holds_labels(table, label) else None


def _holds_labels(table: Table, index: int) -> bool:
    """Whether cells may be classes: most are neither files nor numbers with decimals."""
    cells = table.column(index)
    odd = sum(names_image(cell) or ("." in cell and parsed(cell) is not None) for cell in cells)
    return bool(cells) and 2 * odd < len(cells)


def _separator(table: Table, label: int, options: ReadOptions, whole_line: bool) -> str | None:
    """Return what stands between the classes in cells, as far as their look tells."""
    if options.label_separator != "auto":
        return options.label_separator
    if whole_line:
        numbers = all(part.isdigit() for cells in table.sample for part in cells[label:] if part)
        return " " if numbers else None
    cells = [cell for cell in table.column(label) if not cell.startswith("[")]
    for separator in "|;":
        if any(separator in cell for cell in cells):
            return separator
    several = keys_of(table)[label] in _SEVERAL_KEYS
    for separator in ", ":
        parts = [part for cell in cells for part in re.split(rf"{separator}\s*", cell) if part]
        if len(parts) > len(cells) and (several or all(part.isdigit() for part in parts)):
            return separator
    return None
