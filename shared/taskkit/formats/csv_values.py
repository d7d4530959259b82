"""CSV of numbers: a header, and one row an image with its name and one or several numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.schemas.dataset import Problem, TargetInfo
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats import csv_kinds
from shared.taskkit.formats.csv_columns import (
    Basics,
    IsImage,
    Numbers,
    chosen,
    find_basics,
    keys_of,
    means_nothing,
    numbers_in,
    place_of,
    row_subset,
)
from shared.taskkit.formats.csv_faults import Faults
from shared.taskkit.formats.csv_other_columns import OtherColumns, not_learned
from shared.taskkit.formats.csv_sheets import Sheet, image_rows, open_sheets, table_files
from shared.taskkit.formats.csv_table import Table
from shared.taskkit.formats.csv_targets import target_infos
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.label_files import fault, refusal, shown
from shared.taskkit.formats.rows import Place, Reading, Row

_MEND_HEADER = "Write a header such as: filename,weight (kg),split"


@dataclass(frozen=True, slots=True)
class Columns:
    """The meaning of a table's columns, which are told by their index."""

    basics: Basics
    targets: dict[int, TargetInfo]
    numbers: Numbers
    others: OtherColumns
    problems: list[Problem]


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is a table, a file that ends in .csv or .tsv, and none of labels or boxes."""
    return bool(table_files(files)) and not csv_kinds.found(root, table_files(files), files) & {"labels", "boxes"}


def read(root: Path, files: list[Path], options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image of the tables, its values in the order of the targets.

    A column names the image, one may name the subset, and each other one that holds mostly numbers is a target, whose
    header says name and unit. Without a column for it, the subset is what the table or a folder is named after.
    Rows without a finite number for every target are left out.

    Raises:
        Invalid: there is no table, none has columns of images and of numbers, or the tables' targets differ.
    """
    reading = Reading()
    images = ImageFiles(files)
    found = open_sheets(root, table_files(files), options, images, choose_columns)
    found.tell(reading.problems)
    sheets = found.about_images
    first = sheets[0]
    reading.targets = tuple(first.columns.targets.values())
    for sheet in sheets[1:]:
        targets = list(sheet.columns.targets.values())
        if len(targets) != len(reading.targets) or not all(item in targets for item in reading.targets):
            message = f"The targets are {_told(targets)}, but in {first.table.file} {_told(reading.targets)}."
            mend = "Give both tables the same columns of numbers."
            raise refusal("targets_differ", place_of(sheet.table), message, mend)
    for sheet in sheets:
        reading.problems.extend(sheet.columns.problems)
        _read_sheet(sheet, images, reading)
    reading.problems.extend(images.not_annotated())
    return reading


def choose_columns(table: Table, options: ReadOptions, is_image: IsImage) -> Columns:
    """Return the meaning of the columns; those that mean nothing are among its problems.

    Raises:
        Invalid: there is no header, no column of images or none of numbers, or two targets have one name.
    """
    named = options.columns.values
    if not table.has_header and not named:
        find_basics(table, options, is_image)
        message = "The first line holds values instead of the names of the columns."
        raise refusal("header_missing", place_of(table), message, _MEND_HEADER)
    basics = find_basics(table, options, is_image)
    rest = basics.rest(table)
    numbers = numbers_in(table, range(len(table.header)), options)
    keys = keys_of(table)
    found = (
        list(dict.fromkeys(chosen(table, name) for name in named))
        if named
        else [index for index in rest if not means_nothing(keys[index]) and numbers.are_in(table, index)]
    )
    if not found:
        raise refusal("no_value_column", place_of(table), "No column holds numbers.", _MEND_HEADER)
    targets = target_infos([table.header[index] for index in found])
    twice = [name for name, count in Counter(item.name for item in targets).items() if count > 1]
    if twice:
        message = f"Two columns are called {twice[0]!r}."
        raise refusal("column_twice", place_of(table), message, "Rename or remove one of them.")
    unused = [index for index in rest if index not in found]
    problems = [] if named else not_learned(table, unused, "since they hold no numbers to learn")
    return Columns(basics, dict(zip(found, targets, strict=True)), numbers, OtherColumns(table, unused), problems)


def _told(targets: Iterable[TargetInfo]) -> str:
    return ", ".join(f"{item.name} [{item.unit}]" if item.unit else item.name for item in targets)


def _read_sheet(sheet: Sheet[Columns], images: ImageFiles, reading: Reading) -> None:
    columns, table = sheet.columns, sheet.table
    by_name = {target.name: index for index, target in columns.targets.items()}
    order = [by_name[target.name] for target in reading.targets]
    of_table = label_file_subset(table.file)
    faults = Faults(reading.problems)
    for image, place, cells in image_rows(table, columns.basics.image, images, faults):
        values = [_value(sheet, index, cells[index], place, faults) for index in order]
        numbers = tuple(value for value in values if value is not None)
        if len(numbers) < len(values):
            continue
        if (problem := images.take(image, place)) is not None:
            faults.add(problem)
            continue
        subset = row_subset(columns.basics, cells, place, faults) or of_table or folder_subset(image.parts[:-1])
        others = columns.others.of(cells)
        reading.rows.append(Row(image, subset, values=numbers, place=place, columns=others))
    faults.tell_rest()


def _value(sheet: Sheet[Columns], index: int, cell: str, place: Place, faults: Faults) -> float | None:
    """Return the number in a cell; list it where there is none."""
    number = sheet.columns.numbers.get(index, cell)
    if number is None:
        said = f"holds {shown(cell)} instead of a number" if cell else "is empty"
        message = f"The column {sheet.table.header[index]!r} {said}; the row is left out."
        mend = "Write a number, or remove the row."
        faults.add(fault("bad_value" if cell else "value_missing", place, message, mend))
    return number
