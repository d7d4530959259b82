"""Formats of one label file an image: finding its image, and going on where a file cannot be read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.taskkit.formats.image_files import ImageFiles, folder_subset
from shared.taskkit.formats.label_files import Unreadable
from shared.taskkit.formats.rows import ObjectRow, Place, Reading, Row


@dataclass(frozen=True, slots=True)
class Said:
    """What a label file says of its image. `names` are the image's, the likeliest first."""

    names: tuple[str, ...]
    objects: tuple[ObjectRow, ...] = ()
    size: tuple[int, int] | None = None


def add_rows(files: Iterable[Path], images: ImageFiles, reading: Reading, parse: Callable[[Path], Said]) -> None:
    """Add a row for each label file that `parse` reads; list those it cannot, and those without an image."""
    for file in files:
        place, subset = Place(str(file), 1), folder_subset(file.parts[:-1])
        try:
            said = parse(file)
        except Unreadable as error:
            reading.problems.append(error.problem(file))
            images.leave_unread(file.stem, file, subset)
            continue
        name = next((name for name in said.names if name and images.find(name, file, subset)), said.names[0])
        if (image := images.claim(name, place, reading.problems, subset)) is not None:
            own = subset or folder_subset(image.parts[:-1])
            reading.rows.append(Row(image, own, objects=said.objects, place=place, size=said.size))
