"""Pascal VOC: an XML file an image, with the corners of its boxes in pixels, and perhaps a mask of classes."""

import re
from collections.abc import Iterable, Iterator
from math import isfinite
from pathlib import Path, PurePosixPath

from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles, folder_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import (
    Unreadable,
    bounds_of,
    corners,
    fault,
    head,
    parsed,
    pixels,
    printable,
    read_bytes,
    read_text,
    refuse_without_objects,
    shown,
)
from shared.taskkit.formats.mask_files import mask_problem, read_mask_values
from shared.taskkit.formats.mask_names import standard_values
from shared.taskkit.formats.outlines import turned
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, ObjectRow, Place, Reading, Row, subset_of
from shared.taskkit.formats.xml_tree import Element, parse_xml

_ROOT = re.compile(r"<annotation[\s>/]")
_MAX_PEEKS = 50
_IMAGE_SETS = ["imagesets", "main"]
_MASK_FOLDERS = ("segmentationclass", "segmentationobject")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_TURNED = ("cx", "cy", "w", "h", "angle")
_MEND_BOX = "Write xmin, ymin, xmax and ymax in pixels, as numbers, in the object's bndbox."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there are XML files of one annotation each, without the polygons of other tools."""
    beginnings = [head(root / file) for file in _xml_files(files)[:_MAX_PEEKS]]
    found = [text for text in beginnings if _ROOT.search(text)]
    return any("bndbox>" in text for text in found) or any("<polygon>" not in text for text in found)


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that an XML file is about, with its boxes in pixels (x, y, width, height).

    The image is the one that <filename> names, or else the one called like the XML file. The box is xmin, ymin,
    xmax - xmin, ymax - ymin: coordinates are taken as they stand, without a shift for counting pixels from 1. Objects
    marked as difficult say so; turned boxes of roLabelImg (robndbox) keep their corners; the boxes of parts are not
    read. The mask of an image is the file of its name in SegmentationClass; SegmentationObject is passed over. The
    subset is what ImageSets/Main says, train, val and test before trainval (which counts as train), or else the image's
    folder.

    Raises:
        Invalid: there is no such XML file, or no object can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    return _Voc(root, images, reading).read(_xml_files(files), files)


def _xml_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".xml"]


class _Voc:
    """The state of one reading."""

    def __init__(self, root: Path, images: ImageFiles, reading: Reading) -> None:
        self._root = root
        self._images = images
        self._reading = reading
        self._subsets: dict[tuple[Path, str], Subset] = {}
        self._listed: dict[tuple[Path, str], Place] = {}
        self._masks: dict[tuple[Path, str], Path] = {}
        self._object_count = 0

    def read(self, xml_files: list[Path], files: list[Path]) -> Reading:
        if not xml_files:
            mend = "Put an XML file for each image beside it, or into the folder Annotations."
            raise no_label_file(files, "There are no XML files.", mend)
        for file in sorted(files, key=lambda file: (file.stem.casefold() == "trainval", file)):
            if file.suffix.lower() == ".txt" and [part.casefold() for part in file.parts[-3:-1]] == _IMAGE_SETS:
                self._read_set(file)
        self._read_masks(files)
        for file in xml_files:
            self._read_file(file)
        self._tell_missing()
        self._reading.problems.extend(self._images.not_annotated())
        refuse_without_objects(self._reading, self._object_count)
        return self._reading

    def _read_set(self, file: Path) -> None:
        """Note the subset of the images that a file of ImageSets/Main lists, one name a line."""
        subset = "train" if file.stem.casefold() == "trainval" else subset_of(file.stem)
        if subset is None:
            return
        try:
            lines = read_text(self._root / file).split("\n")
        except Unreadable as error:
            self._reading.problems.append(error.problem(file))
            return
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                key = file.parents[2], _bare(line.strip())
                self._subsets.setdefault(key, subset)
                self._listed.setdefault(key, Place(str(file), number))

    def _read_masks(self, files: list[Path]) -> None:
        """Note the masks by the set they belong to and their names, and what their values stand for."""
        for file in self._images.all:
            if (folder := file.parent.name.casefold()) in _MASK_FOLDERS:
                self._images.mention(file)
                if folder == _MASK_FOLDERS[0]:
                    self._masks[file.parents[1], file.stem] = file
        if self._masks:
            tables = [file for file in files if file.name == "labelmap.txt"]
            values = read_mask_values(self._root, tables) or standard_values(self._masks.values())
            self._reading.mask_values = values

    def _mask(self, image: Path) -> Path | None:
        mask = self._masks.get((Path(*image.parts[:-2]), image.stem))
        if mask is None or (problem := mask_problem(self._root, mask, "only boxes are read")) is None:
            return mask
        self._reading.problems.append(problem)
        return None

    def _read_file(self, file: Path) -> None:
        try:
            tree = parse_xml(read_bytes(self._root / file))
            if tree.tag != "annotation":
                raise Unreadable(f"The document is <{tree.tag[:40]}> and not <annotation>", tree.line)
        except Unreadable as error:
            self._reading.problems.append(error.problem(file))
            self._images.leave_unread(file.stem, file)
            return
        place = Place(str(file), 1)
        found, subset = self._image(tree, file)
        if found is None:
            self._reading.problems.append(self._images.missing(tree.said("filename") or file.stem, place))
        elif (problem := self._images.take(found, place)) is not None:
            self._reading.problems.append(problem)
        else:
            objects = tuple(self._objects(tree, file))
            subset = subset or folder_subset(found.parts[:-1])
            size, mask = self._size(tree, file), self._mask(found)
            self._reading.rows.append(Row(found, subset, objects=objects, place=place, size=size, mask=mask))

    def _image(self, tree: Element, file: Path) -> tuple[Path | None, Subset | None]:
        """Return the image that an XML file is about, and its subset where a list names it."""
        filename = tree.said("filename")
        subset = None
        for name in (file.stem, _bare(filename)):
            for folder in file.parents:
                self._listed.pop((folder, name), None)
                subset = subset or self._subsets.get((folder, name))
        own = folder_subset(file.parts[:-1])
        found = self._images.find(filename, file, own) if filename else None
        return found or self._images.find(file.stem, file, own), subset

    def _objects(self, tree: Element, file: Path) -> Iterator[ObjectRow]:
        for item in tree.children:
            if item.tag == "object":
                self._object_count += 1
                if (row := self._object(item, file)) is not None:
                    yield row

    def _object(self, item: Element, file: Path) -> ObjectRow | None:
        label = printable(item.said("name"))
        if not label:
            self._fault(
                "class_missing", file, item.line, "The object has no name; left out.", "Add its class as <name>."
            )
            return None
        box = item.child("bndbox")
        if box is None and (row := _turned_box(item, label, Place(str(file), item.line))) is not None:
            return row
        if box is None:
            self._fault(
                "box_missing", file, item.line, f"The object {shown(label)} has no bndbox; left out.", _MEND_BOX
            )
            return None
        numbers = []
        for tag in _CORNERS:
            corner = box.child(tag)
            if (number := parsed(corner.text.strip()) if corner else None) is None:
                said = f"is {shown(corner.text.strip())} instead of a number" if corner else "is missing"
                message = f"{tag} of the object {shown(label)} {said}; the object is left out."
                self._fault("bad_box", file, corner.line if corner else box.line, message, _MEND_BOX)
                return None
            numbers.append(number)
        if (bbox := corners(*numbers)) is None:
            self._fault("bad_box", file, box.line, "The box is too large; the object is left out.", _MEND_BOX)
            return None
        return ObjectRow(label, bbox, Place(str(file), item.line), difficult=item.said("difficult") == "1")

    def _size(self, tree: Element, file: Path) -> tuple[int, int] | None:
        element = tree.child("size")
        if element is None:
            return None
        texts = element.said("width"), element.said("height")
        size = pixels(parsed(texts[0]), parsed(texts[1]))
        if size is None and any(text not in ("", "0") for text in texts):
            message = f"The image's width and height are {shown(texts[0])} and {shown(texts[1])}; not used."
            place = Place(str(file), element.line)
            mend = "Write both in pixels, as numbers."
            self._reading.problems.append(fault("bad_image_size", place, message, mend, "warning"))
        return size

    def _tell_missing(self) -> None:
        """List the names of ImageSets/Main for which there is neither an XML file nor an image."""
        for (_, name), place in self._listed.items():
            if self._images.find(name, Path(place.file)) is None:
                self._reading.problems.append(self._images.missing(name, place))

    def _fault(self, code: str, file: Path, line: int, message: str, mend: str) -> None:
        self._reading.problems.append(fault(code, Place(str(file), line), message, mend))


def _turned_box(item: Element, label: str, place: Place) -> ObjectRow | None:
    """Return the object whose box roLabelImg wrote: its middle, sides, and angle in radians, clockwise."""
    box = item.child("robndbox")
    numbers = [number for tag in _TURNED if box and (number := parsed(box.said(tag))) is not None]
    if len(numbers) < len(_TURNED):
        return None
    x, y, width, height, angle = numbers
    quad = turned(x - width / 2, y - height / 2, x + width / 2, y + height / 2, angle)
    bbox = bounds_of(quad[::2], quad[1::2]) if all(map(isfinite, quad)) else None
    difficult = item.said("difficult") == "1"
    return None if bbox is None else ObjectRow(label, bbox, place, corners=quad, difficult=difficult)


def _bare(name: str) -> str:
    """Return a file's name without folders and without the ending of an image."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
