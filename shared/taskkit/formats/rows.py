"""What readers give: one row an image, with what the files say of it and nothing interpreted."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.schemas.base import Subset
from shared.schemas.dataset import Problem, TargetInfo
from shared.schemas.read_options import ReadOptions

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_NO_COLUMNS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a label file, relative to the root of the import, and its line, from 1."""

    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask as COCO writes it: run lengths in columns, off and on in turn, packed into text."""

    size: tuple[int, int]
    """Height and width in pixels."""
    counts: str


Outline = tuple["array[float]", ...] | Rle
"""One or several polygons, each x, y, x, y, ... in an array, since there may be millions; or a mask."""
Quad = tuple[float, float, float, float, float, float, float, float]
"""Four corners in the order in which a pen would draw them: x, y, x, y, x, y, x, y."""


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object of an image, as its label file says; whether the box fits the image is asked later."""

    label: str
    """Name of its class."""
    bbox: tuple[float, float, float, float]
    """x, y, width, height in pixels, or in shares of the image's width and height where `relative`. The bounds, where
    the object is outlined otherwise."""
    place: Place
    relative: bool = False
    """Whether coordinates are shares of the image's width and height, those of polygons and corners too."""
    iscrowd: bool = False
    """Whether the box holds many objects that were not told apart (COCO)."""
    area: float | None = None
    """Pixels the object covers, where the file says so and it is not just the box's."""
    segmentation: Outline | None = None
    corners: Quad | None = None
    """Of a box that may be turned, where the file has such."""
    difficult: bool = False
    """Whether it is marked as hard to recognise (Pascal VOC, DOTA)."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Whether an image shows a defect, of which kind, and where: a file relative to the root, white on black."""

    is_anomalous: bool
    defect: str | None = None
    mask: Path | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An image file and what was read of it. `file` is relative to the root of the import."""

    file: Path
    subset: Subset | None = None
    labels: tuple[str, ...] = ()
    """Names of the classes the whole image belongs to."""
    objects: tuple[ObjectRow, ...] = ()
    values: tuple[float, ...] = ()
    """One number for each of the reading's targets."""
    place: Place | None = None
    """Where a label file speaks of the image."""
    size: tuple[int, int] | None = None
    """Width and height in pixels, where the label file names them."""
    mask: Path | None = None
    """A PNG of the image's size, relative to the root, whose pixels stand for what the reading's `mask_values` say."""
    anomaly: Anomaly | None = None
    columns: Mapping[str, str] = field(default_factory=lambda: _NO_COLUMNS)
    """What other columns of the image's row in a table say: text by header. Rows may share one mapping."""


MaskValue = int | tuple[int, int, int]
"""What a pixel of a mask holds: a grey value or an index into the palette, or else a colour."""


@dataclass(slots=True)
class Reading:
    """What a reader found."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    class_names: tuple[str, ...] = ()
    """Classes in the order in which the files declare them, also those without an object; empty where none do."""
    targets: tuple[TargetInfo, ...] = ()
    """Names and units of the numbers in the rows."""
    mask_values: dict[MaskValue, str] = field(default_factory=dict)
    """The class that each value in the rows' masks stands for; empty where no file says so."""


class Reader(Protocol):
    """A module of this package."""

    def recognises(self, root: Path, files: list[Path]) -> bool:
        """Whether files (relative to the root) have this format's layout."""

    def read(self, root: Path, files: list[Path], options: ReadOptions = ReadOptions(), /) -> Reading:
        """Return the rows of files (relative to `root`), read as `options` say where they say anything."""


def subset_of(name: str) -> Subset | None:
    """Return the subset that a folder called `name` stands for, in any of the usual spellings."""
    return _SUBSETS.get(name.casefold())


_SUBSETS: dict[str, Subset] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "eval": "val",
    "evaluation": "val",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}
