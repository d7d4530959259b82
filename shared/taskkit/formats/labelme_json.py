"""JSON of the desktop tool labelme: one file an image, with its shapes."""

import re
from collections.abc import Iterable
from math import hypot
from pathlib import Path
from typing import Any

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.json_arrays import top_elements
from shared.taskkit.formats.label_files import (
    Box,
    bounds_of,
    corners,
    fault,
    finite,
    head,
    pixels,
    printable,
    read_text,
    refuse_without_objects,
    shown,
)
from shared.taskkit.formats.outlines import bounds, polygon_of
from shared.taskkit.formats.per_image import Said, add_rows
from shared.taskkit.formats.rows import ObjectRow, Outline, Place, Reading

_LOOKS_LIKE = re.compile(r'"shapes"\s*:\s*\[')
_MAX_PEEKS = 200
_WITHOUT_AREA = ("line", "linestrip", "point", "points")


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there are JSON files with shapes."""
    candidates = _json_files(files)[:_MAX_PEEKS]
    return any(_LOOKS_LIKE.search(head(root / file)) for file in candidates)


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that a JSON file with shapes is about, with its objects in pixels.

    Polygons are kept beside the box around them; of circles and masks the box is read. Lines and points have no area
    and are listed. The subset is what a folder is named after.

    Raises:
        Invalid: there is no such file, or no object can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    found = [file for file in _json_files(files) if _LOOKS_LIKE.search(head(root / file))]
    if not found:
        mend = "Put the JSON file of each image beside it."
        raise no_label_file(files, "There is no JSON file with shapes.", mend)
    parser = _Parser(root, reading)
    add_rows(found, images, reading, parser.parse)
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, parser.tried)
    return reading


def _json_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".json"]


class _Parser:
    """Reads label files and counts their objects."""

    def __init__(self, root: Path, reading: Reading) -> None:
        self._root = root
        self._reading = reading
        self.tried = 0

    def parse(self, file: Path) -> Said:
        objects: list[ObjectRow] = []
        facts: dict[str, object] = {}
        for key, line, element in top_elements(read_text(self._root / file)):
            if key != "shapes":
                facts[key] = None if key == "imageData" else element
            elif (row := self._object(element, Place(str(file), line))) is not None:
                objects.append(row)
        name = facts.get("imagePath")
        size = pixels(finite(facts.get("imageWidth")), finite(facts.get("imageHeight")))
        return Said((name if isinstance(name, str) else "", file.stem), tuple(objects), size)

    def _object(self, element: object, place: Place) -> ObjectRow | None:
        shape: dict[str, Any] = element if isinstance(element, dict) else {}
        kind, label = shape.get("shape_type", "polygon"), shape.get("label")
        if kind in _WITHOUT_AREA:
            message = f"A shape of the kind {kind} has no area; left out."
            self._reading.problems.append(fault("shape_not_read", place, message, severity="warning"))
            return None
        self.tried += 1
        if not isinstance(label, str) or not printable(label):
            message = f"The shape has the label {shown(label)}; left out."
            self._reading.problems.append(fault("class_missing", place, message, "Give it a label."))
            return None
        points = _points(shape.get("points"))
        outline = _polygon(points) if kind == "polygon" else None
        box = bounds(outline) if outline else _box(str(kind), points)
        if box is None:
            message = f"The points of the {shown(kind)} {shown(label)} outline nothing; the object is left out."
            self._reading.problems.append(fault("bad_polygon", place, message, "Draw the shape again."))
            return None
        return ObjectRow(printable(label), box, place, segmentation=outline)


def _points(value: object) -> list[tuple[float, float]]:
    """Return the points of a shape, none where one of them is no pair of numbers."""
    pairs = [point for point in value if isinstance(point, list) and len(point) == 2] if isinstance(value, list) else []
    found = [(x, y) for point in pairs if (x := finite(point[0])) is not None and (y := finite(point[1])) is not None]
    return found if isinstance(value, list) and len(found) == len(value) else []


def _polygon(points: list[tuple[float, float]]) -> Outline | None:
    polygon = polygon_of(number for point in points for number in point)
    return None if polygon is None else (polygon,)


def _box(kind: str, points: list[tuple[float, float]]) -> Box | None:
    """Return the box of a rectangle or mask by two corners, or of a circle by its centre and a point on it."""
    if len(points) != 2 or kind not in ("rectangle", "mask", "circle"):
        return None
    if kind == "circle":
        (x, y), (rim_x, rim_y) = points
        radius = hypot(rim_x - x, rim_y - y)
        return corners(x - radius, y - radius, x + radius, y + radius)
    return bounds_of([x for x, _ in points], [y for _, y in points])
