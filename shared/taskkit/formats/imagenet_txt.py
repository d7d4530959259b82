"""ImageNet lists: text files of `<image> <number of its class>`, one a subset, and the names of the classes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import Unreadable, fault, head, printable, read_text, refusal, shown
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Place, Reading, Row

_NAMES_FILES = ("synsets", "synset_words", "classes", "class_names", "labels")
"""Beginnings of their names."""
_MEND = "Write the image's path, a space and the number of its class, from 0."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is a text file of images with whole numbers, and names for these where folders may be classes."""
    lists = _lists(root, files)
    return bool(lists) and (bool(_names_files(files)) or not any("/" in head(root / file, 4096) for file in lists))


def read(root: Path, files: list[Path], options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that the lists name, with its class.

    Names of the classes are the lines of synsets.txt, classes.txt or labels.txt, each without the identifier that may
    stand before it in synset_words.txt. The subset is what the list or a folder is named after.

    Raises:
        Invalid: there is no list, the names are missing or cannot be read, or no line can be used.
    """
    reading = Reading()
    images = ImageFiles(files)
    lists = _lists(root, files)
    if not lists:
        raise no_label_file(files, "There is no text file of images and numbers.", _MEND)
    reading.class_names = options.class_names or _names(root, files, lists[0])
    for file in lists:
        _read_list(root, file, images, reading)
    reading.problems.extend(images.not_annotated())
    if not reading.rows:
        first = reading.problems[0]
        place = Place(first.file or "", first.line)
        raise refusal("no_objects", place, f"{first.message} No line could be read.", first.mend)
    return reading


def _lists(root: Path, files: Iterable[Path]) -> list[Path]:
    texts = (file for file in files if file.suffix.lower() == ".txt")
    return [file for file in texts if _is_line(next(iter(head(root / file, 4096).split("\n")), ""))]


def _is_line(line: str) -> bool:
    name, _, number = line.strip().rpartition(" ")
    return Path(name.strip()).suffix.lower() in IMAGE_SUFFIXES and number.isascii() and number.isdigit()


def _names_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".txt" and file.stem.casefold().startswith(_NAMES_FILES)]


def _names(root: Path, files: Iterable[Path], asking: Path) -> tuple[str, ...]:
    found = _names_files(files)
    if not found:
        message = "The classes are numbers, and no file names them."
        raise refusal("class_names_missing", Place(str(asking), 1), message, "Add synsets.txt with one name a line.")
    file = min(found, key=lambda file: (len(file.parts), file.stem.casefold() not in _NAMES_FILES, file))
    try:
        lines = read_text(root / file).rstrip().split("\n")
    except Unreadable as error:
        raise error.invalid(file) from error
    names = [printable(line.partition(" ")[2] if file.stem.casefold() == "synset_words" else line) for line in lines]
    if "" in names:
        raise refusal("class_names_missing", Place(str(file), names.index("") + 1), "The class has no name.", _MEND)
    return tuple(names)


def _read_list(root: Path, file: Path, images: ImageFiles, reading: Reading) -> None:
    try:
        lines = read_text(root / file).split("\n")
    except Unreadable as error:
        raise error.invalid(file) from error
    subset = label_file_subset(file)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = Place(str(file), number)
        name, _, said = line.strip().rpartition(" ")
        label = _label(said, reading.class_names) if name else None
        if label is None:
            message = f"{shown(said)} is the number of no class; the image is left out."
            reading.problems.append(fault("unknown_class", place, message, _MEND))
            if name and (unused := images.find(name, file, subset)) is not None:
                images.mention(unused)
        elif (image := images.claim(name, place, reading.problems, subset)) is not None:
            reading.rows.append(Row(image, subset or folder_subset(image.parts[:-1]), (label,), place=place))


def _label(said: str, names: Sequence[str]) -> str | None:
    number = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else -1
    return names[number] if 0 <= number < len(names) else None
