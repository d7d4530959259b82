"""YOLO: a text file an image with `class cx cy w h` lines in shares of the image's size (darknet, Ultralytics).

Instead of a box a line may have the points of a polygon, or the four corners of a turned box.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import (
    Unreadable,
    Unusable,
    fault,
    head,
    parsed,
    read_text,
    refuse_without_objects,
)
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, ObjectRow, Place, Reading, Row
from shared.taskkit.formats.yolo_config import Config, SubsetEntry, is_names_file, read_config, yaml_files
from shared.taskkit.formats.yolo_lines import parse_line

_MAX_PEEKS = 50
_PROSE = ("README", "LICENSE", "LICENCE", "CITATION", "REQUIREMENTS")


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there are text files, named like images, of numbers, or a YAML file that names classes."""
    texts = _text_files(files)
    stems = {file.stem.casefold() for file in files if file.suffix.lower() in IMAGE_SUFFIXES}
    paired = [file for file in texts if file.stem.casefold() in stems]
    if any(_holds_labels(root / file) for file in paired[:_MAX_PEEKS]):
        return True
    return any(not file.stem.upper().startswith(_PROSE) for file in texts) and bool(yaml_files(root, files))


def read(root: Path, files: list[Path], options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for every image, with the boxes of its label file, by their top left corner and relative.

    The label file stands beside the image, or in the `labels` folder where the image is in `images`, or is the one of
    the image's name. Polygons and corners are kept beside the box around them; boxes among them are listed. Images
    without a label file are kept without objects.

    Raises:
        Invalid: the class names are missing, there are no label files, or no line in them can be read.
    """
    reading = Reading()
    config = read_config(root, files, options.class_names)
    reading.class_names = config.class_names()
    _tell_twins(config, reading)
    return _Yolo(root, ImageFiles(files), config, reading).read(_text_files(files), files)


def _text_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".txt" and not is_names_file(file)]


def _first_line(path: Path) -> str:
    return next((line.strip() for line in head(path, 4096).split("\n") if line.strip()), "")


def _holds_labels(path: Path) -> bool:
    words = _first_line(path).split()
    return len(words) >= 5 and all(parsed(word) is not None for word in words)


def _tell_twins(config: Config, reading: Reading) -> None:
    for name, count in Counter(config.names.values()).items():
        if count > 1:
            message = f"{count} numbers have the class name {name!r}; they count as one class."
            reading.problems.append(fault("class_name_twice", config.place, message, severity="warning"))


class _Yolo:
    """The state of one reading."""

    def __init__(self, root: Path, images: ImageFiles, config: Config, reading: Reading) -> None:
        self._root = root
        self._images = images
        self._config = config
        self._reading = reading
        self._subsets: dict[Path, Subset] = {}
        self._line_count = 0

    def read(self, texts: list[Path], files: list[Path]) -> Reading:
        labels = self._paired(texts)
        if not labels:
            mend = "Put a text file of the image's name beside each image, or into the folder labels."
            raise no_label_file(files, "None of the text files is named like an image.", mend)
        for entry in self._config.entries:
            self._read_entry(entry, texts)
        for image in self._images.all:
            subset = self._subsets.get(image) or folder_subset(image.parts[:-1])
            self._read_image(image, labels.get(image), subset)
        refuse_without_objects(self._reading, self._line_count)
        self._tell_mixture()
        return self._reading

    def _tell_mixture(self) -> None:
        """Tell where some objects are outlined and others, the fewer or as many, are not, or the other way round."""
        objects = [item for row in self._reading.rows for item in row.objects]
        outlined = [item for item in objects if item.segmentation]
        plain = [item for item in objects if not item.segmentation]
        if outlined and plain:
            message = (
                f"{len(plain)} objects are boxes and {len(outlined)} are outlines; here is the first of the fewer."
            )
            place = min(plain, outlined, key=len)[0].place
            mend = "Outline all objects, if outlines are to be learned."
            self._reading.problems.append(fault("boxes_and_outlines", place, message, mend, "warning"))

    def _paired(self, texts: list[Path]) -> dict[Path, Path]:
        """Return the label file of each image; text files that belong to none are read as lists or listed."""
        by_path = {file.as_posix(): file for file in texts}
        labels = {}
        for image in self._images.all:
            found = (by_path.get(path) for path in _label_paths(image))
            if (file := next((file for file in found if file), None)) is not None:
                labels[image] = file
        paired = set(labels.values())
        for file in (file for file in texts if file not in paired):
            image_of = self._images.find(file.stem, file, folder_subset(file.parts[:-1]))
            if image_of is not None and image_of not in labels:
                labels[image_of] = file
            else:
                self._read_other(file)
        return labels

    def _read_other(self, file: Path) -> None:
        """Use a text file that belongs to no image."""
        first = _first_line(self._root / file)
        place = Place(str(file))
        if Path(first).suffix.lower() in IMAGE_SUFFIXES:
            named = [entry.subset for entry in self._config.entries if Path(entry.path).name == file.name]
            self._read_list(file, named[0] if named else label_file_subset(file))
        elif not first or _holds_labels(self._root / file):
            message = "There is no image for this label file; left out."
            mend = "Add the image, or remove the label file."
            self._reading.problems.append(fault("labels_without_image", place, message, mend))
        elif not file.stem.upper().startswith(_PROSE):
            message = "Neither labels nor a list of images; left out."
            self._reading.problems.append(fault("not_a_label_file", place, message, severity="warning"))

    def _read_list(self, file: Path, subset: Subset | None) -> None:
        """Read the paths of a subset's images."""
        try:
            lines = read_text(self._root / file).split("\n")
        except Unreadable as error:
            self._reading.problems.append(error.problem(file))
            return
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if (image := self._images.find(line, file, subset)) is None:
                self._reading.problems.append(self._images.missing(line.strip(), Place(str(file), number)))
            elif subset:
                self._subsets.setdefault(image, subset)

    def _read_entry(self, entry: SubsetEntry, texts: list[Path]) -> None:
        """Note which images are in a folder that a configuration names; lists have been read."""
        name = posixpath.basename(entry.path.replace("\\", "/"))
        if any(file.name == name for file in texts):
            return
        found = _in_folder(entry, self._images.all)
        for image in found:
            self._subsets.setdefault(image, entry.subset)
        other = sum(self._subsets[image] != entry.subset for image in found)
        if other:
            message = f"{other} images of {entry.path!r} are in another subset already and stay there."
            self._reading.problems.append(fault("image_in_two_subsets", entry.place, message, severity="warning"))
        if not found:
            message = f"There are no images in {entry.path!r}; subsets are told by the names of folders instead."
            self._reading.problems.append(fault("subset_missing", entry.place, message, severity="warning"))

    def _read_image(self, image: Path, file: Path | None, subset: Subset | None) -> None:
        if file is None:
            message = "The image has no label file; kept as an image without objects."
            mend = "Add an empty label file if nothing is to be found on it."
            place = Place(str(image))
            self._reading.problems.append(fault("image_without_labels", place, message, mend, "warning"))
            self._reading.rows.append(Row(image, subset))
            return
        try:
            lines = read_text(self._root / file).split("\n")
        except Unreadable as error:
            self._reading.problems.append(error.problem(file))
            return
        objects = [self._object(line, Place(str(file), number)) for number, line in enumerate(lines, 1) if line.strip()]
        self._line_count += len(objects)
        kept = tuple(item for item in objects if item)
        self._reading.rows.append(Row(image, subset, objects=kept, place=Place(str(file))))

    def _object(self, text: str, place: Place) -> ObjectRow | None:
        try:
            line = parse_line(text, self._config.has_keypoints)
            if (name := self._config.names.get(line.number)) is None:
                numbers = f"{min(self._config.names)} to {max(self._config.names)}"
                message = f"There is no class {line.number}, only {numbers}; the object is left out."
                raise Unusable("unknown_class", message, "Mend the number, or add the class.")
        except Unusable as error:
            self._reading.problems.append(error.problem(place))
            return None
        return ObjectRow(name, line.bbox, place, relative=True, segmentation=line.outline, corners=line.corners)


def _label_paths(image: Path) -> list[str]:
    """Return where the label file of an image may be: in the mirrored folder, or beside it."""
    parts = [part.casefold() for part in image.parts[:-1]]
    beside = image.with_suffix(".txt")
    if "images" not in parts:
        return [beside.as_posix()]
    last = len(parts) - 1 - parts[::-1].index("images")
    mirrored = Path(*image.parts[:last], "labels", *beside.parts[last + 1 :])
    return [mirrored.as_posix(), beside.as_posix()]


def _in_folder(entry: SubsetEntry, images: list[Path]) -> list[Path]:
    """Return the images in a folder that a configuration names.

    It is looked for from the configuration's folder and those above it, as the path stands there and without its first
    parts, since the path is often one of another machine.
    """
    own = _folder_parts(entry.path)
    parts = _folder_parts(entry.base) + own
    above = Path(entry.place.file).parents
    for start in range(max(len(parts), 1)):
        tail = parts[start:]
        if len(tail) < len(own) and [part.casefold() for part in tail] == ["images"]:
            break
        for folder in (base.joinpath(*tail) for base in above):
            if found := [image for image in images if image.is_relative_to(folder)]:
                return found
    return []


def _folder_parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
