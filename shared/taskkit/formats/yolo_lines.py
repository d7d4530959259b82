"""One line of a YOLO label file: the number of a class, then a box or the points of a polygon."""

from dataclasses import dataclass
from math import isfinite

from shared.taskkit.formats.label_files import Box, Unusable, parsed, shown
from shared.taskkit.formats.outlines import bounds, polygon_of
from shared.taskkit.formats.rows import Outline, Quad

_MAX_CLASS = 1e9
_MEND = "Write: class, centre x, centre y, width, height; as shares of the image's size."


@dataclass(frozen=True, slots=True)
class Line:
    """A class by number, and a box by its top left corner, width and height, in shares of the image's.

    Eight numbers may be a polygon of four points or the corners of a turned box: they are given as both.
    """

    number: int
    bbox: Box
    outline: Outline | None = None
    corners: Quad | None = None


def parse_line(text: str, has_keypoints: bool = False) -> Line:
    """Return what a line says.

    Five numbers are a box, a sixth is a confidence and not used. More, in pairs, are the points of a polygon, of which
    the bounds are the box; with keypoints they are points in the box.

    Raises:
        Unusable: too few numbers, an unpaired one, or one that is none.
    """
    words = text.split()
    values = [parsed(word) for word in words]
    numbers = [value for value in values if value is not None]
    if len(numbers) != len(words):
        wrong = words[values.index(None)]
        raise Unusable("not_a_number", f"{shown(wrong)} is no number; the object is left out.", _MEND)
    if len(words) < 5:
        message = f"The line has {len(words)} numbers instead of five; the object is left out."
        raise Unusable("bad_line", message, _MEND)
    if not numbers[0].is_integer() or abs(numbers[0]) > _MAX_CLASS:
        raise Unusable("unknown_class", f"The class {shown(words[0])} is no whole number; left out.", _MEND)
    number, rest = int(numbers[0]), numbers[1:]
    if len(rest) in (4, 5) or has_keypoints:
        x, y, width, height = rest[:4]
        box = (x - width / 2, y - height / 2, width, height)
        if isfinite(box[0]) and isfinite(box[1]):
            return Line(number, box)
    elif (polygon := polygon_of(rest)) is not None and (around := bounds((polygon,))) is not None:
        return Line(number, around, (polygon,), _quad(rest))
    message = f"The line's {len(numbers)} numbers make neither a box nor a polygon; left out."
    raise Unusable("bad_line", message, _MEND)


def _quad(numbers: list[float]) -> Quad | None:
    if len(numbers) != 8:
        return None
    a, b, c, d, e, f, g, h = numbers
    return a, b, c, d, e, f, g, h
