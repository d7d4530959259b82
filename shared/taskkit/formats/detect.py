"""Choosing the reader for a folder of files."""

from importlib import import_module
from pathlib import Path
from typing import cast

from shared.errors import Invalid, invalid_field
from shared.taskkit.formats.inventory import inventory
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Reader
from shared.taskkit.spec import TaskSpec

FORMATS = {
    "tfrecord": "TFRecord",
    "mvtec": "MVTec folders",
    "cvat": "CVAT XML",
    "labelme": "LabelMe XML",
    "pascal_voc": "Pascal VOC",
    "coco": "COCO",
    "createml": "Create ML",
    "vott": "VoTT",
    "labelme_json": "labelme JSON",
    "dota": "DOTA",
    "icdar": "ICDAR",
    "yolo": "YOLO",
    "masks": "pairs of image and mask",
    "imagenet_txt": "ImageNet lists",
    "csv_boxes": "a table of boxes",
    "csv_labels": "a table of labels",
    "csv_values": "a table of numbers",
    "class_folders": "class folders",
}
"""Every reader and what its format is called, from the one that is told by most to the one told by least."""

_TEXT_FILE_AN_IMAGE = ("dota", "icdar", "yolo")
"""Formats whose text files are told by being called like images."""


def reader(format_id: str) -> Reader:
    """Return the reader module of a format that a task spec names."""
    return cast(Reader, import_module(f"shared.taskkit.formats.{format_id}"))


def recognised(root: Path, files: list[Path]) -> str | None:
    """Return the first format of all that recognises the files, whether a task takes it or not."""
    return next((format_id for format_id in FORMATS if reader(format_id).recognises(root, files)), None)


def choose_format(spec: TaskSpec, wanted: str, root: Path, files: list[Path]) -> str:
    """Return the format to read: the wanted one, or with `auto` the first of the task's that recognises the files.

    Raises:
        Invalid: there are no images, the task does not take the format, or none is recognised.
    """
    offered = [choice.value for choice in spec.import_formats]
    if wanted != "auto" and wanted not in offered:
        raise invalid_field("format", f"{wanted[:40]!r} is not one of auto, {', '.join(offered)}")
    if not any(file.suffix.lower() in IMAGE_SUFFIXES for file in files):
        raise _no_images(root, files)
    if wanted != "auto":
        return wanted
    found = next((item for item in FORMATS if item in offered and reader(item).recognises(root, files)), None)
    if found is not None and not _is_weak(found):
        return found
    other = recognised(root, files)
    if found is not None and (other is None or _is_weak(other)):
        return found
    expected = "; ".join(f"{choice.label}: {choice.help}" for choice in spec.import_formats)
    if other is None:
        message = f"There are images, but nothing in a known layout says what they show. {inventory(files)}"
        raise Invalid("format_not_recognised", message, hint=f"Lay them out in one of these ways. {expected}")
    taken = ", ".join(choice.label for choice in spec.import_formats)
    message = f"This looks like {FORMATS[other]}; {spec.label} takes {taken}. {inventory(files)}"
    raise Invalid("format_not_taken", message, hint=f"Choose the format if it is one of these. {expected}")


def _is_weak(format_id: str) -> bool:
    """Whether a format is told by so little that files of any other may pass for it: a table, a folder."""
    return format_id == "class_folders" or format_id.startswith("csv_")


def _no_images(root: Path, files: list[Path]) -> Invalid:
    endings = f"Images end in one of: {', '.join(sorted(IMAGE_SUFFIXES))}."
    message = f"There are no images in there. {inventory(files)}"
    found = recognised(root, files) or _recognised_beside_images(root, files)
    if found == "tfrecord":
        message = f"{message} TFRecord files, which pack images and labels together, are not read."
        endings = "Export the dataset from the labelling tool as COCO, YOLO or Pascal VOC."
    elif found is not None:
        message = f"{message} The files look like {FORMATS[found]} without its images."
        endings = f"Add the images that belong to the label files, each called like its own or as it says. {endings}"
    return Invalid("no_images_found", message, hint=endings)


def _recognised_beside_images(root: Path, files: list[Path]) -> str | None:
    """Return the format that text files would have if each had its image."""
    wanted = [file.with_suffix(".jpg") for file in files if file.suffix.lower() == ".txt"]
    return next((item for item in _TEXT_FILE_AN_IMAGE if reader(item).recognises(root, [*files, *wanted])), None)
