"""What the dataset's index holds: tables, the rows of a record, counters, and the facts the counters add up to."""

import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared.schemas.dataset import Bins, Histogram, Range, Statistics

FORMAT = 3
PER_CHUNK = 1024
"""Positions kept free for a chunk, so that a change of one moves no image of another."""
ASPECT_UNIT = 0.01
_TARGET_BINS = 24
_MOST_BINS = 24
SCHEMA = """
CREATE TABLE meta (format INTEGER, token TEXT, revision INTEGER);
CREATE TABLE chunks (ordinal INTEGER PRIMARY KEY, hash TEXT, offsets BLOB);
CREATE INDEX chunk_hashes ON chunks (ordinal, hash);
CREATE TABLE images (
    position INTEGER PRIMARY KEY, id INTEGER, filename TEXT, source TEXT, format TEXT, subset TEXT, imported_at TEXT,
    bytes INTEGER, width INTEGER, height INTEGER, aspect INTEGER, brightness INTEGER, annotations INTEGER,
    class_id INTEGER);
CREATE TABLE image_classes (class_id INTEGER, position INTEGER, PRIMARY KEY (class_id, position)) WITHOUT ROWID;
CREATE TABLE image_values (target INTEGER, position INTEGER, value REAL, PRIMARY KEY (target, position)) WITHOUT ROWID;
CREATE TABLE split_subsets (
    split_id TEXT, position INTEGER, subset TEXT, PRIMARY KEY (split_id, position)) WITHOUT ROWID;
CREATE TABLE counters (kind TEXT, key, n INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID;
"""
INDEXES = """
CREATE INDEX by_id ON images (id);
CREATE INDEX by_filename ON images (filename);
CREATE INDEX by_class ON images (class_id);
CREATE INDEX by_size ON images (bytes);
CREATE INDEX by_imported_at ON images (imported_at);
CREATE INDEX by_annotations ON images (annotations);
"""
Tally = Counter[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the index takes it: the row of `images`, annotations by class, and its numbers."""

    image: tuple[Any, ...]
    classes: dict[int, int]
    values: list[float]


def counted(db: sqlite3.Connection) -> int:
    """Return how many images the counters know of; other than there are only where the file was damaged."""
    return int(db.execute("SELECT coalesce(sum(n), 0) FROM counters WHERE kind = 'format'").fetchone()[0])


def as_number(image_id: str) -> int:
    """Return an image id as SQLite's signed 64-bit integer.

    Raises:
        ValueError: it is not 16 hex digits in small letters.
    """
    if len(image_id) != 16 or image_id != image_id.lower():
        raise ValueError("an image id has 16 digits")
    return int.from_bytes(bytes.fromhex(image_id), "big", signed=True)


def as_id(number: int) -> str:
    """Return the image id that `as_number` made a number of."""
    return number.to_bytes(8, "big", signed=True).hex()


def row_of(position: int, line: bytes) -> Row:
    """Return the rows of a record. Aspect is in hundredths, brightness a whole number; class -1 is none."""
    record = orjson.loads(line)
    annotations, brightness = record["annotations"], record.get("brightness")
    classes = Counter(item["class_id"] for item in annotations if "class_id" in item)
    image = (
        position,
        as_number(record["id"]),
        record["filename"],
        record.get("source"),
        record["format"],
        (record.get("meta") or {}).get("subset"),
        record["imported_at"],
        record["bytes"],
        record["width"],
        record["height"],
        round(record["width"] / record["height"] / ASPECT_UNIT),
        None if brightness is None else round(brightness),
        len(annotations),
        min(classes, default=-1),
    )
    return Row(image, dict(classes), [value for item in annotations for value in item.get("values", ())])


def insert(db: sqlite3.Connection, rows: Sequence[Row], tally: Tally) -> None:
    """Add rows and count them."""
    db.executemany(f"INSERT INTO images VALUES ({','.join('?' * 14)})", [row.image for row in rows])
    _insert_annotations(db, rows)
    _count(rows, tally, 1)


def remove(db: sqlite3.Connection, rows: Sequence[Row], tally: Tally) -> None:
    """Take rows out and count them down."""
    db.executemany("DELETE FROM images WHERE position = ?", [(row.image[0],) for row in rows])
    _remove_annotations(db, rows)
    _count(rows, tally, -1)


def annotate(db: sqlite3.Connection, old: Sequence[Row], new: Sequence[Row], tally: Tally) -> None:
    """Put rows in the place of others that tell of the same images, annotated otherwise: two indexes are touched."""
    changes = [(row.image[12], row.image[13], row.image[0]) for row in new]
    db.executemany("UPDATE images SET annotations = ?, class_id = ? WHERE position = ?", changes)
    _remove_annotations(db, old)
    _insert_annotations(db, new)
    _count(old, tally, -1)
    _count(new, tally, 1)


def _insert_annotations(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    classes = [(class_id, row.image[0]) for row in rows for class_id in row.classes]
    db.executemany("INSERT INTO image_classes VALUES (?, ?)", classes)
    values = [(target, row.image[0], value) for row in rows for target, value in enumerate(row.values)]
    db.executemany("INSERT OR REPLACE INTO image_values VALUES (?, ?, ?)", values)


def _remove_annotations(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    classes = [(class_id, row.image[0]) for row in rows for class_id in row.classes]
    db.executemany("DELETE FROM image_classes WHERE class_id = ? AND position = ?", classes)
    values = [(target, row.image[0]) for row in rows for target in range(len(row.values))]
    db.executemany("DELETE FROM image_values WHERE target = ? AND position = ?", values)


def _count(rows: Sequence[Row], tally: Tally, sign: int) -> None:
    for row in rows:
        _, _, _, _, image_format, subset, _, size, width, height, aspect, brightness, annotations, _ = row.image
        for counted in (
            ("format", image_format),
            ("subset", subset or ""),
            ("width", width),
            ("height", height),
            ("aspect", aspect),
            ("brightness", -1 if brightness is None else brightness),
            ("annotations", annotations),
        ):
            tally[counted] += sign
        tally["bytes", 0] += sign * size
        for class_id, count in row.classes.items():
            tally["class", class_id] += sign
            tally["objects", class_id] += sign * count


def save(db: sqlite3.Connection, tally: Tally) -> None:
    """Add what was counted to the counters."""
    db.executemany(
        "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET n = n + excluded.n",
        [(*counted, count) for counted, count in tally.items() if count],
    )
    db.execute("DELETE FROM counters WHERE n = 0")


def offsets_of(lines: Iterable[bytes]) -> bytes:
    """Return where each line of a chunk begins, and where the last one ends."""
    found = array("I", [0])
    for line in lines:
        found.append(found[-1] + len(line))
    return found.tobytes()


def counts(db: sqlite3.Connection, kind: str) -> dict[Any, int]:
    """Return one kind of counters, by key in order."""
    return dict(db.execute("SELECT key, n FROM counters WHERE kind = ? ORDER BY key", (kind,)).fetchall())


def statistics(db: sqlite3.Connection) -> Statistics:
    """Return the facts over all images of the index."""
    width, height, aspect = counts(db, "width"), counts(db, "height"), counts(db, "aspect")
    annotations = counts(db, "annotations")
    brightness = {value: count for value, count in counts(db, "brightness").items() if value >= 0}
    formats = sorted(counts(db, "format").items(), key=lambda item: -item[1])
    return Statistics(
        width=_range(width, 1),
        height=_range(height, 1),
        aspect=_range(aspect, ASPECT_UNIT),
        total_bytes=counts(db, "bytes").get(0, 0),
        formats=dict(formats),
        subsets={name: count for name, count in counts(db, "subset").items() if name},
        class_counts=counts(db, "class"),
        annotation_counts=counts(db, "objects"),
        targets=_histograms(db),
        unlabelled=annotations.get(0, 0),
        widths=_bins(width, 1),
        heights=_bins(height, 1),
        aspects=_bins(aspect, ASPECT_UNIT),
        brightness=_bins(brightness, 1),
        annotations_per_image=_bins(annotations, 1),
    )


def _range(found: dict[int, int], unit: float) -> Range | None:
    """Return smallest, middle and largest of counted values, which are in order."""
    if not found:
        return None
    half, middle = sum(found.values()) // 2, 0
    for value, count in found.items():
        half -= count
        if half < 0:
            middle = value
            break
    low, high = min(found), max(found)
    return Range(min=round(low * unit, 2), median=round(middle * unit, 2), max=round(high * unit, 2))


def _bins(found: dict[int, int], unit: float) -> Bins | None:
    """Return counted values in equal steps of whole units, 1, 2 or 5 times a power of ten of them."""
    if not found:
        return None
    low, high, step = min(found), max(found), 1
    while high // step - low // step >= _MOST_BINS:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    first = low // step
    bins = [0] * (high // step - first + 1)
    for value, count in found.items():
        bins[value // step - first] += count
    return Bins(start=round(first * step * unit, 2), step=round(step * unit, 2), unit=unit, counts=bins)


def _histograms(db: sqlite3.Connection) -> list[Histogram]:
    """Return the distribution of each target."""
    facts = "SELECT target, min(value), max(value), avg(value) FROM image_values GROUP BY target"
    return [_histogram(db, *row) for row in db.execute(facts).fetchall()]


def _histogram(db: sqlite3.Connection, target: int, low: float, high: float, mean: float) -> Histogram:
    step = (high - low) / _TARGET_BINS or 1.0
    rows = db.execute(
        "SELECT min(cast((value - ?) / ? AS INTEGER), ?) AS bin, count(*) FROM image_values"
        " WHERE target = ? GROUP BY bin",
        (low, step, _TARGET_BINS - 1, target),
    )
    found = dict(rows.fetchall())
    bins = [found.get(number, 0) for number in range(_TARGET_BINS)]
    spread = "SELECT avg((value - ?) * (value - ?)) FROM image_values WHERE target = ?"
    variance: float = db.execute(spread, (mean, mean, target)).fetchone()[0]
    return Histogram(min=low, max=high, mean=mean, std=variance**0.5, counts=bins)
