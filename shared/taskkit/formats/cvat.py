"""CVAT's XML: one document with images and their shapes and tags, or with the tracks of a video's frames."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.cvat_shapes import OTHER_SHAPES, SHAPES, label_of, shape_row
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import (
    Unreadable,
    Unusable,
    fault,
    head,
    parsed,
    pixels,
    printable,
    read_bytes,
    refuse_without_objects,
)
from shared.taskkit.formats.rows import ObjectRow, Place, Reading, Row, subset_of
from shared.taskkit.formats.xml_tree import Element, xml_elements

_ROOT = re.compile(r"<annotations[\s>]")
_CONTENT = re.compile(r"<(version|meta|image|track)[\s>]")
_MAX_PEEKS = 50
_NUMBER = re.compile(r"(\d{1,9})$")


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is an XML file of many images' annotations."""
    return bool(_documents(root, files))


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image, with its shapes in pixels as objects and its tags as labels.

    Polygons, masks and turned boxes are kept beside the box around them; polylines, points, cuboids and skeletons have
    no area and are listed. The shapes of a video's tracks go to the images that end in the number of the frame
    (`frame_000010.png`); an image of that kind in which nothing is seen is one without objects. The subset is what CVAT
    says of the image, or what the file is named after, or else the image's folder.

    Raises:
        Invalid: there is no such file, one cannot be parsed, or no object can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    documents = _documents(root, files)
    if not documents:
        raise no_label_file(files, "There is no XML file of CVAT.", "Export as CVAT for images.")
    tried = 0
    for file in documents:
        document = _Document(file, images, reading)
        try:
            document.read(read_bytes(root / file))
        except Unreadable as error:
            raise error.invalid(file) from error
        tried += document.tried
    reading.class_names = tuple(dict.fromkeys(reading.class_names))
    reading.problems.extend(images.not_annotated())
    if not any(row.labels for row in reading.rows):
        refuse_without_objects(reading, tried)
    return reading


def _documents(root: Path, files: Iterable[Path]) -> list[Path]:
    xml_files = [file for file in files if file.suffix.lower() == ".xml"]
    beginnings = ((file, head(root / file, 4096)) for file in xml_files[:_MAX_PEEKS])
    return [file for file, text in beginnings if _ROOT.search(text) and _CONTENT.search(text)]


@dataclass
class _Document:
    """One XML file."""

    file: Path
    images: ImageFiles
    reading: Reading
    tried: int = 0
    _frames: dict[int, list[ObjectRow]] = field(default_factory=lambda: defaultdict(list))

    def read(self, data: bytes) -> None:
        """Add the file's rows, classes and problems to the reading."""
        has_tracks = False
        for element in xml_elements(data, "annotations"):
            if element.tag == "meta":
                self.reading.class_names += tuple(_class_names(element))
            elif element.tag == "image":
                self._read_image(element)
            elif element.tag == "track":
                has_tracks = True
                self._read_track(element)
        if has_tracks:
            self._take_frames()

    def _read_image(self, element: Element) -> None:
        place = Place(str(self.file), element.line)
        name, named = element.attributes.get("name", ""), element.attributes.get("subset", "")
        subset = subset_of(named) or label_file_subset(self.file)
        inside = f"{named}/{name}" if named and self.images.find(f"{named}/{name}", self.file, subset) else name
        image = self.images.claim(inside, place, self.reading.problems, subset)
        if image is None:
            self.tried += 1
            return
        size = pixels(parsed(element.attributes.get("width", "")), parsed(element.attributes.get("height", "")))
        objects = tuple(item for shape in element.children for item in self._objects(shape, size))
        labels = tuple(dict.fromkeys(label for tag in element.all("tag") for label in self._tag(tag)))
        self._add(image, subset, objects, labels, place, size)

    def _add(
        self,
        image: Path,
        subset: Subset | None,
        objects: tuple[ObjectRow, ...],
        labels: tuple[str, ...],
        place: Place,
        size: tuple[int, int] | None,
    ) -> None:
        own = subset or folder_subset(image.parts[:-1])
        self.reading.rows.append(Row(image, own, labels, objects, place=place, size=size))

    def _tag(self, element: Element) -> list[str]:
        try:
            return [label_of(element)]
        except Unusable as error:
            self.reading.problems.append(error.problem(Place(str(self.file), element.line)))
            return []

    def _objects(self, element: Element, size: tuple[int, int] | None, label: str = "") -> list[ObjectRow]:
        """Return the object that a shape is, if it is one."""
        place = Place(str(self.file), element.line)
        if element.tag in OTHER_SHAPES:
            message = f"A {element.tag} has no area; left out."
            self.reading.problems.append(fault("shape_not_read", place, message, severity="warning"))
        if element.tag not in SHAPES:
            return []
        self.tried += 1
        try:
            return [shape_row(element, label_of(element, label), place, size)]
        except Unusable as error:
            self.reading.problems.append(error.problem(Place(str(self.file), element.line)))
            return []

    def _read_track(self, track: Element) -> None:
        """Note the shapes of a track by the number of their frame."""
        label = printable(track.attributes.get("label", ""))
        for shape in track.children:
            number = shape.attributes.get("frame", "")
            if not number.isdecimal() or len(number) > 9:
                place, message = Place(str(self.file), shape.line), f"The {shape.tag} has no frame number; left out."
                self.reading.problems.append(fault("bad_frame", place, message, "Write frame."))
            elif shape.attributes.get("outside") == "1":
                self._frames[int(number)] += []
            else:
                self._frames[int(number)] += self._objects(shape, None, label)

    def _take_frames(self) -> None:
        """Add a row for each image that is called like a frame."""
        subset = label_file_subset(self.file)
        for image in self.images.all:
            if (match := _NUMBER.search(image.stem)) is None:
                continue
            objects = tuple(self._frames.pop(int(match[1]), ()))
            place = Place(str(self.file), objects[0].place.line if objects else 1)
            if (problem := self.images.take(image, place)) is not None:
                self.reading.problems.append(problem)
            else:
                self._add(image, subset, objects, (), place, None)
        for number, left in sorted(self._frames.items()):
            if left:
                name = f"frame_{number:06d}"
                self.reading.problems.append(self.images.missing(name, left[0].place))


def _class_names(meta: Element) -> Iterable[str]:
    """Yield the labels of the task, project or job; not the points of skeletons."""
    for work in meta.children:
        for labels in work.all("labels"):
            for label in labels.all("label"):
                if not label.said("parent") and (name := printable(label.said("name"))):
                    yield name
