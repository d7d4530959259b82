"""TFRecord: recognised so that it can be refused with what to do instead."""

from pathlib import Path

from shared.errors import Invalid
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.label_files import refusal
from shared.taskkit.formats.rows import Place, Reading

_MEND = "Export the dataset from the labelling tool as COCO, YOLO or Pascal VOC."


def recognises(_root: Path, files: list[Path]) -> bool:
    """Whether there are files of TensorFlow records."""
    return _first(files) is not None


def read(_root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Refuse the files: images and labels are packed together in a form that only TensorFlow reads.

    Raises:
        Invalid: always.
    """
    raise _refusal(_first(files))


def _refusal(file: Path | None) -> Invalid:
    message = "TFRecord files are not read: images and labels are packed together for TensorFlow."
    return refusal("format_not_read", Place("" if file is None else str(file)), message, _MEND)


def _first(files: list[Path]) -> Path | None:
    return next((file for file in files if ".tfrecord" in file.name.casefold()), None)
