"""Tables of text with a header: delimiter, columns and the line of each row."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from shared.schemas.dataset import TargetInfo
from shared.taskkit.formats.label_files import Unreadable, printable

_DELIMITERS = ("\t", ";", ",", "|")
_SAMPLE = 50
_IN_BRACKETS = re.compile(r"(?P<name>.+?)\s*[(\[](?P<unit>[^()\[\]]{1,20})[)\]]")
_UNITS = frozenset(
    {
        *("nm", "um", "mm", "cm", "dm", "m", "km", "inch", "ft", "mi", "px", "deg", "rad"),
        *("mg", "g", "kg", "lb", "ml", "l", "ms", "s", "sec", "hours", "days", "weeks", "months", "years", "yrs"),
        *("celsius", "degc", "kelvin", "kph", "kmh", "mph", "mps", "pa", "hpa", "kpa", "mpa", "bar", "psi"),
        *("mv", "v", "ma", "mw", "w", "kw", "hz", "khz", "mhz", "lux", "db", "ppm", "ppb", "pct", "percent"),
        *("usd", "eur"),
    }
)


@dataclass(slots=True)
class Table:
    """A header and the rows below it, each with the line on which it begins."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    delimiter: str

    def column(self, index: int) -> list[str]:
        """Return the filled cells of a column."""
        return [cells[index] for _, cells in self.rows if index < len(cells) and cells[index]]


def parse_table(text: str) -> Table:
    """Return the table that text holds.

    The delimiter is the one of tab, semicolon, comma and bar that gives most rows the width of the header, and among
    those the widest.

    Raises:
        Unreadable: the text is empty, or its quotes do not match.
    """
    if not text.strip():
        raise Unreadable("The table is empty", 1, "Write a header and a row for each image.")
    delimiter = max(_DELIMITERS, key=lambda delimiter: _fit(text, delimiter))
    rows = _rows(text, delimiter)
    _, header = next(rows)
    return Table([printable(cell) for cell in header], list(rows), delimiter)


def _fit(text: str, delimiter: str) -> tuple[bool, float, int]:
    """Return how well a delimiter suits the beginning of the text."""
    try:
        widths = [len(cells) for _, cells in islice(_rows(text, delimiter), _SAMPLE)]
    except Unreadable:
        return False, 0.0, 0
    width = widths[0] if widths else 0
    return width > 1, sum(item == width for item in widths) / max(len(widths), 1), width


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line and stripped cells of each row that is not empty."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            mend = "Check the quotes: each opening one needs a closing one, before a delimiter."
            raise Unreadable(f"The row that begins here is no valid CSV: {error}", line, mend) from error
        if any(cells):
            yield line, cells


def target_infos(headers: list[str]) -> list[TargetInfo]:
    """Return name and unit of columns: `weight (kg)`, `weight [kg]` and `weight_kg` are weight in kg.

    Where two columns would get the same name, they keep their whole headers.
    """
    infos = [_target_info(header) for header in headers]
    names = [info.name for info in infos]
    return [
        TargetInfo(name=header, unit=info.unit) if names.count(info.name) > 1 else info
        for header, info in zip(headers, infos, strict=True)
    ]


def _target_info(header: str) -> TargetInfo:
    if match := _IN_BRACKETS.fullmatch(header):
        return TargetInfo(name=_spaced(match["name"]), unit=match["unit"].strip())
    name, _, unit = header.rpartition("_")
    if name.strip("_ ") and unit.casefold() in _UNITS:
        return TargetInfo(name=_spaced(name), unit=unit)
    return TargetInfo(name=_spaced(header))


def _spaced(name: str) -> str:
    return " ".join(name.replace("_", " ").split()) or name
