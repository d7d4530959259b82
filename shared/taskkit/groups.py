"""Which images are alike by what is known of them besides their pixels: names, folders, columns of a table."""

import re
from functools import lru_cache
from pathlib import PurePosixPath
from posixpath import basename, splitext

import numpy as np
import numpy.typing as npt

from shared.schemas.dataset import ImageRecord
from shared.schemas.split import GroupBy
from shared.taskkit.formats.rows import subset_of

TOP_FOLDER = "(top folder)"
_VERSION_MARK = ".rf."
"""Roboflow writes augmented versions of one image as `<its name>.rf.<32 digits>.<ending>`."""
_VERSIONS = f"{_VERSION_MARK}#"
_LAST_NUMBER = re.compile(r"\d+(?!.*\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_FEWEST_SERIES = 3


def group_of(record: ImageRecord, group_by: GroupBy) -> str | None:
    """Return the name of the group of alike images that an image belongs to; None where it stands for itself.

    Near duplicates are groups too, but only all images together say which: see `similarity.clusters`.
    """
    if group_by.by == "folder":
        folder = PurePosixPath(record.source or "").parent
        return str(folder) if folder.name else TOP_FOLDER
    if group_by.by == "series":
        return series_of(record)
    if group_by.by == "column":
        value = columns_of(record).get(group_by.column or "")
        return None if value in (None, "") else str(value)
    return group_by.separator.join(PurePosixPath(record.filename).stem.split(group_by.separator)[: group_by.parts])


def columns_of(record: ImageRecord) -> dict[str, object]:
    """Return what the import read beside annotations and subset, by the names a person would look for."""
    meta = dict(record.meta or {})
    meta.pop("subset", None)
    columns = meta.pop("columns", None)
    known = {**meta, **(columns if isinstance(columns, dict) else {})}
    return {str(name): value for name, value in known.items() if value is None or isinstance(value, str | int | float)}


def series_of(record: ImageRecord) -> str:
    """Return what the name of an image and its folder share with its series: all but the last number.

    "walk 3/frame_0017.png" and "walk 3/frame_0018.png" are frames of one series, "17_left.png" is not one with
    "18_right.png". Augmented versions of one image count as that image, and folders of subsets as none.
    """
    stem = splitext(record.filename)[0]
    place = _place((record.source or "").rpartition("/")[0])
    original, mark, _ = stem.partition(_VERSION_MARK)
    series = f"{place}/{_LAST_NUMBER.sub('#', original)}"
    return series if not mark or _has_number(series) else f"{place}/{original}{_VERSIONS}"


@lru_cache(maxsize=1024)
def _place(folder: str) -> str:
    """Return the name of a folder, or nothing where it is one of a subset."""
    name = basename(folder.rstrip("/"))
    return "" if subset_of(name) else name


@lru_cache(maxsize=1024)
def numbers_something(series: str) -> bool:
    """Whether what a series shares has a number of its own, such as that of a video; a year is none.

    Without one a shared name says nothing: "IMG_0001" and "IMG_0002" come from the same camera, "cat_1" and "cat_2"
    are of the same class. Versions of one image need none.
    """
    return series.endswith(_VERSIONS) or _has_number(series)


def _has_number(series: str) -> bool:
    return bool(re.search(r"\d", _YEAR.sub("", series)))


def are_series(series: npt.NDArray[np.int64], numbered: npt.NDArray[np.bool_], strata: npt.NDArray[np.int64]) -> bool:
    """Whether names look as if they told of series, such as frames of videos, rather than of classes or a camera.

    At least half of the images must have a numbered name that others share, and there must be more such names than
    strata, which names often number as well.

    Args:
        series: shape (n,), the series of each image, from 0 without gaps.
        numbered: shape (n,), `numbers_something` of each image.
        strata: shape (n,), the stratum of each image, from 0 without gaps.
    """
    if not len(series):
        return False
    member = numbered & (np.bincount(series)[series] > 1)
    count = len(np.unique(series[member]))
    return bool(2 * member.sum() >= len(series) and count >= _FEWEST_SERIES and count > strata.max() + 1)
