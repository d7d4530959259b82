"""The dataset's SQLite index: derived, may be deleted at any moment, rebuilt from the chunks."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from shared.errors import NotFound
from shared.schemas.base import Subset
from shared.schemas.dataset import ChunkRef, ClassInfo, DatasetHead, Histogram, Range, Statistics
from shared.schemas.split import Split
from shared.store.files import locked, replacing
from shared.store.paths import missing

_FORMAT = 2
_BINS = 24
_SCHEMA = """
CREATE TABLE meta (format INTEGER, revision INTEGER);
CREATE TABLE images (
    position INTEGER PRIMARY KEY, id TEXT UNIQUE, filename TEXT, width INTEGER, height INTEGER, bytes INTEGER,
    format TEXT, imported_at TEXT, annotations INTEGER, class_name TEXT, subset TEXT,
    chunk TEXT, offset INTEGER, length INTEGER);
CREATE TABLE image_classes (
    class_id INTEGER, position INTEGER, annotations INTEGER, PRIMARY KEY (class_id, position)) WITHOUT ROWID;
CREATE TABLE image_values (target INTEGER, position INTEGER, value REAL, PRIMARY KEY (target, position)) WITHOUT ROWID;
CREATE TABLE split_subsets (split_id TEXT, image_id TEXT, subset TEXT, PRIMARY KEY (split_id, image_id)) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX by_filename ON images (filename, position);
CREATE INDEX by_class ON images (class_name, position);
CREATE INDEX by_size ON images (bytes, position);
"""
SortKey = Literal["filename", "class", "size", "imported_at", "annotations"]
_SORT_COLUMNS: dict[SortKey, str] = {
    "filename": "filename",
    "class": "class_name",
    "size": "bytes",
    "imported_at": "imported_at",
    "annotations": "annotations",
}


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which images, in which order. None means no restriction."""

    class_id: int | None = None
    labelled: bool | None = None
    split: Split | None = None
    subset: Subset | Literal["unassigned"] | None = None
    search: str | None = None
    sort_by: SortKey = "filename"
    descending: bool = False


class DatasetIndex:
    """Queries over the records of the newest revision."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "index.sqlite"

    def ensure(self, head: DatasetHead) -> None:
        """Rebuild unless the index is there, sound, and of the head's revision."""
        if self._is_of(head.revision):
            return
        with locked(self._path):
            if not self._is_of(head.revision):
                self.build(head.revision, head.chunks, head.classes)

    def build(self, revision: int, chunks: Sequence[ChunkRef], classes: Sequence[ClassInfo]) -> Statistics:
        """Write the index anew from chunks, switch to it, and return the facts over exactly these images."""
        names = {item.id: item.name for item in classes}
        with replacing(self._path) as temporary, closing(sqlite3.connect(temporary)) as db:
            db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
            for position, (chunk, offset, line) in enumerate(self._lines(chunks)):
                _insert(db, position, chunk, offset, line, names)
            db.execute("INSERT INTO meta VALUES (?, ?)", (_FORMAT, revision))
            db.executescript(_INDEXES)
            db.commit()
            return _statistics(db)

    def page(self, query: ImageQuery, page: int, page_size: int) -> tuple[int, list[bytes]]:
        """Return how many images match and the stored JSON of those on the page (from 1)."""
        where, values = self._where(query)
        order = _order(query)
        with closing(self._open()) as db:
            total = db.execute(f"SELECT count(*) FROM images {where}", values).fetchone()[0]
            rows = db.execute(
                f"SELECT chunk, offset, length FROM images {where} ORDER BY {order} LIMIT ? OFFSET ?",
                (*values, page_size, (page - 1) * page_size),
            ).fetchall()
        return total, [self._read(*row) for row in rows]

    def record(self, image_id: str) -> bytes:
        """Return the stored JSON of one image or raise `NotFound`."""
        with closing(self._open()) as db:
            row = db.execute("SELECT chunk, offset, length FROM images WHERE id = ?", (image_id,)).fetchone()
        if row is None:
            raise missing("image", image_id)
        return self._read(*row)

    def ids(self) -> set[str]:
        """Return the ids of all images."""
        with closing(self._open()) as db:
            return {row[0] for row in db.execute("SELECT id FROM images")}

    def neighbours(self, query: ImageQuery, image_id: str) -> tuple[str | None, str | None]:
        """Return the ids before and after an image in a query; both None when it is not in it."""
        where, values = self._where(query)
        order = _order(query)
        with closing(self._open()) as db:
            row = db.execute(
                f"SELECT before, after FROM (SELECT id, lag(id) OVER w AS before, lead(id) OVER w AS after"
                f" FROM images {where} WINDOW w AS (ORDER BY {order})) WHERE id = ?",
                (*values, image_id),
            ).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def _is_of(self, revision: int) -> bool:
        try:
            with closing(self._open()) as db:
                return bool(db.execute("SELECT format, revision FROM meta").fetchone() == (_FORMAT, revision))
        except (sqlite3.DatabaseError, NotFound):
            return False

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            raise NotFound("index_not_found", "The dataset's index is gone.")
        return sqlite3.connect(self._path, timeout=10)

    def _where(self, query: ImageQuery) -> tuple[str, list[Any]]:
        clauses: list[str] = []
        values: list[Any] = []

        def add(clause: str, *given: Any) -> None:
            clauses.append(clause)
            values.extend(given)

        if query.class_id is not None:
            add("position IN (SELECT position FROM image_classes WHERE class_id = ?)", query.class_id)
        if query.labelled is not None:
            add("annotations > 0" if query.labelled else "annotations = 0")
        if query.search:
            pattern = query.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            add("filename LIKE ? ESCAPE '\\'", f"%{pattern}%")
        if query.subset is not None and query.split is None:
            add("subset IS NULL") if query.subset == "unassigned" else add("subset = ?", query.subset)
        elif query.subset is not None and query.split is not None:
            self._load_split(query.split)
            known = "SELECT image_id FROM split_subsets WHERE split_id = ?"
            if query.subset == "unassigned":
                add(f"id NOT IN ({known})", query.split.id)
            else:
                add(f"id IN ({known} AND subset = ?)", query.split.id, query.subset)
        return ("WHERE " + " AND ".join(clauses) if clauses else ""), values

    def _load_split(self, split: Split) -> None:
        """Copy a split's assignment into the index, once; it never changes."""
        with closing(self._open()) as db:
            if db.execute("SELECT 1 FROM split_subsets WHERE split_id = ? LIMIT 1", (split.id,)).fetchone():
                return
            rows = [(split.id, image, subset) for subset, images in split.assignment.items() for image in images]
            db.executemany("INSERT OR IGNORE INTO split_subsets VALUES (?, ?, ?)", rows)
            db.commit()

    def _lines(self, chunks: Sequence[ChunkRef]) -> Iterator[tuple[str, int, bytes]]:
        for chunk in chunks:
            offset = 0
            with (self._folder / "chunks" / f"{chunk.hash}.jsonl").open("rb") as file:
                for line in file:
                    yield chunk.hash, offset, line
                    offset += len(line)

    def _read(self, chunk: str, offset: int, length: int) -> bytes:
        with (self._folder / "chunks" / f"{chunk}.jsonl").open("rb") as file:
            file.seek(offset)
            return file.read(length).rstrip(b"\n")


def _insert(db: sqlite3.Connection, position: int, chunk: str, offset: int, line: bytes, names: dict[int, str]) -> None:
    record = orjson.loads(line)
    counts = Counter(item["class_id"] for item in record["annotations"] if "class_id" in item)
    shown = sorted(counts)
    values = [value for item in record["annotations"] for value in item.get("values", ())]
    db.execute(
        "INSERT OR IGNORE INTO images VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            position,
            record["id"],
            record["filename"],
            record["width"],
            record["height"],
            record["bytes"],
            record["format"],
            record["imported_at"],
            len(record["annotations"]),
            names.get(shown[0], "") if shown else "",
            (record.get("meta") or {}).get("subset"),
            chunk,
            offset,
            len(line),
        ),
    )
    rows = [(item, position, count) for item, count in counts.items()]
    db.executemany("INSERT OR IGNORE INTO image_classes VALUES (?, ?, ?)", rows)
    numbers = [(target, position, value) for target, value in enumerate(values)]
    db.executemany("INSERT OR IGNORE INTO image_values VALUES (?, ?, ?)", numbers)


def _order(query: ImageQuery) -> str:
    direction = "DESC" if query.descending else "ASC"
    return f"{_SORT_COLUMNS[query.sort_by]} {direction}, position {direction}"


def _statistics(db: sqlite3.Connection) -> Statistics:
    classes = "SELECT class_id, count(*) FROM image_classes GROUP BY class_id"
    annotations = "SELECT class_id, sum(annotations) FROM image_classes GROUP BY class_id"
    formats = "SELECT format, count(*) FROM images GROUP BY format ORDER BY 2 DESC"
    subsets = "SELECT subset, count(*) FROM images WHERE subset IS NOT NULL GROUP BY subset"
    return Statistics(
        width=_range(db, "width"),
        height=_range(db, "height"),
        aspect=_range(db, "1.0 * width / height"),
        total_bytes=db.execute("SELECT coalesce(sum(bytes), 0) FROM images").fetchone()[0],
        formats=dict(db.execute(formats).fetchall()),
        subsets=dict(db.execute(subsets).fetchall()),
        class_counts=dict(db.execute(classes).fetchall()),
        annotation_counts=dict(db.execute(annotations).fetchall()),
        targets=_histograms(db),
        unlabelled=db.execute("SELECT count(*) FROM images WHERE annotations = 0").fetchone()[0],
    )


def _histograms(db: sqlite3.Connection) -> list[Histogram]:
    """Return the distribution of each target."""
    facts = "SELECT target, min(value), max(value), avg(value) FROM image_values GROUP BY target"
    return [_histogram(db, *row) for row in db.execute(facts).fetchall()]


def _histogram(db: sqlite3.Connection, target: int, low: float, high: float, mean: float) -> Histogram:
    step = (high - low) / _BINS or 1.0
    rows = db.execute(
        "SELECT min(cast((value - ?) / ? AS INTEGER), ?) AS bin, count(*) FROM image_values"
        " WHERE target = ? GROUP BY bin",
        (low, step, _BINS - 1, target),
    )
    found = dict(rows.fetchall())
    counts = [found.get(number, 0) for number in range(_BINS)]
    spread = "SELECT avg((value - ?) * (value - ?)) FROM image_values WHERE target = ?"
    variance: float = db.execute(spread, (mean, mean, target)).fetchone()[0]
    return Histogram(min=low, max=high, mean=mean, std=variance**0.5, counts=counts)


def _range(db: sqlite3.Connection, value: str) -> Range | None:
    count = db.execute("SELECT count(*) FROM images").fetchone()[0]
    if count == 0:
        return None
    low, high = db.execute(f"SELECT min({value}), max({value}) FROM images").fetchone()
    middle = db.execute(f"SELECT {value} FROM images ORDER BY {value} LIMIT 1 OFFSET ?", (count // 2,)).fetchone()[0]
    return Range(min=low, median=middle, max=high)
