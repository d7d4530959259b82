"""DOTA: a text file an image with `x1 y1 x2 y2 x3 y3 x4 y4 class difficult` lines in pixels."""

from collections.abc import Iterable
from pathlib import Path

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import (
    Unusable,
    bounds_of,
    fault,
    head,
    parsed,
    printable,
    read_text,
    refuse_without_objects,
    shown,
)
from shared.taskkit.formats.per_image import Said, add_rows
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, ObjectRow, Place, Quad, Reading
from shared.taskkit.formats.yolo_config import is_names_file, read_config, yaml_files

_FOLDERS = frozenset({"labeltxt", "labeltxt-v1.0", "labeltxt-v1.5", "labeltxt-v2.0"})
_HEADERS = ("imagesource:", "gsd:")
_MAX_PEEKS = 50
_MEND = "Write: x1 y1 x2 y2 x3 y3 x4 y4 class difficult; corners in pixels, difficult 0 or 1."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there are text files, named like images or in a folder labelTxt, of eight numbers and a name."""
    texts = _label_files(files)[:_MAX_PEEKS]
    return any(_holds_corners(root / file) for file in texts)


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that has a text file, with its objects by their four corners in pixels.

    The box is the one around the corners. Corners that do not go around an area (the outline crosses itself) are kept
    as they stand and listed. An empty file is an image without objects. The lines `imagesource:` and `gsd:` at the top
    are passed over. Classes are in the order of data.yaml where there is one, and the subset is what a folder is named
    after.

    Raises:
        Invalid: there are no label files, or no line in them can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    texts = _label_files(files)
    if not texts:
        mend = "Put a text file of the image's name beside each image, or into the folder labelTxt."
        raise no_label_file(files, "None of the text files is named like an image.", mend)
    if yaml_files(root, files):
        reading.class_names = read_config(root, files).class_names()
    parser = _Parser(root, reading)
    add_rows(texts, images, reading, parser.parse)
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, parser.tried)
    return reading


def _label_files(files: Iterable[Path]) -> list[Path]:
    """Return the text files that are in a folder for labels or named like an image."""
    listed = list(files)
    stems = {file.stem.casefold() for file in listed if file.suffix.lower() in IMAGE_SUFFIXES}
    texts = [file for file in listed if file.suffix.lower() == ".txt" and not is_names_file(file)]
    return [file for file in texts if file.stem.casefold() in stems or file.parent.name.casefold() in _FOLDERS]


def _holds_corners(path: Path) -> bool:
    lines = (line.strip() for line in head(path, 4096).split("\n"))
    words = next((line.split() for line in lines if line and not line.casefold().startswith(_HEADERS)), [])
    return len(words) in (9, 10) and all(parsed(word) is not None for word in words[:8]) and parsed(words[8]) is None


class _Parser:
    """Reads label files and counts their objects."""

    def __init__(self, root: Path, reading: Reading) -> None:
        self._root = root
        self._reading = reading
        self.tried = 0

    def parse(self, file: Path) -> Said:
        objects = []
        for number, line in enumerate(read_text(self._root / file).split("\n"), 1):
            if line.strip() and not line.strip().casefold().startswith(_HEADERS):
                self.tried += 1
                if (row := self._object(line.split(), Place(str(file), number))) is not None:
                    objects.append(row)
        return Said((file.stem,), tuple(objects))

    def _object(self, words: list[str], place: Place) -> ObjectRow | None:
        try:
            label, quad, difficult = _parsed(words)
            if (box := bounds_of(quad[::2], quad[1::2])) is None:
                raise Unusable("bad_box", "The corners are too far apart; the object is left out.", _MEND)
        except Unusable as error:
            self._reading.problems.append(error.problem(place))
            return None
        if _crosses_itself(quad):
            message = f"The outline of the object {shown(label)} crosses itself; kept as it stands."
            mend = "Write the corners in the order in which a pen would draw them."
            self._reading.problems.append(fault("corners_cross", place, message, mend, "warning"))
        return ObjectRow(label, box, place, corners=quad, difficult=difficult)


def _parsed(words: list[str]) -> tuple[str, Quad, bool]:
    """Return the class, the corners and whether the object is difficult.

    Raises:
        Unusable: the line says something else.
    """
    label = printable(" ".join(words[8:9]))
    if len(words) not in (9, 10) or not label:
        message = f"The line has {len(words)} words instead of ten; the object is left out."
        raise Unusable("bad_line", message, _MEND)
    numbers = [number for word in words[:8] if (number := parsed(word)) is not None]
    if len(numbers) < 8:
        wrong = next(word for word in words if parsed(word) is None)
        raise Unusable("not_a_number", f"{shown(wrong)} is no number; the object is left out.", _MEND)
    if words[9:] not in ([], ["0"], ["1"], ["2"]):
        message = f"{shown(words[9])} says neither difficult (1) nor not (0); the object is left out."
        raise Unusable("bad_line", message, _MEND)
    a, b, c, d, e, f, g, h = numbers
    return label, (a, b, c, d, e, f, g, h), words[9:] not in ([], ["0"])


def _crosses_itself(quad: Quad) -> bool:
    """Whether two opposite sides of the outline cross."""
    a, b, c, d = zip(quad[::2], quad[1::2], strict=True)
    return _cross(a, b, c, d) or _cross(b, c, d, a)


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]) -> bool:
    """Whether the lines from a to b and from c to d cross, each between its ends."""

    def side(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
