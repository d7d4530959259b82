"""Masks: whether a file can be read, and what the values of its pixels stand for."""

import csv
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from shared.schemas.dataset import Problem
from shared.taskkit.formats.json_arrays import whole
from shared.taskkit.formats.label_files import Unreadable, fault, head, parsed, printable, read_text, refusal
from shared.taskkit.formats.rows import MaskValue, Place

_NAME_COLUMNS = ("class", "name", "label", "class name", "class_name")
_VALUE_COLUMNS = ("pixel value", "pixel_value", "value", "id", "index", "class id", "class_id", "label_id")
_COLOUR_COLUMNS = (("r", "g", "b"), ("red", "green", "blue"))
_COLOUR = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")
_NAME_THEN_COLOUR = re.compile(r"(?P<name>[^:#]+):(?P<colour>\d{1,3},\d{1,3},\d{1,3})(:|$)")
_COLOUR_THEN_NAME = re.compile(r"(?P<colour>\d{1,3}\s+\d{1,3}\s+\d{1,3})\s+(?P<name>\S.*)")
_MAX_TABLE = 1 << 20
_META = "dataset_meta.json"

Values = dict[MaskValue, str]


def mask_problem(root: Path, file: Path, outcome: str = "its image is left out") -> Problem | None:
    """Return the problem of a mask that cannot be read, with its outcome: each chunk of a PNG has a checksum."""
    try:
        with warnings.catch_warnings(), Image.open(root / file) as image:
            warnings.simplefilter("ignore")
            image.verify()
    except UnidentifiedImageError:
        why = "is no image, or was damaged on its way"
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}"
    except Exception as error:
        # On damaged files Pillow's readers fail in any way there is.
        why = f"is damaged: {error}"
    else:
        return None
    mend = "Copy it again as a binary file: text conversion of line ends destroys PNG files."
    return fault("mask_unreadable", Place(str(file)), f"The mask {why}; {outcome}.", mend)


def read_mask_values(root: Path, files: Iterable[Path]) -> Values:
    """Return the class of each value that tables beside the masks name; empty where there is no table.

    Read are CSV files with a column of names and one of values or three of colours, `labelmap.txt` of CVAT
    (`name:r,g,b::`), `label_colors.txt` of CamVid (`r g b name`) and `dataset_meta.json` of Datumaro. The rows of a
    table of colours are numbered too, since masks may hold their numbers.

    Raises:
        Invalid: a table cannot be read, or two name other classes.
    """
    first: tuple[Path, Values] | None = None
    for file in sorted(files, key=lambda file: (len(file.parts), file)):
        try:
            values = _read_table(root, file)
        except Unreadable as error:
            raise error.invalid(file) from error
        if not values:
            continue
        if first is None:
            first = file, values
        elif first[1] != values:
            message = f"The classes of the masks are named otherwise in {first[0]}."
            raise refusal("class_names_differ", Place(str(file), 1), message, "Give both tables the same rows.")
    return first[1] if first else {}


def class_names_of(values: Values) -> tuple[str, ...]:
    """Return the names of the classes by number."""
    numbered = sorted((value, name) for value, name in values.items() if isinstance(value, int))
    return tuple(dict.fromkeys(name for _, name in numbered))


def _read_table(root: Path, file: Path) -> Values:
    ending = file.suffix.lower()
    if file.name.casefold() == _META:
        return _of_meta(whole(read_text(root / file)))
    if ending not in (".csv", ".txt") or not _is_table(head(root / file, 4096), ending):
        return {}
    if (root / file).stat().st_size > _MAX_TABLE:
        raise Unreadable("A table of classes of this size cannot be", 1)
    text = read_text(root / file)
    return _of_csv(text) if ending == ".csv" else _numbered(_of_text(text))


def _is_table(beginning: str, ending: str) -> bool:
    lines = [line for line in beginning.split("\n")[:5] if line.strip() and not line.startswith("#")]
    if ending == ".csv":
        columns = _columns(lines[0].split(",")) if len(lines) > 1 else None
        cells = lines[1].split(",") if columns else []
        return columns is not None and all(
            index < len(cells) and parsed(cells[index]) is not None for index in columns[1]
        )
    return bool(lines) and (_NAME_THEN_COLOUR.match(lines[0]) or _COLOUR_THEN_NAME.match(lines[0].strip())) is not None


def _columns(header: list[str]) -> tuple[int, list[int]] | None:
    """Return the columns of the name and of the value, or of red, green and blue."""
    keys = [cell.strip().strip('"').casefold() for cell in header]
    name = next((keys.index(key) for key in _NAME_COLUMNS if key in keys), None)
    if name is None:
        return None
    for colour in _COLOUR_COLUMNS:
        if all(key in keys for key in colour):
            return name, [keys.index(key) for key in colour]
    value = next((keys.index(key) for key in _VALUE_COLUMNS if key in keys), None)
    return None if value is None else (name, [value])


def _of_csv(text: str) -> Values:
    values: Values = {}
    colours: list[tuple[str, str]] = []
    try:
        rows = list(csv.reader(text.split("\n"), skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise Unreadable(f"Not valid CSV: {error}", None, "Check the quotes.") from error
    if (columns := _columns(rows[0])) is None:
        return {}
    name_column, value_columns = columns
    for line, cells in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) <= max(name_column, *value_columns) or not printable(cells[name_column]):
            raise Unreadable("The row has no class or no value", line, "Write both in each row.")
        name, said = printable(cells[name_column]), [cells[column] for column in value_columns]
        if len(said) == 3:
            colours.append((name, ",".join(said)))
        elif (number := parsed(said[0])) is not None and number.is_integer() and 0 <= number < 2**16:
            values[int(number)] = name
        else:
            raise Unreadable(f"{said[0].strip()[:40]!r} is no value of a pixel", line, "Write a whole number.")
    return values | _numbered(colours)


def _of_text(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        match = _NAME_THEN_COLOUR.match(line) or _COLOUR_THEN_NAME.match(line.strip())
        if match and not line.startswith("#") and printable(match["name"]):
            yield printable(match["name"]), match["colour"]


def _numbered(colours: Iterable[tuple[str, str]]) -> Values:
    """Return names by colour, and by the number of their row."""
    values: Values = {}
    for number, (name, said) in enumerate(colours):
        values[number] = name
        if (match := _COLOUR.fullmatch(said.strip())) is not None:
            red, green, blue = (int(part) for part in match.groups())
            values[red, green, blue] = name
    return values


def _of_meta(document: dict[str, object]) -> Values:
    """Return names by number, and by colour where the document has them."""
    names, colours = document.get("label_map"), document.get("segmentation_colors")
    values: Values = {}
    for index, (key, name) in enumerate(names.items() if isinstance(names, dict) else ()):
        if not isinstance(name, str) or not printable(name) or not (key.isascii() and key.isdigit() and len(key) < 6):
            continue
        values[int(key)] = printable(name)
        colour = colours[index] if isinstance(colours, list) and index < len(colours) else None
        if isinstance(colour, list) and len(colour) == 3 and all(isinstance(part, int) for part in colour):
            values[colour[0], colour[1], colour[2]] = printable(name)
    return values
