"""Class folders: `<class>/<image>`, `<subset>/<class>/<image>` or `<class>/<subset>/<image>`.

A file `classes.txt` beside the top folders may name the classes in their order, one a line.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal

from shared.schemas.base import Subset
from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import folder_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import Unreadable, read_text
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Reading, Row

_PLAIN = ("images", "image", "imgs", "img", "data")
_MEND = "Put the images of each class into a folder of its name, or add a table of file names and classes."
_Layout = Literal["classes", "subsets first", "subsets last"]


CLASSES_FILE = "classes.txt"
NO_SUBSET = "unassigned"
"""Beside the folders of subsets: the folder of the images that are in none."""


def recognises(_root: Path, files: list[Path]) -> bool:
    """Whether there are images in folders that can be classes."""
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    depth = _depth(images) if images else 0
    layout = _layout(image.parts[depth:] for image in images)
    return _are_classes({name for image in images if (name := _placed(image.parts[depth:-1], layout)[1])})


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image; files outside of class folders and files that are no images become problems.

    A folder around everything is looked through. The top folders are subsets where all are called like one (`train`,
    `validation`, `test_set`), or two of them that hold folders; else they are classes, and may hold a folder for each
    subset. Further folders within a class belong to it.

    Raises:
        Invalid: the only class would be a folder `images` or the like.
    """
    reading = Reading()
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    depth = _depth(images)
    layout = _layout(image.parts[depth:] for image in images)
    for file in files:
        if file.suffix.lower() in IMAGE_SUFFIXES:
            _read_image(file, file.parts[depth:-1], layout, reading)
        elif file.name == CLASSES_FILE and len(file.parts) <= depth + 1:
            reading.class_names = _declared(root, file, reading)
        elif not _is_expected_text(file):
            problem = Problem(
                severity="warning", code="not_an_image", file=str(file), message="Not an image; left out."
            )
            reading.problems.append(problem)
    names = {row.labels[0] for row in reading.rows}
    if names and not _are_classes(names):
        message = f"All images are in the folder {names.pop()!r}, which is not taken for a class."
        raise no_label_file(files, message, _MEND)
    return reading


def _are_classes(folders: set[str]) -> bool:
    """Whether folders can be classes: one alone that is called `images` or the like just holds all images."""
    return len(folders) > 1 or any(name.casefold() not in _PLAIN for name in folders)


def _declared(root: Path, file: Path, reading: Reading) -> tuple[str, ...]:
    try:
        lines = read_text(root / file).split("\n")
    except Unreadable as error:
        reading.problems.append(error.problem(file))
        return ()
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _depth(images: list[Path]) -> int:
    """Return how many folders wrap everything, as in archives there often is one: `clothes/train/hat/1.jpg`."""
    depth = 0
    while True:
        inside = [image.parts[depth:] for image in images]
        tops = {parts[0] for parts in inside}
        if len(tops) != 1 or any(len(parts) < 3 for parts in inside) or tops == {NO_SUBSET}:
            return depth
        if _subset(next(iter(tops))):
            return depth
        if all(len(parts) == 3 and _subset(parts[1]) for parts in inside):
            return depth
        depth += 1


@lru_cache(maxsize=4096)
def _subset(folder: str) -> Subset | None:
    return folder_subset((folder,))


def _layout(images: Iterable[tuple[str, ...]]) -> _Layout:
    """Return what the folders say; each image comes as the parts of its path."""
    inside = [parts for parts in images if len(parts) > 1]
    deep: dict[str, bool] = defaultdict(bool)
    for parts in inside:
        deep[parts[0]] |= len(parts) > 2
    subsets = {top: subset for top in deep if (subset := _subset(top))}
    if inside and all(top in subsets or (top == NO_SUBSET and deep[top]) for top in deep):
        return "subsets first"
    if len({subset for top, subset in subsets.items() if deep[top]}) > 1:
        return "subsets first"
    if inside and all(len(parts) > 2 and _subset(parts[1]) for parts in inside):
        return "subsets last"
    return "classes"


def _placed(folders: tuple[str, ...], layout: _Layout) -> tuple[Subset | None, str | None]:
    """Return the subset and the class that an image's folders say."""
    subset = None
    classes = folders
    if layout == "subsets first" and folders:
        subset = _subset(folders[0])
        classes = folders[1:] if subset or folders[0] == NO_SUBSET else ()
        if len(classes) > 1 and classes[0].casefold() in _PLAIN:
            classes = classes[1:]
    elif layout == "subsets last" and folders:
        subset = _subset(folders[1])
    return subset, classes[0] if classes else None


def _read_image(file: Path, folders: tuple[str, ...], layout: _Layout, reading: Reading) -> None:
    subset, name = _placed(folders, layout)
    if name is not None:
        reading.rows.append(Row(file, subset, (name,)))
        return
    message = "This image stands outside of any class folder; left out."
    mend = "Move it into the folder of its class."
    reading.problems.append(
        Problem(severity="error", code="image_without_class", file=str(file), message=message, mend=mend)
    )


def _is_expected_text(file: Path) -> bool:
    hidden = file.name.startswith(".") and file.name.lower() not in IMAGE_SUFFIXES
    return hidden or file.stem.upper() in ("README", "LICENSE", "LICENCE", "CITATION")
