"""The images, categories and annotations of one COCO JSON document, as plain values."""

from dataclasses import dataclass, field
from math import isclose
from typing import Any

from shared.schemas.dataset import Problem
from shared.taskkit.formats.json_arrays import top_elements
from shared.taskkit.formats.label_files import Box, Severity, fault, finite, pixels, printable, shown
from shared.taskkit.formats.outlines import bounds, coco_outline
from shared.taskkit.formats.rows import Outline, Place


@dataclass(slots=True)
class Image:
    """An image as the document names it. `key` is its id as text."""

    line: int
    key: str
    name: str
    size: tuple[int, int] | None


@dataclass(slots=True)
class Category:
    """A class. `key` is its id as text."""

    line: int
    key: str
    name: str
    supercategory: str

    @property
    def order(self) -> tuple[int, str]:
        """What categories are sorted by: numbers as numbers, then the rest."""
        digits = len(self.key) if self.key.isdecimal() else 1_000_000
        return digits, self.key


@dataclass(slots=True)
class Annotation:
    """An object. `image` and `category` are ids as they stand there, which may be anything."""

    line: int
    image: object
    category: object
    bbox: Box
    iscrowd: bool
    area: float | None
    outline: Outline | None


@dataclass(slots=True)
class Elements:
    """What a document holds. `outlined` counts annotations with a bbox or a segmentation, whether usable or not.

    Each segment of a panoptic annotation counts as an annotation.
    """

    images: list[Image] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    annotation_count: int = 0
    outlined: int = 0


def read_elements(text: str, file: str, problems: list[Problem]) -> Elements:
    """Return what the document holds; what cannot be used of it goes to the problems.

    Raises:
        Unreadable: not a JSON object.
    """
    elements = Elements()
    parser = _Parser(elements, file, problems)
    readers = {"images": parser.image, "categories": parser.category, "annotations": parser.annotation}
    for key, line, element in top_elements(text):
        if key in readers:
            elements.annotation_count += key == "annotations"
            if isinstance(element, dict):
                readers[key](line, element)
            else:
                message = f"An element of {key} is {shown(element)} instead of an object; left out."
                parser.fault("bad_element", line, message, "Write it in braces, with its keys.")
    return elements


def key_of(value: object) -> str | None:
    """Return an id as text, so that 5 and "5" are the same; None for what is no id."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return printable(str(value))


@dataclass(slots=True)
class _Parser:
    elements: Elements
    file: str
    problems: list[Problem]

    def fault(self, code: str, line: int, message: str, mend: str, severity: Severity = "error") -> None:
        self.problems.append(fault(code, Place(self.file, line), message, mend, severity))

    def image(self, line: int, element: dict[str, Any]) -> None:
        key, name = key_of(element.get("id")), element.get("file_name")
        if key is None or not isinstance(name, str) or not name.strip():
            message = f"An image with the id {shown(element.get('id'))} and the file_name {shown(name)}; left out."
            self.fault("bad_image", line, message, "Give it a number as id and its file's name.")
            return
        sides = element.get("width"), element.get("height")
        size = pixels(finite(sides[0]), finite(sides[1]))
        if size is None and any(side not in (None, 0) for side in sides):
            message = f"The image's width and height are {shown(sides[0])} and {shown(sides[1])}; not used."
            self.fault("bad_image_size", line, message, "Write both in pixels, as numbers.", "warning")
        self.elements.images.append(Image(line, key, name, size))

    def category(self, line: int, element: dict[str, Any]) -> None:
        key, name, parent = key_of(element.get("id")), element.get("name"), element.get("supercategory")
        if key is None or not isinstance(name, str) or not printable(name):
            message = f"A category with the id {shown(element.get('id'))} and the name {shown(name)}; left out."
            self.fault("bad_category", line, message, "Give it a number as id and a name.")
            return
        above = printable(parent) if isinstance(parent, str) else ""
        self.elements.categories.append(Category(line, key, printable(name), above))

    def annotation(self, line: int, element: dict[str, Any]) -> None:
        segments = element.get("segments_info")
        if not isinstance(segments, list):
            self._object(line, element)
            return
        self.elements.annotation_count += len(segments) - 1
        for segment in segments:
            if isinstance(segment, dict):
                self._object(line, segment | {"image_id": element.get("image_id")})
            else:
                message = f"An element of segments_info is {shown(segment)} instead of an object; left out."
                self.fault("bad_element", line, message, "Write it in braces, with its keys.")

    def _object(self, line: int, element: dict[str, Any]) -> None:
        self.elements.outlined += bool(element.get("bbox") or element.get("segmentation"))
        outline = self._outline(line, element)
        bbox = self._box(line, element) if element.get("bbox") else self._bounds(line, element, outline)
        if bbox is None:
            return
        crowd = self._crowd(line, element)
        area = self._area(line, element, bbox)
        self.elements.annotations.append(
            Annotation(line, element.get("image_id"), element.get("category_id"), bbox, crowd, area, outline)
        )

    def _crowd(self, line: int, element: dict[str, Any]) -> bool:
        said = element.get("iscrowd", 0)
        if said not in (0, 1, "0", "1", None):
            message = f"iscrowd{_called(element)} is {shown(said)}; taken as 0."
            self.fault("bad_iscrowd", line, message, "Write 1 for a crowd, else 0.", "warning")
        return said in (1, "1")

    def _outline(self, line: int, element: dict[str, Any]) -> Outline | None:
        """Return polygons or mask. One that cannot be used is listed, and told with the box where that is missing."""
        said = element.get("segmentation")
        outline = coco_outline(said) if said else None
        if said and outline is None and said != [[]] and element.get("bbox"):
            message = f"The segmentation{_called(element)} is neither polygons nor a whole mask; only the bbox is read."
            mend = "Write polygons as [[x, y, x, y, x, y, ...]], or a mask as its size and counts that fill it."
            self.fault("bad_segmentation", line, message, mend, "warning")
        return outline

    def _box(self, line: int, element: dict[str, Any]) -> Box | None:
        bbox = element["bbox"]
        numbers = [number for value in bbox if (number := finite(value)) is not None] if isinstance(bbox, list) else []
        if not isinstance(bbox, list) or len(numbers) != len(bbox) or len(bbox) != 4:
            text = f"[{', '.join(map(shown, bbox[:6]))}]" if isinstance(bbox, list) else shown(bbox)
            message = f"The bbox{_called(element)} is {text} instead of four numbers; the object is left out."
            self.fault("bad_box", line, message, "Write x, y, width and height in pixels, as numbers.")
            return None
        return numbers[0], numbers[1], numbers[2], numbers[3]

    def _bounds(self, line: int, element: dict[str, Any], outline: Outline | None) -> Box | None:
        """Return the bounds of the outline of an annotation that has no box."""
        box = None if outline is None else bounds(outline)
        if box is None:
            unusable = " and its segmentation outlines nothing" if element.get("segmentation") else ""
            message = f"The annotation{_called(element)} has no bbox{unusable}; the object is left out."
            self.fault("box_missing", line, message, "Add a bbox: x, y, width and height in pixels.")
        return box

    def _area(self, line: int, element: dict[str, Any], bbox: Box) -> float | None:
        """Return the area where it is not just the box's."""
        said = element.get("area")
        area = finite(said)
        if said is not None and (area is None or area < 0):
            message = f"The area{_called(element)} is {shown(said)}; the box's area counts."
            self.fault("bad_area", line, message, "Write it in pixels, as a number.", "warning")
            return None
        return None if area is None or isclose(area, bbox[2] * bbox[3], rel_tol=1e-6) else area


def _called(element: dict[str, Any]) -> str:
    key = key_of(element.get("id"))
    return "" if key is None else f" (id {key[:40]})"
