"""ICDAR lists of texts in images: a text file an image, with corners or sides of each text and its letters."""

import re
from collections.abc import Iterable
from pathlib import Path

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import (
    Box,
    Unusable,
    bounds_of,
    corners,
    fault,
    head,
    parsed,
    read_text,
    refusal,
    refuse_without_objects,
    shown,
)
from shared.taskkit.formats.per_image import Said, add_rows
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, ObjectRow, Place, Quad, Reading

_TEXT = "text"
_CHARACTER = "character"
_ILLEGIBLE = "###"
_AFFIX = re.compile(r"(?:gt|res)_(?P<a>.+)|(?P<b>.+)_GT", re.IGNORECASE)
_WORDS = re.compile(r"[^,]+\.[A-Za-z]{3,4},\s*\".*\"")
_CUT = re.compile(r"\s*,\s*|\s+")
_MAX_PEEKS = 50
_MEND = 'Write four corners or left, top, right, bottom in pixels, then the letters: 10,20,60,20,60,40,10,40,"EXIT".'


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there are text files of texts: `gt_<image>.txt`, `<image>_GT.txt`, or a list of words."""
    texts = _label_files(files)[:_MAX_PEEKS]
    return any(_holds_texts(root / file) for file in texts) or bool(_word_lists(root, files))


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that has a text file, with each text as an object of the class `text`.

    Lines are four corners or left, top, right, bottom, in pixels, then the letters; those of text segmentation (colour,
    centre, box, letter) give objects of the class `character`. A text marked as illegible (###) is difficult. That the
    letters are not kept is told.

    Raises:
        Invalid: there are no such files, they are lists of words without places, or no line in them can be read.
    """
    reading = Reading()
    images = ImageFiles(files)
    texts = _label_files(files)
    if words := _word_lists(root, files):
        message = "This is a list of words, one an image: they have no places in the image."
        raise refusal("no_objects", Place(str(words[0]), 1), message, "Give the files of text localisation.")
    if not texts:
        mend = "Give a text file for each image, called gt_<image>.txt."
        raise no_label_file(files, "No text file is called like an image.", mend)
    for image in images.all:
        if _AFFIX.fullmatch(image.stem):
            images.mention(image)
    parser = _Parser(root, reading)
    add_rows(texts, images, reading, parser.parse)
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, parser.tried)
    message = "The letters of the texts are not kept, only their places."
    reading.problems.append(fault("letters_not_kept", Place(str(texts[0])), message, severity="warning"))
    return reading


def _image_name(file: Path) -> str:
    match = _AFFIX.fullmatch(file.stem)
    return (match["a"] or match["b"]) if match else file.stem


def _label_files(files: Iterable[Path]) -> list[Path]:
    listed = list(files)
    stems = {file.stem.casefold() for file in listed if file.suffix.lower() in IMAGE_SUFFIXES}
    texts = (file for file in listed if file.suffix.lower() == ".txt")
    return [file for file in texts if _image_name(file).casefold() in stems]


def _word_lists(root: Path, files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.name.casefold() == "gt.txt" and _WORDS.match(head(root / file, 4096))]


def _holds_texts(path: Path) -> bool:
    line = next((line.strip() for line in head(path, 4096).split("\n") if line.strip()), "")
    try:
        _parsed(line)
    except Unusable:
        return False
    return "," in line or '"' in line


class _Parser:
    """Reads label files and counts their objects."""

    def __init__(self, root: Path, reading: Reading) -> None:
        self._root = root
        self._reading = reading
        self.tried = 0

    def parse(self, file: Path) -> Said:
        objects = []
        for number, line in enumerate(read_text(self._root / file).split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            self.tried += 1
            place = Place(str(file), number)
            try:
                label, box, quad, letters = _parsed(line.strip())
            except Unusable as error:
                self._reading.problems.append(error.problem(place))
            else:
                is_difficult = letters.strip('"') == _ILLEGIBLE
                objects.append(ObjectRow(label, box, place, corners=quad, difficult=is_difficult))
        return Said((_image_name(file), file.stem), tuple(objects))


def _parsed(line: str) -> tuple[str, Box, Quad | None, str]:
    """Return the class, the box, the corners where there are some, and the letters of a line.

    Raises:
        Unusable: the line says something else.
    """
    numbers: list[float] = []
    rest = line
    while len(numbers) < 9 and (number := parsed((parts := _CUT.split(rest, maxsplit=1))[0])) is not None:
        numbers.append(number)
        rest = parts[1] if len(parts) > 1 else ""
    box = quad = None
    label = _TEXT
    if len(numbers) == 8 and rest:
        a, b, c, d, e, f, g, h = numbers
        quad = (a, b, c, d, e, f, g, h)
        box = bounds_of(quad[::2], quad[1::2])
    elif len(numbers) == 4 and rest:
        box = corners(*numbers)
    elif len(numbers) == 9 and rest:
        label = _CHARACTER
        box = corners(*numbers[5:])
    if box is None:
        message = f"{shown(line)} is no text with four numbers or four corners; left out."
        raise Unusable("bad_line", message, _MEND)
    return label, box, quad, rest
