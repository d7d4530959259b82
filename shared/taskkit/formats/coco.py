"""COCO JSON of objects: `images`, `annotations` and `categories`, in one file or in one file a subset."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.coco_elements import Annotation, Category, Image, key_of, read_elements
from shared.taskkit.formats.image_files import ImageFiles, folder_subset, label_file_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import (
    Severity,
    Unreadable,
    fault,
    head,
    read_text,
    refusal,
    refuse_without_objects,
    shown,
)
from shared.taskkit.formats.rows import ObjectRow, Place, Reading, Row

_LOOKS_LIKE = re.compile(r'"(images|annotations|categories)"\s*:\s*\[')
_MAX_PEEKS = 200
_MEND_FILES = "Give the file with boxes, often called instances_<subset>.json."


def recognises(root: Path, files: list[Path]) -> bool:
    """Whether there is a JSON file that begins like COCO's."""
    return any(_is_coco(root / file) for file in _json_files(files)[:_MAX_PEEKS])


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that the JSON files name, with its boxes in pixels (x, y, width, height).

    An annotation without a box gets the bounds of its polygons or its mask; of a panoptic one the boxes of its segments
    are read. The subset is what the JSON file or its folder is named after, or else the image's folder. Where there are
    `instances_*` files, the others are left out.

    Raises:
        Invalid: there is no such file, one cannot be parsed, or no object in it can be read.
    """
    reading = Reading()
    images = ImageFiles(file for file in files if not _is_panoptic_map(file))
    documents = [_Document(root, file, images, reading) for file in _chosen(root, files, reading)]
    for document in documents:
        document.read()
    used = {item.label for row in reading.rows for item in row.objects}
    names = (name for document in documents for name in document.declared(used))
    reading.class_names = tuple(dict.fromkeys(names))
    reading.problems.extend(images.not_annotated())
    refuse_without_objects(reading, sum(document.annotation_count for document in documents))
    return reading


def _json_files(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".json"]


def _is_panoptic_map(file: Path) -> bool:
    """Whether an image tells the segments of another one apart by colour."""
    return file.suffix.lower() == ".png" and file.parent.name.casefold().startswith("panoptic_")


def _is_coco(path: Path) -> bool:
    beginning = head(path)
    return beginning.lstrip().startswith("{") and _LOOKS_LIKE.search(beginning) is not None


def _chosen(root: Path, files: list[Path], reading: Reading) -> list[Path]:
    """Return the files to read, those of a subset first, so that they win over files of everything."""
    found = _json_files(files)
    candidates = [file for file in found if _is_coco(root / file)] or found
    if not candidates:
        raise no_label_file(files, "There is no JSON file with annotations.", _MEND_FILES)
    instances = [file for file in candidates if file.stem.casefold().startswith("instances")]
    for file in candidates:
        if instances and file not in instances:
            message = "Annotations of another kind beside instances files; left out."
            reading.problems.append(fault("label_file_left_out", Place(str(file)), message, severity="warning"))
    return sorted(instances or candidates, key=lambda file: (label_file_subset(file) is None, file))


@dataclass
class _Document:
    """One JSON file, and what its numbers for images and categories mean."""

    root: Path
    file: Path
    images: ImageFiles
    reading: Reading
    annotation_count: int = 0
    _categories: dict[str, Category] = field(default_factory=dict)

    def read(self) -> None:
        """Add the file's rows and problems to the reading."""
        try:
            elements = read_elements(read_text(self.root / self.file), str(self.file), self.reading.problems)
        except Unreadable as error:
            raise error.invalid(self.file) from error
        self.annotation_count = elements.annotation_count
        if elements.annotation_count and not elements.outlined:
            message = f"None of the {elements.annotation_count} annotations has a bbox or a segmentation."
            raise refusal("no_objects", Place(str(self.file)), message, _MEND_FILES)
        self._name_categories(elements.categories)
        subset = label_file_subset(self.file)
        found = self._find_images(elements.images, subset)
        objects = self._objects(elements.annotations, found)
        for key, (image, file) in ((key, item) for key, item in found.items() if item):
            place = Place(str(self.file), image.line)
            own = subset or folder_subset(file.parts[:-1])
            self.reading.rows.append(Row(file, own, (), tuple(objects[key]), (), place, image.size))

    def declared(self, used: set[str]) -> list[str]:
        """Return the names of the classes, by number; not the super category that some tools add as number 0."""
        supers = {item.supercategory for item in self._categories.values() if item.key != "0"}
        named = sorted(self._categories.values(), key=lambda item: item.order)
        return [item.name for item in named if not (item.key == "0" and item.name in supers and item.name not in used)]

    def _name_categories(self, categories: list[Category]) -> None:
        named: dict[str, Category] = {}
        for category in categories:
            earlier = self._categories.setdefault(category.key, category)
            if earlier.name != category.name:
                message = (
                    f"Category {category.key} is {shown(earlier.name)} and {shown(category.name)}; the first counts."
                )
                self._fault("category_twice", category.line, message, "Give each category a number of its own.")
            elif earlier.key != (first := named.setdefault(category.name, earlier)).key:
                message = f"Categories {first.key} and {category.key} are both {shown(category.name)}; they become one."
                self._fault("class_name_twice", category.line, message, "Rename one of them if they differ.", "warning")

    def _find_images(self, named: list[Image], subset: Subset | None) -> dict[str, tuple[Image, Path] | None]:
        """Return image and file by the image's number, None for images that are left out."""
        found: dict[str, tuple[Image, Path] | None] = {}
        for image in named:
            place = Place(str(self.file), image.line)
            if image.key in found:
                message = f"The image id {image.key} stands there twice; the second, {shown(image.name)}, is left out."
                self._fault("image_id_twice", image.line, message, "Give each image an id of its own.")
                continue
            found[image.key] = None
            if (file := self.images.claim(image.name, place, self.reading.problems, subset)) is not None:
                found[image.key] = image, file
        return found

    def _objects(
        self, annotations: list[Annotation], found: dict[str, tuple[Image, Path] | None]
    ) -> dict[str, list[ObjectRow]]:
        """Return the objects by the number of their image."""
        objects: dict[str, list[ObjectRow]] = defaultdict(list)
        for item in annotations:
            category = self._categories.get(key_of(item.category) or "")
            image = key_of(item.image)
            if image is None or image not in found:
                message = (
                    f"The annotation names the image id {shown(item.image)}, which is not among the images; left out."
                )
                self._fault("unknown_image_id", item.line, message, "Add the image, or remove the annotation.")
            elif category is None:
                message = f"The category id {shown(item.category)} is not among the categories; the object is left out."
                self._fault("unknown_class", item.line, message, "Add the category, or mend the number.")
            elif found[image]:
                place = Place(str(self.file), item.line)
                objects[image].append(
                    ObjectRow(
                        *(category.name, item.bbox, place),
                        iscrowd=item.iscrowd,
                        area=item.area,
                        segmentation=item.outline,
                    )
                )
        return objects

    def _fault(self, code: str, line: int, message: str, mend: str, severity: Severity = "error") -> None:
        self.reading.problems.append(fault(code, Place(str(self.file), line), message, mend, severity))
