"""Tables of text: delimiter, header, and the rows one by one, each with the line on which it begins."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from shared.schemas.read_options import Delimiter
from shared.taskkit.formats.csv_faults import Faults
from shared.taskkit.formats.csv_text import Encoding, encoding_of, read_lines
from shared.taskkit.formats.label_files import Unreadable, fault, printable
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Place

_DELIMITERS = ("\t", ";", ",", "|")
_SNIFFED = 50
_SAMPLE = 1000
_ENDINGS = "|".join(re.escape(suffix) for suffix in sorted(IMAGE_SUFFIXES))
_SPACED = re.compile(rf'\s*(?:"([^"]*)"|(\S.*?(?:{_ENDINGS})))(?=\s|$)(.*)', re.IGNORECASE | re.DOTALL)
"""A file name, which may hold spaces, and the rest of the line."""
_MEND_QUOTES = "Check the quotes: each opening one needs a closing one, before a delimiter."


class _Raw(NamedTuple):
    line: int
    cells: list[str]
    broken: str | None = None
    """Why the row cannot be told from what follows."""


@dataclass(slots=True)
class Table:
    """A table whose rows are read when they are asked for. `sample` holds the first of them."""

    file: Path
    """Relative to the root of the import."""
    header: list[str]
    has_header: bool
    """Without one, the columns are called `column 1`, `column 2` and so on."""
    delimiter: str
    sample: list[list[str]]
    encoding: Encoding
    path: Path

    def column(self, index: int) -> list[str]:
        """Return the filled cells of a column in the sample."""
        return [cells[index] for cells in self.sample if cells[index]]

    def rows(self, faults: Faults) -> Iterator[tuple[Place, list[str]]]:
        """Yield place and cells of each row, at least as many as the header has; broken rows go to the faults."""
        width = len(self.header)
        for line, cells, broken in islice(_raw_rows(self.path, self.encoding, self.delimiter), self.has_header, None):
            place = Place(str(self.file), line)
            if broken is not None:
                message = f"The row that begins here is no valid CSV: {broken}; left out."
                faults.add(fault("bad_row", place, message, _MEND_QUOTES))
            else:
                yield place, cells + [""] * (width - len(cells))


def open_table(root: Path, file: Path, delimiter: Delimiter, is_header: Callable[[list[str]], bool]) -> Table:
    """Return the table in a file.

    With `auto` the delimiter is the one of tab, semicolon, comma and bar that gives most of the first rows the width
    of the first one, and among those the widest; in text files without any of them, white space.

    Raises:
        Unreadable: the file is no text, it is empty, or its first row is broken.
    """
    path = root / file
    encoding = encoding_of(path)
    chosen = _delimiter(path, encoding) if delimiter == "auto" else delimiter
    beginning = list(islice(_raw_rows(path, encoding, chosen), _SAMPLE + 1))
    if not beginning:
        raise Unreadable("The table is empty", 1, "Write a header and a row for each image.")
    first = beginning[0]
    if first.broken is not None:
        raise Unreadable(f"The row that begins here is no valid CSV: {first.broken}", first.line, _MEND_QUOTES)
    has_header = is_header(first.cells)
    sample = [raw.cells for raw in beginning[has_header:] if raw.broken is None]
    width = len(first.cells) if has_header else max(map(len, sample))
    header = [printable(cell) for cell in first.cells] if has_header else [f"column {n + 1}" for n in range(width)]
    sample = [cells + [""] * (width - len(cells)) for cells in sample]
    return Table(file, header, has_header, chosen, sample, encoding, path)


def _delimiter(path: Path, encoding: Encoding) -> str:
    fits = {item: _fit(path, encoding, item) for item in _DELIMITERS}
    best = max(fits, key=lambda item: fits[item])
    if fits[best][0] or path.suffix.lower() != ".txt":
        return best
    return " "


def _fit(path: Path, encoding: Encoding, delimiter: str) -> tuple[bool, float, int]:
    """Return how well a delimiter suits the beginning of a file."""
    rows = list(islice(_raw_rows(path, encoding, delimiter), _SNIFFED))
    width = len(rows[0].cells) if rows else 0
    same = sum(len(raw.cells) == width and raw.broken is None for raw in rows)
    return width > 1, same / max(len(rows), 1), width


def _raw_rows(path: Path, encoding: Encoding, delimiter: str) -> Iterator[_Raw]:
    """Yield the rows that are not empty, their cells stripped."""
    lines = read_lines(path, encoding.name)
    for raw in _spaced_rows(lines) if delimiter == " " else _quoted_rows(lines, delimiter):
        if raw.broken is not None or any(raw.cells):
            yield raw


def _spaced_rows(lines: Iterable[str]) -> Iterator[_Raw]:
    for number, line in enumerate(lines, 1):
        if match := _SPACED.match(line):
            yield _Raw(number, [(match[1] or match[2] or "").strip(), *match[3].split()])
        else:
            yield _Raw(number, line.split())


def _quoted_rows(lines: Iterable[str], delimiter: str) -> Iterator[_Raw]:
    """Yield the rows of a CSV file; after a broken one, whose quotes may run on and on, go on with the next line."""
    source = _Replay(lines)
    while True:
        reader = csv.reader(source, delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            while True:
                line = source.begin_row()
                yield _Raw(line, [cell.strip() for cell in next(reader)])
        except StopIteration:
            return
        except csv.Error as error:
            source.back_to_second_line()
            yield _Raw(line, [], str(error))


class _Replay:
    """Lines that can be taken back as far as the beginning of the row."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._first = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._row.append(line)
        return line

    def begin_row(self) -> int:
        """Return the number of the line that comes next."""
        self._first += len(self._row)
        self._row.clear()
        return self._first

    def back_to_second_line(self) -> None:
        """Give all lines of the row but its first once more."""
        self._again.extendleft(reversed(self._row[1:]))
        del self._row[1:]
