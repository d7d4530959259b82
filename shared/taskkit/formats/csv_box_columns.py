"""What the columns of a table of boxes mean."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.csv_box_cells import (
    CellBox,
    Layout,
    Role,
    find_layout,
    find_roles,
    guess_layout,
    is_empty,
    look_like_shares,
    parse_cell,
    parts_of,
)
from shared.taskkit.formats.csv_columns import (
    Basics,
    IsImage,
    Numbers,
    chosen,
    find_basics,
    keys_of,
    label_column,
    label_guessed,
    numbers_in,
    place_of,
)
from shared.taskkit.formats.csv_other_columns import OtherColumns, not_learned
from shared.taskkit.formats.csv_table import Table
from shared.taskkit.formats.label_files import fault, refusal

_CELL_KEYS = ("bbox", "bboxes", "box", "boxes", "boundingbox", "boundingboxes", "bndbox", "rect", "annotations")
_VIA_KEYS = ("regionshapeattributes",)
_CROWD_KEYS = ("iscrowd", "isgroupof")
_WIDTH_KEYS = ("imagewidth", "imgwidth", "imagew", "imgw", "originalwidth", "width")
_HEIGHT_KEYS = ("imageheight", "imgheight", "imageh", "imgh", "originalheight", "height")
_MEND = "Write a header such as: filename,label,xmin,ymin,xmax,ymax - or say which columns hold them."
_MEND_LAYOUT = "Say which layout the boxes have if they are off."


@dataclass(frozen=True, slots=True)
class BoxColumns:
    """The meaning of a table's columns, which are told by their index."""

    basics: Basics
    label: int | None
    coordinates: tuple[int, ...]
    """Four columns of numbers, or one whose cells hold whole boxes."""
    layout: Layout
    relative: bool
    numbers: Numbers
    size: tuple[int, int] | None
    """Columns of the image's width and height."""
    crowd: int | None
    others: OtherColumns
    problems: list[Problem]

    def says_nothing(self, cells: list[str]) -> bool:
        """Whether a row has no box, which tells that nothing is in the image."""
        return all(is_empty(cells[index]) for index in self.coordinates)

    def boxes(self, cells: list[str]) -> list[CellBox] | None:
        """Return the boxes of a row; None where its numbers are none."""
        if len(self.coordinates) == 1:
            return parse_cell(cells[self.coordinates[0]])
        values = [self.numbers.get(index, cells[index]) for index in self.coordinates]
        a, b, c, d = values
        return None if a is None or b is None or c is None or d is None else [CellBox((a, b, c, d))]


def choose_box_columns(table: Table, options: ReadOptions, is_image: IsImage) -> BoxColumns:
    """Return the meaning of the columns.

    Raises:
        Invalid: there is no column of images, or none of boxes.
    """
    basics = find_basics(table, options, is_image)
    numbers = numbers_in(table, range(len(table.header)), options)
    coordinates, layout = _coordinates(table, options, basics, numbers)
    size = _image_size(table, options, coordinates)
    crowd = next((index for index, key in enumerate(keys_of(table)) if key in _CROWD_KEYS), None)
    taken = {*coordinates, *(size or ()), crowd}
    label = _label(table, options, [index for index in basics.rest(table) if index not in taken])
    unused = [index for index in basics.rest(table) if index not in taken and index != label]
    others = OtherColumns(table, unused)
    columns = BoxColumns(basics, label, coordinates, layout or "corners", False, numbers, size, crowd, others, [])
    sample = list(_sample(table, columns))
    if options.box_layout != "auto":
        columns = replace(columns, layout=options.box_layout)
    elif layout is None:
        columns = replace(columns, layout=guess_layout(box.values for box in sample if box.layout is None))
    shares = look_like_shares(box.values for box in sample)
    relative = shares if options.box_unit == "auto" else options.box_unit == "shares"
    guessed = layout is None and options.box_layout == "auto" and any(box.layout is None for box in sample)
    problems = [*_guesses(table, columns, guessed), *label_guessed(table, options, label)]
    problems += not_learned(table, unused, "since they say nothing of boxes")
    return replace(columns, relative=relative, problems=problems)


def _coordinates(
    table: Table, options: ReadOptions, basics: Basics, numbers: Numbers
) -> tuple[tuple[int, ...], Layout | None]:
    """Return the columns of a box, and their layout where their names tell it."""
    keys = {key: index for index, key in reversed(list(enumerate(keys_of(table))))}
    if options.columns.bbox:
        return (chosen(table, options.columns.bbox),), None
    roles = _named_roles(table, options) or find_roles({key: at for key, at in keys.items() if at != basics.image})
    if (layout := find_layout(roles)) is not None:
        return tuple(roles[part] for part in parts_of(layout)), layout
    for key in (*_CELL_KEYS, *_VIA_KEYS):
        if key in keys and keys[key] != basics.image:
            return (keys[key],), None
    if not table.has_header and (four := _four_in_a_row(table, basics, numbers)):
        return four, None
    raise refusal("no_box_columns", place_of(table), "No columns hold the boxes of objects.", _MEND)


def _named_roles(table: Table, options: ReadOptions) -> dict[Role, int]:
    named = options.columns
    names: dict[Role, str | None] = {
        "x_min": named.x_min,
        "y_min": named.y_min,
        "x_max": named.x_max,
        "y_max": named.y_max,
        "x_center": named.x_center,
        "y_center": named.y_center,
        "width": named.width,
        "height": named.height,
    }
    return {role: chosen(table, name) for role, name in names.items() if name}


def _four_in_a_row(table: Table, basics: Basics, numbers: Numbers) -> tuple[int, ...]:
    """Return the last four columns of numbers that stand side by side."""
    numeric = [index for index in basics.rest(table) if numbers.are_in(table, index)]
    last = numeric[-4:]
    return tuple(last) if len(last) == 4 and last[3] - last[0] == 3 and len(table.header) <= 7 else ()


def _image_size(table: Table, options: ReadOptions, coordinates: tuple[int, ...]) -> tuple[int, int] | None:
    keys = keys_of(table)
    found: list[int] = []
    named = (options.columns.image_width, options.columns.image_height)
    for name, spellings in zip(named, (_WIDTH_KEYS, _HEIGHT_KEYS), strict=True):
        usual = (keys.index(key) for key in spellings if key in keys and keys.index(key) not in coordinates)
        index = chosen(table, name) if name else next(usual, None)
        found.extend(() if index is None else (index,))
    return (found[0], found[1]) if len(found) == 2 else None


def _label(table: Table, options: ReadOptions, candidates: list[int]) -> int | None:
    found = label_column(table, options, candidates)
    return candidates[0] if found is None and not table.has_header and len(candidates) == 1 else found


def _sample(table: Table, columns: BoxColumns) -> Iterator[CellBox]:
    for cells in table.sample:
        yield from columns.boxes(cells) or ()


def _guesses(table: Table, columns: BoxColumns, layout_guessed: bool) -> Iterator[Problem]:
    if layout_guessed:
        parts = ", ".join(part.replace("_", " ") for part in parts_of(columns.layout))
        message = f"No header says what the four numbers of a box are; they are read as {parts}."
        yield fault("box_layout_guessed", place_of(table), message, _MEND_LAYOUT, "warning")
    if columns.label is None:
        message = "No column holds the classes of the objects; all are of one class."
        yield fault(
            "no_label_column", place_of(table), message, "Say which column holds them if there is one.", "warning"
        )
