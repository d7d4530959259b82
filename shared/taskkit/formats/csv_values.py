"""CSV of numbers: a header, and one row an image with its name and one or several numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Invalid
from shared.schemas.base import Subset
from shared.schemas.dataset import TargetInfo
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.csv_columns import Columns, choose_columns
from shared.taskkit.formats.csv_table import Table, parse_table
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.label_files import Unreadable, fault, read_text, refusal, shown
from shared.taskkit.formats.rows import Place, Reading, Row, subset_of


def recognises(_root: Path, files: list[Path]) -> bool:
    """Whether there is a table: a file that ends in .csv or .tsv."""
    return bool(_table_files(files))


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image of the tables, its values in the order of the targets.

    A column names the image, one may name the subset, and each other one that holds mostly numbers is a target, whose
    header says name and unit. Without a column for it, the subset is what the table or a folder is named after.
    Rows without a finite number for every target are left out.

    Raises:
        Invalid: there is no table, one cannot be parsed, none has columns of images and of numbers, or the tables'
            targets differ.
    """
    reading = Reading()
    images = ImageFiles(files)
    sheets = _sheets(root, _table_files(files), images, reading)
    first = sheets[0]
    reading.targets = tuple(first.columns.targets.values())
    for sheet in sheets[1:]:
        targets = list(sheet.columns.targets.values())
        if len(targets) != len(reading.targets) or not all(item in targets for item in reading.targets):
            message = f"The targets are {_told(targets)}, but in {first.file} {_told(reading.targets)}."
            mend = "Give both tables the same columns of numbers."
            raise refusal("targets_differ", Place(str(sheet.file), 1), message, mend)
    for sheet in sheets:
        reading.problems.extend(sheet.columns.problems)
        _read_sheet(sheet, images, reading)
    reading.problems.extend(images.not_annotated())
    return reading


@dataclass(frozen=True, slots=True)
class _Sheet:
    file: Path
    table: Table
    columns: Columns


def _table_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() in (".csv", ".tsv")]


def _told(targets: Iterable[TargetInfo]) -> str:
    return ", ".join(f"{item.name} [{item.unit}]" if item.unit else item.name for item in targets)


def _sheets(root: Path, files: list[Path], images: ImageFiles, reading: Reading) -> list[_Sheet]:
    """Return the tables that are about images; others may stand beside them and are listed."""
    sheets, refused = [], []
    for file in files:
        try:
            table = parse_table(read_text(root / file))
            sheets.append(_Sheet(file, table, choose_columns(table, file, images)))
        except Unreadable as error:
            raise error.invalid(file) from error
        except Invalid as error:
            refused.append((file, error))
    if not sheets and refused:
        raise refused[0][1]
    if not sheets:
        mend = "Add a CSV file with a header and one row an image."
        raise refusal("no_label_file", Place(""), "There is no CSV file.", mend)
    for file, reason in refused:
        message = f"{reason.message} Left out."
        reading.problems.append(fault("label_file_left_out", Place(str(file), 1), message, reason.hint, "warning"))
    return sheets


def _read_sheet(sheet: _Sheet, images: ImageFiles, reading: Reading) -> None:
    columns = sheet.columns
    by_name = {target.name: index for index, target in columns.targets.items()}
    order = [by_name[target.name] for target in reading.targets]
    of_table = label_file_subset(sheet.file)
    for line, cells in sheet.table.rows:
        place = Place(str(sheet.file), line)
        width = len(sheet.table.header)
        padded = cells + [""] * (width - len(cells))
        image = images.find(padded[columns.image], sheet.file, of_table)
        if image is None:
            reading.problems.append(images.missing(padded[columns.image], place))
            continue
        images.mention(image)
        if any(padded[width:]):
            message = f"The row has {len(cells)} cells below a header of {width}; left out."
            mend = "Put texts and numbers that hold the delimiter into double quotes."
            reading.problems.append(fault("too_many_cells", place, message, mend))
            continue
        values = [_value(sheet, index, padded[index], place, reading) for index in order]
        numbers = tuple(value for value in values if value is not None)
        if len(numbers) < len(values):
            continue
        if (problem := images.take(image, place)) is not None:
            reading.problems.append(problem)
            continue
        subset = _subset(columns, padded, place, reading) or of_table or folder_subset(image.parts[:-1])
        reading.rows.append(Row(image, subset, values=numbers, place=place))


def _value(sheet: _Sheet, index: int, cell: str, place: Place, reading: Reading) -> float | None:
    """Return the number in a cell; list it where there is none."""
    number = sheet.columns.number(index, cell)
    if number is None:
        said = f"holds {shown(cell)} instead of a number" if cell else "is empty"
        message = f"The column {sheet.table.header[index]!r} {said}; the row is left out."
        mend = "Write a number, or remove the row."
        reading.problems.append(fault("bad_value" if cell else "value_missing", place, message, mend))
    return number


def _subset(columns: Columns, cells: list[str], place: Place, reading: Reading) -> Subset | None:
    cell = "" if columns.subset is None else cells[columns.subset]
    subset = subset_of(cell)
    if cell and subset is None:
        message = f"{shown(cell)} is the name of no subset; the image is kept without one."
        mend = "Write train, val or test."
        reading.problems.append(fault("unknown_subset", place, message, mend, "warning"))
    return subset
