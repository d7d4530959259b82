"""Create ML JSON: a list of images, each with its annotations' labels and coordinates."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.json_arrays import list_elements
from shared.taskkit.formats.label_files import (
    Box,
    Unreadable,
    corners,
    fault,
    finite,
    head,
    printable,
    read_text,
    refuse_without_objects,
    shown,
)
from shared.taskkit.formats.rows import ObjectRow, Place, Reading, Row

_IS_LIST = re.compile(r"\s*\[\s*\{")
_HAS_KEYS = re.compile(r'"(image|imagefilename)"\s*:.*"annotations?"\s*:\s*\[', re.DOTALL)
_NAMES = ("image", "imagefilename")
_SIDES = ("x", "y", "width", "height")
_MAX_PEEKS = 200
_ODD_SHARE = 0.1
_MEND = "Write label and coordinates with x, y, width and height in pixels, as numbers."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is a JSON file that lists images with annotations."""
    candidates = [file for file in files if file.suffix.lower() == ".json"]
    return bool(_documents(root, candidates[:_MAX_PEEKS]))


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that the JSON files name, with its boxes in pixels.

    x and y are the centre of the box, as Apple documents the format. Some tools write the top left corner there: where
    more than a tenth of the boxes would begin outside of their images as centres, they are read as corners, and that is
    told. The subset is what the JSON file or its folder is named after, or else the image's folder.

    Raises:
        Invalid: there is no such file, one cannot be parsed, or no object can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    documents = _documents(root, files)
    if not documents:
        raise no_label_file(files, "There is no JSON file that lists images.", _MEND)
    found = [item for file in documents for item in _read_file(root, file, images, reading)]
    boxes = [annotation.sides for item in found for annotation in item.annotations]
    odd = sum(x < width / 2 - 1 or y < height / 2 - 1 for x, y, width, height in boxes)
    centred = odd <= _ODD_SHARE * len(boxes)
    if not centred:
        message = (
            f"As centres, x and y would put {odd} of {len(boxes)} boxes partly outside of their images: read as the"
            " top left corner."
        )
        place = Place(str(documents[0]))
        mend = "Check a few boxes on their images."
        reading.problems.append(fault("corners_for_centres", place, message, mend, "warning"))
    for item in found:
        objects = tuple(row for annotation in item.annotations if (row := _object(annotation, centred, reading)))
        reading.rows.append(Row(item.file, item.subset, objects=objects, place=item.place))
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, sum(item.tried for item in found))
    return reading


@dataclass(frozen=True, slots=True)
class _Annotation:
    label: str
    sides: Box
    place: Place


@dataclass(frozen=True, slots=True)
class _Image:
    file: Path
    subset: Subset | None
    place: Place
    annotations: list[_Annotation]
    tried: int


def _documents(root: Path, files: Iterable[Path]) -> list[Path]:
    candidates = [file for file in files if file.suffix.lower() == ".json"]
    beginnings = ((file, head(root / file, 4096)) for file in candidates)
    return [file for file, text in beginnings if _IS_LIST.match(text) and _HAS_KEYS.search(text)]


def _read_file(root: Path, file: Path, images: ImageFiles, reading: Reading) -> list[_Image]:
    try:
        elements = list(list_elements(read_text(root / file)))
    except Unreadable as error:
        raise error.invalid(file) from error
    subset = label_file_subset(file)
    found = []
    for line, element in elements:
        place = Place(str(file), line)
        fields = element if isinstance(element, dict) else {}
        name = next((fields[key] for key in _NAMES if isinstance(fields.get(key), str)), "")
        listed = fields.get("annotations", fields.get("annotation", []))
        if not name or not isinstance(listed, list):
            message = "The element is no image with its annotations; left out."
            mend = 'Write {"image": file, "annotations": [...]}.'
            reading.problems.append(fault("bad_image", place, message, mend))
        elif (image := images.claim(name, place, reading.problems, subset)) is not None:
            annotations = [item for entry in listed if (item := _annotation(entry, place, reading))]
            own = subset or folder_subset(image.parts[:-1])
            found.append(_Image(image, own, place, annotations, len(listed)))
    return found


def _annotation(entry: object, place: Place, reading: Reading) -> _Annotation | None:
    fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
    label, coordinates = fields.get("label"), fields.get("coordinates")
    if not isinstance(label, str) or not printable(label):
        message = f"An annotation has the label {shown(label)}; left out."
        reading.problems.append(fault("class_missing", place, message, _MEND))
        return None
    said = coordinates if isinstance(coordinates, dict) else {}
    sides = [number for key in _SIDES if (number := finite(said.get(key))) is not None]
    if len(sides) < len(_SIDES):
        texts = ", ".join(f"{key} {shown(said.get(key))}" for key in _SIDES)
        message = f"The coordinates of {shown(label)} are {texts}; the object is left out."
        reading.problems.append(fault("bad_box", place, message, _MEND))
        return None
    return _Annotation(printable(label), (sides[0], sides[1], sides[2], sides[3]), place)


def _object(item: _Annotation, centred: bool, reading: Reading) -> ObjectRow | None:
    x, y, width, height = item.sides
    left, top = (x - width / 2, y - height / 2) if centred else (x, y)
    if (box := corners(left, top, left + width, top + height)) is None:
        message = f"The box of {shown(item.label)} is too large; the object is left out."
        reading.problems.append(fault("bad_box", item.place, message, _MEND))
        return None
    return ObjectRow(item.label, (box[0], box[1], width, height), item.place)
