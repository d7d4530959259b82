"""Class folders: `<class>/<image>`, or `<subset>/<class>/<image>` where the top folders are named like subsets."""

from collections import Counter
from pathlib import Path

from shared.errors import Invalid
from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Reading, Row, subset_of


def recognises(_root: Path, files: list[Path]) -> bool:
    """Whether there are images in folders."""
    return any(file.suffix.lower() in IMAGE_SUFFIXES and len(file.parts) > 1 for file in files)


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image; files outside of class folders and files that are no images become problems.

    Raises:
        Invalid: two class folders differ only in the case of their names.
    """
    reading = Reading()
    base = _base(files)
    inside = [file.relative_to(base) for file in files]
    subsets = _has_subsets(inside)
    for file in inside:
        _read_one(base / file, file, subsets, reading)
    _refuse_case_twins(reading)
    return reading


def _base(files: list[Path]) -> Path:
    """Return the folder that wraps everything, as archives often have one: `clothes/train/hat/1.jpg`."""
    base = Path()
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    while True:
        tops = {file.relative_to(base).parts[0] for file in images}
        deep = all(len(file.relative_to(base).parts) > 2 for file in images)
        if len(tops) != 1 or not deep or not all(file.is_relative_to(base / next(iter(tops))) for file in files):
            return base
        if subset_of(next(iter(tops))):
            return base
        base = base / tops.pop()


def _has_subsets(files: list[Path]) -> bool:
    """Whether the top folders are subsets: all of them are named so and hold folders."""
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES and len(file.parts) > 1]
    return bool(images) and all(subset_of(file.parts[0]) and len(file.parts) > 2 for file in images)


def _read_one(source: Path, file: Path, subsets: bool, reading: Reading) -> None:
    folders = file.parts[:-1]
    subset = subset_of(folders[0]) if subsets and folders else None
    classes = folders[1:] if subset else folders
    if file.suffix.lower() not in IMAGE_SUFFIXES:
        if not _is_expected_text(file):
            reading.problems.append(
                Problem(severity="warning", code="not_an_image", file=str(source), message="Not an image; left out.")
            )
    elif not classes:
        reading.problems.append(
            Problem(
                severity="error",
                code="image_without_class",
                file=str(source),
                message="This image stands outside of any class folder; left out.",
                mend="Move it into the folder of its class.",
            )
        )
    else:
        reading.rows.append(Row(source, subset, (classes[0],)))


def _is_expected_text(file: Path) -> bool:
    return file.name.startswith(".") or file.stem.upper() in ("README", "LICENSE", "LICENCE", "CITATION")


def _refuse_case_twins(reading: Reading) -> None:
    names = Counter(label for row in reading.rows for label in row.labels)
    spelled: dict[str, str] = {}
    for name in names:
        twin = spelled.setdefault(name.casefold(), name)
        if twin != name:
            raise Invalid(
                "classes_differ_in_case",
                f"The class folders {twin!r} ({names[twin]} images) and {name!r} ({names[name]} images)"
                " differ only in case.",
                hint="Rename one of them, so that it is clear whether they are one class or two.",
            )
