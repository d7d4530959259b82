"""What may be asked of the dataset's index, as SQL."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from shared.schemas.base import Subset
from shared.schemas.split import Split
from shared.store.index_rows import ASPECT_UNIT, as_id, counts

SortKey = Literal["filename", "class", "size", "imported_at", "annotations"]
Measure = Literal["width", "height", "aspect", "annotations", "brightness"]
_SORT_COLUMNS: dict[SortKey, str] = {
    "filename": "filename",
    "class": "class_id",
    "size": "bytes",
    "imported_at": "imported_at",
    "annotations": "annotations",
}
_TOP = 2**31
_WALK_STEPS = 60_000
"""Steps of SQLite's machine that walking along an order may take, a few ms, before the whole order is made."""
_WALKED = 1_000


@dataclass(frozen=True, slots=True)
class Span:
    """A restriction of a number of the image, both ends included; aspect is width over height."""

    measure: Measure
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which images, in which order. None means no restriction."""

    class_id: int | None = None
    labelled: bool | None = None
    split: Split | None = None
    subset: Subset | Literal["unassigned"] | None = None
    search: str | None = None
    format: str | None = None
    spans: tuple[Span, ...] = ()
    files: frozenset[str] | None = None
    """Files of the source; a file that is no image of the dataset stands for the image of the same name."""
    sort_by: SortKey = "filename"
    descending: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells this query from others, split by id."""
        split = self.split.id if self.split and self.subset else None
        restrictions = (self.class_id, self.labelled, split, self.subset, self.search, self.format, self.spans)
        return (*restrictions, self.files, self.sort_by, self.descending)

    @property
    def unrestricted(self) -> bool:
        """Whether all images match."""
        return all(value in (None, ()) for value in self.key[:-2])


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition with its values. `counted` names the counters whose sum is the number of images it lets through."""

    sql: str
    values: Sequence[Any] = ()
    counted: tuple[str, Any, Any] | None = None


def clauses(db: sqlite3.Connection, query: ImageQuery, *, walking: bool) -> list[Clause]:
    """Return the conditions of a query; `walking` for reading images one by one in order, else for finding them."""
    found = [_of_span(span) for span in query.spans]
    if query.class_id is not None:
        members = "SELECT position FROM image_classes WHERE class_id = ?"
        probe = f"EXISTS ({members} AND image_classes.position = images.position)"
        sql = probe if walking else f"position IN ({members})"
        found.append(Clause(sql, (query.class_id,), ("class", query.class_id, query.class_id)))
    if query.labelled is not None:
        least, most = (1, _TOP) if query.labelled else (0, 0)
        found.append(Clause("annotations BETWEEN ? AND ?", (least, most), ("annotations", least, most)))
    if query.format:
        found.append(Clause("format = ?", (query.format,), ("format", query.format, query.format)))
    if query.search:
        pattern = query.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found.append(Clause("filename LIKE ? ESCAPE '\\'", (f"%{pattern}%",)))
    if query.subset is not None:
        found.append(_of_subset(query))
    if query.files is not None:
        places = sorted({place for file in query.files for place in _places(db, file)})
        found.append(Clause(f"position IN ({','.join(map(str, places))})"))
    return found


def _of_span(span: Span) -> Clause:
    scale = 1 / ASPECT_UNIT if span.measure == "aspect" else 1
    low = 0 if span.low is None else round(span.low * scale)
    high = _TOP if span.high is None else round(span.high * scale)
    return Clause(f"{span.measure} BETWEEN ? AND ?", (low, high), (span.measure, low, high))


def _of_subset(query: ImageQuery) -> Clause:
    subset, split = query.subset, query.split
    if split is None:
        name = "" if subset == "unassigned" else subset
        sql = "subset IS NULL" if subset == "unassigned" else "subset = ?"
        return Clause(sql, (subset,) if name else (), ("subset", name, name))
    known = "SELECT position FROM split_subsets WHERE split_id = ?"
    if subset == "unassigned":
        return Clause(f"position NOT IN ({known})", (split.id,))
    return Clause(f"position IN ({known} AND subset = ?)", (split.id, subset))


def _places(db: sqlite3.Connection, file: str) -> list[int]:
    """Return the positions of the images a problem speaks of: by file, else, for a label file, by its name."""
    path = PurePosixPath(file)
    sql = "SELECT position, source, filename FROM images WHERE filename >= ? AND filename < ?"
    rows = db.execute(sql, (f"{path.stem}.", f"{path.stem}/")).fetchall()
    exact = [place for place, source, _ in rows if source == file]
    return exact or [place for place, _, name in rows if PurePosixPath(name).suffix != path.suffix]


def _order(query: ImageQuery) -> tuple[str, str, str]:
    """Return the index to walk along, the column it sorts by, and the direction."""
    return f"by_{query.sort_by}", _SORT_COLUMNS[query.sort_by], "DESC" if query.descending else "ASC"


def total(db: sqlite3.Connection, query: ImageQuery) -> int | None:
    """Return how many images match where the counters tell, which is for at most one condition."""
    conditions = clauses(db, query, walking=True)
    if not conditions:
        return sum(counts(db, "format").values())
    if len(conditions) > 1 or conditions[0].counted is None:
        return None
    sql = "SELECT coalesce(sum(n), 0) FROM counters WHERE kind = ? AND key BETWEEN ? AND ?"
    return int(db.execute(sql, conditions[0].counted).fetchone()[0])


def positions(db: sqlite3.Connection, query: ImageQuery, *, sort: bool = True) -> npt.NDArray[np.uint32]:
    """Return the positions of all matching images, in the order of the query unless not sorted."""
    sql, values = _statement(db, query, walking=False, sort=sort)
    return np.fromiter((row[0] for row in db.execute(sql, values)), dtype=np.uint32)


def walked(db: sqlite3.Connection, query: ImageQuery, start: int, size: int) -> tuple[int, list[int]] | None:
    """Return the count of matching images and the positions of a page; None where that would take long."""
    if start + size > _WALKED or (matching := total(db, query)) is None:
        return None
    sql, values = _statement(db, query, walking=True)
    db.set_progress_handler(lambda: 1, _WALK_STEPS)
    try:
        rows = db.execute(f"{sql} LIMIT ? OFFSET ?", (*values, size, start)).fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return None
    finally:
        db.set_progress_handler(None, 0)
    return matching, [row[0] for row in rows]


def beside(db: sqlite3.Connection, query: ImageQuery, place: int) -> tuple[str | None, str | None]:
    """Return the ids before and after an image among all images."""
    index, column, _ = _order(query)
    value = db.execute(f"SELECT {column} FROM images WHERE position = ?", (place,)).fetchone()[0]
    found = []
    for sign, direction in (("<", "DESC"), (">", "ASC")):
        sql = (
            f"SELECT id FROM images INDEXED BY {index} WHERE ({column}, position) {sign} (?, ?)"
            f" ORDER BY {column} {direction}, position {direction} LIMIT 1"
        )
        row = db.execute(sql, (value, place)).fetchone()
        found.append(as_id(row[0]) if row else None)
    before, after = reversed(found) if query.descending else found
    return before, after


def _statement(db: sqlite3.Connection, query: ImageQuery, *, walking: bool, sort: bool = True) -> tuple[str, list[Any]]:
    """Return the SQL that gives the positions of matching images in order, and its values."""
    conditions = clauses(db, query, walking=walking)
    index, column, direction = _order(query)
    along = f"INDEXED BY {index}" if sort and (walking or not conditions) else ""
    where = " AND ".join(item.sql for item in conditions) or "1"
    by = f"ORDER BY {column} {direction}, position {direction}" if sort else ""
    sql = f"SELECT position FROM images {along} WHERE {where} {by}"
    return sql, [value for item in conditions for value in item.values]
