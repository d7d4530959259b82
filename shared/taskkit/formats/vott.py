"""VoTT JSON: one document with assets, each an image with regions that carry tags."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.json_arrays import top_elements
from shared.taskkit.formats.label_files import (
    Unreadable,
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
from shared.taskkit.formats.rows import ObjectRow, Outline, Place, Reading, Row

_LOOKS_LIKE = re.compile(r'"assets"\s*:\s*\{|"videoSettings"\s*:|"tags"\s*:\s*\[\s*\{\s*"name"')
_MAX_PEEKS = 200
_SIDES = ("left", "top", "width", "height")
_MEND = "Write boundingBox with left, top, width and height in pixels, as numbers."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is a JSON file that begins like an export of VoTT."""
    candidates = [file for file in files if file.suffix.lower() == ".json"]
    return bool(_documents(root, candidates[:_MAX_PEEKS]))


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each asset, with its regions in pixels: one object for each tag of a region.

    Polygons are kept beside the box around them. The subset is what the JSON file or its folder is named after, or else
    the image's folder.

    Raises:
        Invalid: there is no such file, one cannot be parsed, or no object can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    documents = [_Document(file, images, reading) for file in _documents(root, files)]
    if not documents:
        raise no_label_file(files, "There is no JSON file of VoTT.", "Export as VoTT JSON.")
    for document in documents:
        try:
            document.read(read_text(root / document.file))
        except Unreadable as error:
            raise error.invalid(document.file) from error
    reading.class_names = tuple(dict.fromkeys(reading.class_names))
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, sum(document.tried for document in documents))
    return reading


def _documents(root: Path, files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".json" and _LOOKS_LIKE.search(head(root / file, 4096))]


@dataclass
class _Document:
    """One JSON file."""

    file: Path
    images: ImageFiles
    reading: Reading
    tried: int = 0

    def read(self, text: str) -> None:
        """Add the document's rows, classes and problems to the reading."""
        for key, line, element in top_elements(text):
            if key == "tags" and isinstance(element, dict) and isinstance(name := element.get("name"), str):
                self.reading.class_names += (printable(name),)
            elif key == "assets":
                self._read_asset(element, line)

    def _read_asset(self, element: object, line: int) -> None:
        place = Place(str(self.file), line)
        fields: object = next(iter(element.values()), None) if isinstance(element, dict) else None
        asset = fields.get("asset") if isinstance(fields, dict) else None
        name = asset.get("name") if isinstance(asset, dict) else None
        regions = fields.get("regions", []) if isinstance(fields, dict) else None
        if not isinstance(asset, dict) or not isinstance(name, str) or not isinstance(regions, list):
            message = "The asset has no name or no list of regions; left out."
            self._fault("bad_image", place, message, "Write the file again with the tool that made it.")
            return
        subset = label_file_subset(self.file)
        known = name if self.images.find(name, self.file, subset) else unquote(name)
        if (image := self.images.claim(known, place, self.reading.problems, subset)) is None:
            return
        objects = tuple(row for region in regions for row in self._objects(region, place))
        size = asset.get("size")
        sides = (finite(size.get("width")), finite(size.get("height"))) if isinstance(size, dict) else (None, None)
        own = subset or folder_subset(image.parts[:-1])
        self.reading.rows.append(Row(image, own, objects=objects, place=place, size=pixels(*sides)))

    def _objects(self, region: object, place: Place) -> Iterator[ObjectRow]:
        self.tried += 1
        fields: dict[str, Any] = region if isinstance(region, dict) else {}
        tags = fields.get("tags")
        labels = [printable(tag) for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
        if not any(labels):
            self._fault("class_missing", place, "A region has no tag; left out.", "Give it a tag.")
            return
        outline = _outline(fields)
        said = fields.get("boundingBox")
        sides = [number for key in _SIDES if isinstance(said, dict) and (number := finite(said.get(key))) is not None]
        box = (sides[0], sides[1], sides[2], sides[3]) if len(sides) == len(_SIDES) else outline and bounds(outline)
        if not box:
            message = f"The region of {shown(labels[0])} has no box of four numbers; the object is left out."
            self._fault("bad_box", place, message, _MEND)
            return
        for label in filter(None, labels):
            yield ObjectRow(label, box, place, segmentation=outline)

    def _fault(self, code: str, place: Place, message: str, mend: str) -> None:
        self.reading.problems.append(fault(code, place, message, mend))


def _outline(region: dict[str, Any]) -> Outline | None:
    """Return the polygon of a region that is one."""
    points = region.get("points")
    if region.get("type") != "POLYGON" or not isinstance(points, list):
        return None
    numbers = [point.get(axis) if isinstance(point, dict) else None for point in points for axis in ("x", "y")]
    polygon = polygon_of(numbers)
    return None if polygon is None else (polygon,)
