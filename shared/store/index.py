"""The dataset's SQLite index: derived, may be deleted or damaged at any moment, rebuilt from the chunks."""

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from shared.errors import NotFound
from shared.schemas.dataset import ChunkRef, DatasetHead, Statistics
from shared.schemas.split import Split
from shared.store import index_query, index_rows, index_splits
from shared.store.chunks import Chunks
from shared.store.files import locked, replacing
from shared.store.index_changes import apply, few, pairs
from shared.store.index_orders import Order, orders
from shared.store.index_query import ImageQuery, SortKey
from shared.store.index_rows import FORMAT, PER_CHUNK, Tally, as_id, as_number, insert, row_of
from shared.store.paths import missing

__all__ = ["DatasetIndex", "ImageQuery", "SortKey"]
_T = TypeVar("_T")
_FEW = 20_000
"""So many images the database sorts quickly."""


class _Damaged(Exception):
    """The index says what cannot be."""


class DatasetIndex:
    """Queries over the records of the newest revision. `head` reads the dataset's head."""

    def __init__(self, folder: Path, head: Callable[[], DatasetHead]) -> None:
        self._chunks = Chunks(folder)
        self._path = folder / "index.sqlite"
        self._head = head

    def ensure(self) -> None:
        """Rebuild unless the index is there, sound, and of the head's revision."""
        if not self._is_of(self._head()):
            self._rebuild()

    @contextmanager
    def moved(self, revision: int, chunks: Sequence[ChunkRef]) -> Iterator[Statistics]:
        """Bring the index to other chunks, and give the facts over exactly these images.

        What the caller does inside happens before the index counts, so that readers never see an index that is newer
        than the head.
        """
        with locked(self._path):
            if (db := self._changed(revision, chunks)) is not None:
                with closing(db):
                    yield index_rows.statistics(db)
                    db.commit()
                return
            with self._built(revision, chunks) as statistics:
                yield statistics

    def page(self, query: ImageQuery, page: int, page_size: int) -> tuple[int, list[bytes]]:
        """Return how many images match and the stored JSON of those on the page (from 1)."""
        start = (page - 1) * page_size

        def work(db: sqlite3.Connection) -> tuple[int, list[bytes]]:
            walked = None if orders.known(self._key(db, query)) else index_query.walked(db, query, start, page_size)
            if walked is None:
                found = self._order(db, query)
                walked = len(found), found[start : start + page_size].tolist()
            return walked[0], self._read(db, walked[1])

        return self._ask(work, query.split)

    def record(self, image_id: str) -> bytes:
        """Return the stored JSON of one image or raise `NotFound`."""
        return self._ask(lambda db: self._read(db, [_place(db, image_id)])[0])

    def ids(self) -> set[str]:
        """Return the ids of all images."""
        return self._ask(lambda db: {as_id(row[0]) for row in db.execute("SELECT id FROM images")})

    def matching(self, query: ImageQuery) -> list[str]:
        """Return the ids of all images of a query, in order."""

        def work(db: sqlite3.Connection) -> list[str]:
            return [_id(db, place) for place in self._order(db, query).tolist()]

        return self._ask(work, query.split)

    def places(self, image_ids: Sequence[str]) -> dict[str, str]:
        """Return the chunk each image stands in, by id.

        Raises:
            NotFound: there is no such image.
        """

        def work(db: sqlite3.Connection) -> dict[str, str]:
            sql = "SELECT ordinal, hash FROM chunks INDEXED BY chunk_hashes"
            chunks = dict(db.execute(sql).fetchall())
            return {image_id: chunks[_place(db, image_id) // PER_CHUNK] for image_id in image_ids}

        return self._ask(work)

    def chunks_of_class(self, class_id: int) -> set[str]:
        """Return the chunks that hold an image of a class."""
        members = f"SELECT DISTINCT position / {PER_CHUNK} FROM image_classes WHERE class_id = ?"
        sql = f"SELECT hash FROM chunks WHERE ordinal IN ({members})"
        return self._ask(lambda db: {row[0] for row in db.execute(sql, (class_id,))})

    def neighbours(self, query: ImageQuery, image_id: str) -> tuple[str | None, str | None]:
        """Return the ids before and after an image in a query; both None when it is not in it."""

        def work(db: sqlite3.Connection) -> tuple[str | None, str | None]:
            try:
                place = _place(db, image_id)
            except NotFound:
                return None, None
            if query.unrestricted:
                return index_query.beside(db, query, place)
            found = self._order(db, query)
            if (at := _rank(found, place)) is None:
                return None, None
            before = _id(db, int(found[at - 1])) if at > 0 else None
            return before, _id(db, int(found[at + 1])) if at + 1 < len(found) else None

        return self._ask(work, query.split)

    def rank(self, query: ImageQuery, image_id: str) -> int | None:
        """Return how many images stand before one in a query; None when it is not in it."""

        def work(db: sqlite3.Connection) -> int | None:
            with suppress(NotFound):
                return _rank(self._order(db, query), _place(db, image_id))
            return None

        return self._ask(work, query.split)

    def _is_of(self, head: DatasetHead) -> bool:
        try:
            with closing(self._open()) as db:
                known = db.execute("SELECT format, revision FROM meta").fetchone()
                return bool(known == (FORMAT, head.revision)) and index_rows.counted(db) == head.image_count
        except (sqlite3.DatabaseError, NotFound):
            return False

    def _ask(self, work: Callable[[sqlite3.Connection], _T], split: Split | None = None) -> _T:
        """Return what `work` finds; a damaged index is rebuilt first."""
        try:
            return self._asked(work, split)
        except (sqlite3.DatabaseError, _Damaged):
            self._rebuild(damaged=True)
            return self._asked(work, split)

    def _asked(self, work: Callable[[sqlite3.Connection], _T], split: Split | None) -> _T:
        with closing(self._open()) as db:
            if split is not None:
                index_splits.load(db, split)
            return work(db)

    def _open(self) -> sqlite3.Connection:
        if self._path.is_dir():
            raise sqlite3.DatabaseError("a folder stands in place of the index")
        if not self._path.exists():
            raise NotFound("index_not_found", "The dataset's index is gone.")
        return sqlite3.connect(self._path, timeout=10)

    def _rebuild(self, *, damaged: bool = False) -> None:
        with locked(self._path):
            head = self._head()
            if damaged or not self._is_of(head):
                with self._built(head.revision, head.chunks):
                    pass

    @contextmanager
    def _built(self, revision: int, chunks: Sequence[ChunkRef]) -> Iterator[Statistics]:
        """Write the index anew from chunks and switch to it at the end."""
        if self._path.is_dir() and not self._path.is_symlink():
            shutil.rmtree(self._path)
        with replacing(self._path) as temporary, closing(sqlite3.connect(temporary)) as db:
            db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + index_rows.SCHEMA)
            tally: Tally = Tally()
            for ordinal, chunk in enumerate(chunks):
                lines = self._chunks.lines(chunk.hash)
                row = (ordinal, chunk.hash, index_rows.offsets_of(lines))
                db.execute("INSERT INTO chunks VALUES (?, ?, ?)", row)
                insert(db, [row_of(ordinal * PER_CHUNK + at, line) for at, line in enumerate(lines)], tally)
            index_rows.save(db, tally)
            db.execute("INSERT INTO meta VALUES (?, ?, ?)", (FORMAT, secrets.token_hex(8), revision))
            db.executescript(index_rows.INDEXES)
            db.commit()
            yield index_rows.statistics(db)

    def _changed(self, revision: int, chunks: Sequence[ChunkRef]) -> sqlite3.Connection | None:
        """Return the index brought to other chunks, not yet committed; None where it must be built anew."""
        with suppress(sqlite3.DatabaseError, NotFound, FileNotFoundError):
            db = self._open()
            try:
                db.executescript("PRAGMA cache_spill=OFF; PRAGMA synchronous=NORMAL; PRAGMA journal_mode=TRUNCATE")
                known = db.execute(
                    "SELECT ordinal, hash FROM chunks INDEXED BY chunk_hashes ORDER BY ordinal"
                ).fetchall()
                changes = pairs(known, [chunk.hash for chunk in chunks])
                current = db.execute("SELECT format FROM meta").fetchone() == (FORMAT,)
                if current and changes is not None and few(self._chunks, changes, len(known)):
                    apply(db, self._chunks, changes)
                    db.execute("UPDATE meta SET revision = ?", (revision,))
                    if index_rows.counted(db) == sum(chunk.count for chunk in chunks):
                        return db
            except BaseException:
                db.close()
                raise
            db.close()
        return None

    def _order(self, db: sqlite3.Connection, query: ImageQuery) -> Order:
        """Return the positions of all matching images in order, as remembered or found now.

        Many are picked out of the order of all images, which an index has; the database would sort them each time.
        """

        def find() -> Order:
            if query.unrestricted:
                return index_query.positions(db, query)
            matching = index_query.total(db, query)
            found = None if matching is not None and matching <= _FEW else index_query.positions(db, query, sort=False)
            if found is None or len(found) <= _FEW:
                return index_query.positions(db, query)
            whole = self._order(db, ImageQuery(sort_by=query.sort_by, descending=query.descending))
            among = np.zeros(int(whole.max()) + 1, dtype=np.bool_)
            among[found] = True
            return whole[among[whole]]

        return orders.get(self._key(db, query), find)

    def _key(self, db: sqlite3.Connection, query: ImageQuery) -> tuple[object, ...]:
        return (self._path, *db.execute("SELECT token, revision FROM meta").fetchone(), query.key)

    def _read(self, db: sqlite3.Connection, places: Sequence[int]) -> list[bytes]:
        """Return the stored JSON of images by position; each chunk is opened once."""
        found: dict[int, bytes] = {}
        for ordinal, members in _by_chunk(places).items():
            row = db.execute("SELECT hash, offsets FROM chunks WHERE ordinal = ?", (ordinal,)).fetchone()
            if row is None or not (path := self._chunks.path(row[0])).exists():
                raise _Damaged
            found |= _lines(path, members, np.frombuffer(row[1], dtype=np.uint32))
        if not all(line.startswith(b"{") and line.endswith(b"}") for line in found.values()):
            raise _Damaged
        return [found[place] for place in places]


def _place(db: sqlite3.Connection, image_id: str) -> int:
    with suppress(ValueError):
        if row := db.execute("SELECT position FROM images WHERE id = ?", (as_number(image_id),)).fetchone():
            return int(row[0])
    raise missing("image", image_id)


def _rank(order: Order, place: int) -> int | None:
    at = np.flatnonzero(order == place)
    return int(at[0]) if len(at) else None


def _id(db: sqlite3.Connection, place: int) -> str:
    return as_id(db.execute("SELECT id FROM images WHERE position = ?", (place,)).fetchone()[0])


def _lines(path: Path, places: Sequence[int], offsets: npt.NDArray[np.uint32]) -> dict[int, bytes]:
    """Return lines of a chunk by position."""
    found: dict[int, bytes] = {}
    with path.open("rb") as file:
        for place in places:
            at = place % PER_CHUNK
            start, end = offsets[at : at + 2].tolist()
            file.seek(start)
            found[place] = file.read(end - start).rstrip(b"\n")
    return found


def _by_chunk(places: Sequence[int]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    for place in places:
        found.setdefault(place // PER_CHUNK, []).append(place)
    return found
