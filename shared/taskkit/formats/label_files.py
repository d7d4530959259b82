"""What readers of label files share: text, numbers, and how faults are told."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Literal

from shared.errors import Invalid
from shared.schemas.dataset import Problem
from shared.taskkit.formats.rows import Place, Reading

Severity = Literal["error", "warning"]
Box = tuple[float, float, float, float]
"""x, y, width, height."""
_MAX_SIDE = 1_000_000
"""Pixels; a label file that names a longer side of an image is wrong."""


class Unreadable(Exception):
    """A label file that cannot be read at all: what is wrong with it, the line where known, and the mend."""

    def __init__(self, message: str, line: int | None = None, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.mend = mend

    def problem(self, file: Path) -> Problem:
        """Return the problem to list, where `file` is one of many."""
        return fault("label_file_unreadable", Place(str(file), self.line), f"{self.message}; left out.", self.mend)

    def invalid(self, file: Path) -> Invalid:
        """Return the refusal, where nothing can be read without `file`."""
        return refusal("label_file_unreadable", Place(str(file), self.line), f"{self.message}.", self.mend)


class Unusable(Exception):
    """An object, or a line for one, that cannot be used: a code, what is wrong, and the mend."""

    def __init__(self, code: str, message: str, mend: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.mend = mend

    def problem(self, place: Place) -> Problem:
        """Return the problem to list."""
        return fault(self.code, place, self.message, self.mend)


def fault(
    code: str,
    place: Place,
    message: str,
    mend: str | None = None,
    severity: Severity = "error",
) -> Problem:
    """Return a problem of a label file at a place."""
    text = printable(message)
    return Problem(severity=severity, code=code, file=place.file, line=place.line, message=text, mend=mend)


def refusal(code: str, place: Place, message: str, mend: str | None = None) -> Invalid:
    """Return the refusal of an import because of what stands at a place, or of what is missing everywhere."""
    where = place.file if place.line is None else f"{place.file}, line {place.line}"
    return Invalid(code, printable(f"{where}: {message}" if where else message), hint=mend)


def refuse_without_objects(reading: Reading, tried: int) -> None:
    """Refuse an import in which objects are named and not one of them can be read.

    Raises:
        Invalid: with the first of the problems.
    """
    if tried and not any(row.objects for row in reading.rows):
        first = next((item for item in reading.problems if item.severity == "error"), None)
        if first is not None:
            place = Place(first.file or "", first.line)
            raise refusal("no_objects", place, f"{first.message} No object could be read.", first.mend)


def read_bytes(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        Unreadable: it cannot be opened.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"Cannot be opened: {error.strerror}") from error


def read_text(path: Path) -> str:
    """Return a text file's content (UTF-8, or UTF-16 with a byte order mark), its lines ended by line feeds.

    Raises:
        Unreadable: it cannot be opened or is no text.
    """
    data = read_bytes(path)
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("Not text in UTF-8", line, "Save the file with the encoding UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def head(path: Path, size: int = 65536) -> str:
    """Return the beginning of a file as text, whatever it holds; empty where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def printable(text: str) -> str:
    """Return text that can be stored: halves of UTF-16 pairs, which JSON may hold, are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8").strip()


def shown(value: object) -> str:
    """Return a value of a label file as it is quoted in a message, cut short."""
    if not isinstance(value, str | int | float | bool | None):
        return f"a {type(value).__name__}"
    try:
        text = str(value)
    except ValueError:
        return "a number of very many digits"
    return repr(printable(text if len(text) <= 60 else text[:57] + "..."))


def finite(value: object) -> float | None:
    """Return a number of a JSON document; None for anything else, NaN and infinity included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def parsed(text: str) -> float | None:
    """Return the number that text spells; None for anything else, NaN and infinity included."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and "_" not in text else None


def pixels(width: float | None, height: float | None) -> tuple[int, int] | None:
    """Return the size of an image, None unless both are whole pixels of an image that can be."""
    sides = [int(side) for side in (width, height) if side is not None and 1 <= side <= _MAX_SIDE]
    return (sides[0], sides[1]) if len(sides) == 2 else None


def corners(left: float, top: float, right: float, bottom: float) -> Box | None:
    """Return the box between two corners; None where its sides are beyond the range of floats."""
    width, height = right - left, bottom - top
    return (left, top, width, height) if isfinite(width) and isfinite(height) else None


def bounds_of(xs: Sequence[float | None], ys: Sequence[float | None]) -> Box | None:
    """Return the smallest box around points; None where a coordinate is unknown."""
    left_to_right = [x for x in xs if x is not None]
    top_down = [y for y in ys if y is not None]
    if not xs or len(left_to_right) != len(xs) or len(top_down) != len(ys):
        return None
    return corners(min(left_to_right), min(top_down), max(left_to_right), max(top_down))
