"""LabelMe XML of the web tool: one file an image, with polygons, boxes and masks."""

import re
from collections.abc import Iterable
from pathlib import Path

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import (
    Box,
    Unreadable,
    corners,
    fault,
    head,
    parsed,
    pixels,
    printable,
    read_bytes,
    refuse_without_objects,
    shown,
)
from shared.taskkit.formats.outlines import bounds, polygon_of
from shared.taskkit.formats.per_image import Said, add_rows
from shared.taskkit.formats.rows import ObjectRow, Outline, Place, Reading
from shared.taskkit.formats.xml_tree import Element, parse_xml

_ROOT = re.compile(r"<annotation[\s>]")
_SHAPE = re.compile(r"<(polygon|segm)[\s>]")
_MAX_PEEKS = 50
_SIDE_FOLDERS = frozenset({"masks", "scribbles"})
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_MEND = "Draw the object again, as a polygon or a box."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there are XML files of one annotation each with polygons or masks, and none with boxes of Pascal VOC."""
    beginnings = [head(root / file) for file in _xml_files(files)[:_MAX_PEEKS]]
    found = [text for text in beginnings if _ROOT.search(text) and "<bndbox>" not in text]
    return any(_SHAPE.search(text) for text in found)


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that an XML file is about, with its objects in pixels.

    Polygons are kept beside the box around them. Of an object with a mask the box is read; that its mask is not, is
    listed. Objects that were deleted in the tool are none. The subset is what a folder is named after.

    Raises:
        Invalid: there is no such file, or no object can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    xml_files = _xml_files(files)
    if not xml_files:
        mend = "Put an XML file for each image beside it, or into the folder Annotations."
        raise no_label_file(files, "There are no XML files.", mend)
    for image in images.all:
        if _SIDE_FOLDERS & {part.casefold() for part in image.parts[:-1]}:
            images.mention(image)
    parser = _Parser(root, reading)
    add_rows(xml_files, images, reading, parser.parse)
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, parser.tried)
    return reading


def _xml_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".xml"]


class _Parser:
    """Reads label files and counts their objects."""

    def __init__(self, root: Path, reading: Reading) -> None:
        self._root = root
        self._reading = reading
        self.tried = 0

    def parse(self, file: Path) -> Said:
        tree = parse_xml(read_bytes(self._root / file))
        if tree.tag != "annotation":
            raise Unreadable(f"The document is <{tree.tag[:40]}> and not <annotation>", tree.line)
        items = [item for item in tree.all("object") if item.said("deleted") != "1"]
        self.tried += len(items)
        objects = tuple(row for item in items if (row := self._object(item, file)) is not None)
        name, folder = tree.said("filename"), tree.said("folder")
        size = tree.child("imagesize")
        sides = (parsed(size.said("ncols")), parsed(size.said("nrows"))) if size else (None, None)
        return Said((f"{folder}/{name}" if folder and name else name, name, file.stem), objects, pixels(*sides))

    def _object(self, item: Element, file: Path) -> ObjectRow | None:
        place = Place(str(file), item.line)
        label = printable(item.said("name"))
        if not label:
            self._fault("class_missing", place, "The object has no name; left out.", "Add its class as <name>.")
            return None
        outline = _polygon(item)
        box = bounds(outline) if outline else self._mask_box(item, label, place)
        if box is None:
            self._fault("bad_polygon", place, f"The object {shown(label)} has no outline; left out.", _MEND)
            return None
        is_box = item.said("type") == "bounding_box"
        return ObjectRow(label, box, place, segmentation=None if is_box else outline)

    def _mask_box(self, item: Element, label: str, place: Place) -> Box | None:
        """Return the box that stands with a mask."""
        segment = item.child("segm")
        box = segment.child("box") if segment else None
        numbers = [number for tag in _CORNERS if box and (number := parsed(box.said(tag))) is not None]
        if segment is None or len(numbers) < len(_CORNERS):
            return None
        if item.said("type") != "bounding_box":
            message = f"The mask {shown(segment.said('mask'))} of the object {shown(label)} is not read, only its box."
            self._reading.problems.append(fault("mask_not_read", place, message, severity="warning"))
        return corners(*numbers)

    def _fault(self, code: str, place: Place, message: str, mend: str) -> None:
        self._reading.problems.append(fault(code, place, message, mend))


def _polygon(item: Element) -> Outline | None:
    polygon = item.child("polygon")
    if polygon is None:
        return None
    points = polygon_of(parsed(point.said(axis)) for point in polygon.all("pt") for axis in ("x", "y"))
    return None if points is None else (points,)
