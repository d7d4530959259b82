"""Choosing the reader for a folder of files."""

from importlib import import_module
from pathlib import Path
from typing import cast

from shared.errors import Invalid, invalid_field
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Reader
from shared.taskkit.spec import TaskSpec


def reader(format_id: str) -> Reader:
    """Return the reader module of a format that a task spec names."""
    return cast(Reader, import_module(f"shared.taskkit.formats.{format_id}"))


def choose_format(spec: TaskSpec, wanted: str, root: Path, files: list[Path]) -> str:
    """Return the format to read: the wanted one, or with `auto` the first of the task's that recognises the files.

    Raises:
        Invalid: there are no images, the task does not take the format, or none is recognised.
    """
    offered = [choice.value for choice in spec.import_formats]
    if wanted != "auto" and wanted not in offered:
        raise invalid_field("format", f"{wanted[:40]!r} is not one of auto, {', '.join(offered)}")
    if not any(file.suffix.lower() in IMAGE_SUFFIXES for file in files):
        endings = ", ".join(sorted(IMAGE_SUFFIXES))
        raise Invalid("no_images_found", "There are no images in there.", hint=f"Images end in one of: {endings}.")
    if wanted != "auto":
        return wanted
    for format_id in offered:
        if reader(format_id).recognises(root, files):
            return format_id
    expected = "; ".join(f"{choice.label}: {choice.help}" for choice in spec.import_formats)
    raise Invalid("format_not_recognised", "The layout of these files is not known.", hint=expected)
