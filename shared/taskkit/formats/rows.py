"""What readers give: one row an image, with what the files say of it and nothing interpreted."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.schemas.base import Subset
from shared.schemas.dataset import Problem

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class Row:
    """An image file and what was read of it. `file` is relative to the root of the import."""

    file: Path
    subset: Subset | None = None
    labels: tuple[str, ...] = ()
    """Names of the classes the whole image belongs to."""


@dataclass(slots=True)
class Reading:
    """What a reader found."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Reader(Protocol):
    """A module of this package."""

    def recognises(self, files: list[Path]) -> bool:
        """Whether files (relative to the root) have this format's layout."""

    def read(self, root: Path, files: list[Path]) -> Reading:
        """Return the rows of files (relative to `root`)."""


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
    "test": "test",
    "testing": "test",
}
