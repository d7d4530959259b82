"""Telling tables of boxes, of labels and of other things apart, so that each has one reader."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from shared.errors import Invalid
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.csv_box_columns import choose_box_columns
from shared.taskkit.formats.csv_columns import IsImage
from shared.taskkit.formats.csv_label_columns import choose_label_columns
from shared.taskkit.formats.csv_sheets import open_sheet, table_files, text_files
from shared.taskkit.formats.csv_table import Table
from shared.taskkit.formats.rows import IMAGE_SUFFIXES

Kind = Literal["boxes", "labels", "other"]
_MAX_PEEKS = 50


def found(root: Path, tables: Iterable[Path], files: list[Path]) -> set[Kind]:
    """Return the kinds of tables there are among the first of them."""
    kinds: set[Kind] = set()
    if not (peeked := list(tables)[:_MAX_PEEKS]):
        return kinds
    images = (file for file in files if file.suffix.lower() in IMAGE_SUFFIXES)
    names = {name.casefold() for file in images for name in (file.name, file.stem)}
    for file in peeked:
        try:
            kinds.add(open_sheet(root, file, ReadOptions(), lambda cell: _name(cell) in names, _kind).columns)
        except Invalid:
            kinds.add("other")
    return kinds


def found_anywhere(root: Path, files: list[Path]) -> set[Kind]:
    """Return the kinds of tables, or of text files where there are none."""
    return found(root, table_files(files) or text_files(files), files)


def _name(cell: str) -> str:
    return cell.replace("\\", "/").rpartition("/")[2].casefold()


def _kind(table: Table, options: ReadOptions, is_image: IsImage) -> Kind:
    try:
        choose_box_columns(table, options, is_image)
    except Invalid:
        pass
    else:
        return "boxes"
    columns = choose_label_columns(table, options, is_image)
    names = table.column(columns.basics.image)
    if columns.whole_line and columns.separator is not None and any("/" in name for name in names):
        return "other"  # Numbers for folders that are classes, as ImageNet has them.
    return "labels" if any(map(is_image, names)) else "other"
