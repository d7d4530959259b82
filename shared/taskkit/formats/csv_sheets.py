"""The tables of an import: those about images are read, the others listed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from shared.errors import Invalid
from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.csv_classes import is_class_list
from shared.taskkit.formats.csv_columns import IsImage, is_header
from shared.taskkit.formats.csv_faults import Faults
from shared.taskkit.formats.csv_table import Table, open_table
from shared.taskkit.formats.image_files import ImageFiles, label_file_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import Unreadable, fault, refusal
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Place

Columns = TypeVar("Columns")
Choose = Callable[[Table, ReadOptions, IsImage], Columns]
"""Returns what the columns of a table mean; raises Invalid where they mean nothing."""


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Columns]):
    """A table and what its columns mean."""

    table: Table
    columns: Columns


def table_files(files: Iterable[Path]) -> list[Path]:
    """Return the files that are tables by their ending."""
    return [file for file in files if file.suffix.lower() in (".csv", ".tsv")]


def text_files(files: Iterable[Path]) -> list[Path]:
    """Return text files that may be lists of images: not those of single images."""
    texts = [file for file in files if file.suffix.lower() == ".txt"]
    stems = {file.stem.casefold() for file in files if file.suffix.lower() in IMAGE_SUFFIXES} if texts else set()
    return [file for file in texts if file.stem.casefold() not in stems]


@dataclass(frozen=True, slots=True)
class Sheets(Generic[Columns]):
    """The tables about images, and the files that are none with the reason."""

    about_images: list[Sheet[Columns]]
    others: list[tuple[Path, Invalid]]

    def without_images(self, files: Iterable[Path]) -> list[Path]:
        """Return the files that may name the classes."""
        about_images = {sheet.table.file for sheet in self.about_images}
        others = {file for file, _ in self.others}
        return [file for file in files if file in others or (is_class_list(file) and file not in about_images)]

    def set_aside(self, is_other: Callable[[Columns], bool], message: str) -> None:
        """Leave out tables that are about something else, where there are better ones."""
        aside = [sheet for sheet in self.about_images if is_other(sheet.columns)]
        if len(aside) < len(self.about_images):
            for sheet in aside:
                self.about_images.remove(sheet)
                self.others.append((sheet.table.file, refusal("other_table", Place(str(sheet.table.file), 1), message)))

    def tell(self, problems: list[Problem], used: Iterable[Path] = ()) -> None:
        """List the files that are left out, but those used for something else, and guesses about the others."""
        for file, reason in self.others:
            if file not in used:
                message = f"{reason.message} Left out."
                place = Place(str(file), 1)
                problems.append(fault("label_file_left_out", place, message, reason.hint, "warning"))
        for sheet in self.about_images:
            problems.extend(_encoding_guessed(sheet.table))


def open_sheets(
    root: Path, files: Iterable[Path], options: ReadOptions, images: ImageFiles, choose: Choose[Columns]
) -> Sheets[Columns]:
    """Return the tables in files, apart by whether they are about images.

    Raises:
        Invalid: none is.
    """
    sheets: Sheets[Columns] = Sheets([], [])
    for file in files:
        try:
            sheets.about_images.append(open_sheet(root, file, options, _finder(file, images), choose))
        except Invalid as error:
            sheets.others.append((file, error))
    if not sheets.about_images:
        mend = "Add a CSV file with a header and one row an image."
        nothing = no_label_file(images.all, "There is no CSV file.", mend)
        reasons = [reason for _, reason in sheets.others]
        raise next((item for item in reasons if item.code != "no_image_column"), (reasons or [nothing])[0])
    return sheets


def open_sheet(
    root: Path, file: Path, options: ReadOptions, is_image: IsImage, choose: Choose[Columns]
) -> Sheet[Columns]:
    """Return a table and what its columns mean.

    Raises:
        Invalid: the file is no table, or its columns mean nothing.
    """
    try:
        table = open_table(root, file, options.delimiter, lambda cells: is_header(cells, is_image))
        return Sheet(table, choose(table, options, is_image))
    except Unreadable as error:
        raise error.invalid(file) from error


def _finder(file: Path, images: ImageFiles) -> IsImage:
    subset = label_file_subset(file)
    return lambda cell: images.find(cell, file, subset) is not None


def image_rows(
    table: Table, column: int, images: ImageFiles, faults: Faults
) -> Iterator[tuple[Path, Place, list[str]]]:
    """Yield image, place and cells of each row whose image is there and whose cells fit the header.

    The others are listed; rows in a run about the same missing image once.
    """
    subset = label_file_subset(table.file)
    width = len(table.header)
    name, image = None, None
    for place, cells in table.rows(faults):
        if cells[column] != name:
            name = cells[column]
            image = images.find(name, table.file, subset)
            if image is None:
                faults.add(images.missing(name, place))
        if image is None:
            continue
        images.mention(image)
        if any(cells[width:]) and table.delimiter != " ":
            message = f"The row has {len(cells)} cells below a header of {width}; left out."
            mend = "Put texts and numbers that hold the delimiter into double quotes."
            faults.add(fault("too_many_cells", place, message, mend))
        else:
            yield image, place, cells


def _encoding_guessed(table: Table) -> Iterator[Problem]:
    if (line := table.encoding.guessed_at) is not None:
        message = "The text is not in UTF-8; it was read as Windows-1252."
        mend = "Save the file with the encoding UTF-8 if names look wrong."
        yield fault("encoding_guessed", Place(str(table.file), line), message, mend, "warning")
