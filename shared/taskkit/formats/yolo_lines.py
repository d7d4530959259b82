"""One line of a YOLO label file: the number of a class, then a box or the points of a polygon."""

from dataclasses import dataclass
from math import isfinite

from shared.taskkit.formats.label_files import Box, bounds_of, parsed, shown

_MAX_CLASS = 1e9
_MEND = "Write: class, centre x, centre y, width, height; as shares of the image's size."


class LineFault(Exception):
    """A line that cannot be used."""

    def __init__(self, code: str, message: str, mend: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Line:
    """A class by number, and a box by its top left corner, width and height, in shares of the image's."""

    number: int
    bbox: Box


def parse_line(text: str, has_keypoints: bool = False) -> Line:
    """Return what a line says.

    Five numbers are a box, a sixth is a confidence and not used. More, in pairs, are the points of a polygon, of which
    the bounds are taken; with keypoints they are points in the box.

    Raises:
        LineFault: too few numbers, an unpaired one, or one that is none.
    """
    words = text.split()
    values = [parsed(word) for word in words]
    numbers = [value for value in values if value is not None]
    if len(numbers) != len(words):
        wrong = words[values.index(None)]
        raise LineFault("not_a_number", f"{shown(wrong)} is no number; the object is left out.", _MEND)
    if len(words) < 5:
        message = f"The line has {len(words)} numbers instead of five; the object is left out."
        raise LineFault("bad_line", message, _MEND)
    if not numbers[0].is_integer() or abs(numbers[0]) > _MAX_CLASS:
        raise LineFault("unknown_class", f"The class {shown(words[0])} is no whole number; left out.", _MEND)
    return Line(int(numbers[0]), _box(numbers[1:], has_keypoints))


def _box(numbers: list[float], has_keypoints: bool) -> Box:
    bounds = None
    if len(numbers) in (4, 5) or has_keypoints:
        x, y, width, height = numbers[:4]
        if isfinite(x - width / 2) and isfinite(y - height / 2):
            bounds = x - width / 2, y - height / 2, width, height
    elif len(numbers) % 2 == 0:
        bounds = bounds_of(numbers[::2], numbers[1::2])
    if bounds is None:
        message = f"The line's {len(numbers) + 1} numbers make neither a box nor a polygon; left out."
        raise LineFault("bad_line", message, _MEND)
    return bounds
