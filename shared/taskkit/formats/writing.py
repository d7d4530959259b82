"""What writers of dataset formats share: each mirrors a reader, so that what it writes is read back the same.

A writer says where the image of a record goes, and what stands in label files; writing them is somebody else's work.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import Protocol, cast

from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord, Legend

UNASSIGNED = "unassigned"
"""Folder of the images that are in no subset."""
OTHER_COLUMNS = "images with other columns of a table, which only tables hold"


@dataclass(frozen=True, slots=True)
class Item:
    """An image with its subset and the path of its file in what is written."""

    record: ImageRecord
    subset: Subset | None
    path: PurePosixPath

    @property
    def folder(self) -> str:
        """The name of its subset's folder."""
        return self.subset or UNASSIGNED


Items = Callable[[], Iterator[Item]]
"""Gives all images, as often as it is asked."""


class Writer(Protocol):
    """Writes one dataset."""

    lost: Counter[str]
    """What the format cannot hold, as text for a person, and how often it met that."""

    def folder(self, record: ImageRecord, subset: Subset | None) -> PurePosixPath:
        """Return the folder for an image's file."""

    def label_file(self, item: Item) -> tuple[str, str] | None:
        """Return path and text of the label file that belongs to one image, in formats that have such files."""

    def documents(self, items: Items) -> Iterator[tuple[str, Iterable[str]]]:
        """Return path and text, piece by piece, of the files that speak of many images."""


def csv_row(cells: list[str]) -> str:
    """Return one line of a table."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def writer(format_id: str, legend: Legend) -> Writer:
    """Return a writer of the format that a task spec names.

    Raises:
        Invalid: the format cannot hold the legend.
    """
    return cast(Writer, import_module(f"shared.taskkit.formats.{format_id}_writer").make(legend))
