"""The shapes of CVAT's XML: boxes, polygons, ellipses and masks, with what is wrong with one that cannot be used."""

from collections.abc import Callable
from math import cos, hypot, isfinite, radians, sin

import numpy as np

from shared.taskkit.formats.label_files import Box, Unusable, bounds_of, corners, parsed, printable, shown
from shared.taskkit.formats.outlines import bounds, mask_outline, polygon_of, turned
from shared.taskkit.formats.rows import ObjectRow, Place
from shared.taskkit.formats.xml_tree import Element

OTHER_SHAPES = frozenset({"polyline", "points", "cuboid", "skeleton"})
_MOST_PIXELS = 25_000_000
"""Of one mask, whose run lengths may claim any number."""


def label_of(element: Element, inherited: str = "") -> str:
    """Return the class of a shape, tag or track.

    Raises:
        Unusable: it has none.
    """
    label = printable(element.attributes.get("label", "")) or inherited
    if not label:
        raise Unusable("class_missing", f"The {element.tag} has no label; left out.", "Give it a label.")
    return label


def shape_row(element: Element, label: str, place: Place, size: tuple[int, int] | None) -> ObjectRow:
    """Return the object that a shape outlines; `size` is the image's width and height.

    Of a turned box and of an ellipse the bounds are the box. The angle is in degrees, clockwise.

    Raises:
        Unusable: it cannot be used.
    """
    return _SHAPES[element.tag](element, label, place, size)


def _number(element: Element, name: str) -> float:
    text = element.attributes.get(name, "")
    if (number := parsed(text)) is None:
        said = f"is {shown(text)} instead of a number" if text else "is missing"
        raise Unusable("bad_box", f"{name} of the {element.tag} {said}; the object is left out.", "Write a number.")
    return number


def _angle(element: Element) -> float:
    return radians(_number(element, "rotation")) if "rotation" in element.attributes else 0.0


def _checked(box: Box | None, element: Element) -> Box:
    if box is None:
        message = f"The {element.tag} is too large or outlines nothing; the object is left out."
        raise Unusable("bad_box", message, "Write coordinates in pixels of the image.")
    return box


def _box(element: Element, label: str, place: Place, _size: tuple[int, int] | None) -> ObjectRow:
    left, top, right, bottom = (_number(element, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    angle = _angle(element)
    if angle == 0:
        return ObjectRow(label, _checked(corners(left, top, right, bottom), element), place)
    quad = turned(left, top, right, bottom, angle)
    return ObjectRow(label, _checked(bounds_of(quad[::2], quad[1::2]), element), place, corners=quad)


def _polygon(element: Element, label: str, place: Place, _size: tuple[int, int] | None) -> ObjectRow:
    texts = element.attributes.get("points", "").replace(";", ",").split(",")
    if (polygon := polygon_of(map(parsed, texts))) is None:
        message = "The points of the polygon are not three or more pairs of numbers; the object is left out."
        raise Unusable("bad_polygon", message, "Write points as x,y;x,y;x,y.")
    return ObjectRow(label, _checked(bounds((polygon,)), element), place, segmentation=(polygon,))


def _ellipse(element: Element, label: str, place: Place, _size: tuple[int, int] | None) -> ObjectRow:
    x, y, across, down = (_number(element, name) for name in ("cx", "cy", "rx", "ry"))
    angle = _angle(element)
    half_width = hypot(across * cos(angle), down * sin(angle))
    half_height = hypot(across * sin(angle), down * cos(angle))
    sides = (x - half_width, y - half_height, x + half_width, y + half_height)
    return ObjectRow(label, _checked(corners(*sides) if all(map(isfinite, sides)) else None, element), place)


def _mask(element: Element, label: str, place: Place, size: tuple[int, int] | None) -> ObjectRow:
    left, top, width, height = (round(_number(element, name)) for name in ("left", "top", "width", "height"))
    runs = [number for text in element.attributes.get("rle", "").split(",") if (number := parsed(text)) is not None]
    fits = min(width, height) > 0 and width * height <= _MOST_PIXELS
    if not fits or min(runs, default=-1) < 0 or sum(runs) != width * height or not all(map(float.is_integer, runs)):
        message = f"The run lengths of the mask do not fill its {width} x {height} pixels; the object is left out."
        raise Unusable("bad_mask", message, "Write the file again with the tool that made it.")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, np.asarray(runs, dtype=np.int64))
    outline = None if size is None else mask_outline(flat.reshape(height, width), left, top, *size)
    if outline is None or (box := bounds(outline)) is None:
        message = "The mask is empty or does not lie within its image; the object is left out."
        raise Unusable("bad_mask", message, "Check left, top, and the image's width and height.")
    return ObjectRow(label, box, place, segmentation=outline)


_Shape = Callable[[Element, str, Place, tuple[int, int] | None], ObjectRow]
_SHAPES: dict[str, _Shape] = {"box": _box, "polygon": _polygon, "ellipse": _ellipse, "mask": _mask}
SHAPES = frozenset(_SHAPES)
