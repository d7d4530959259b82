"""From rows to image files, thumbnails and records: each file is read once, in parallel, in batches."""

import dataclasses
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.importer.files import printable
from services.importer.memory import Budget
from shared.errors import Invalid
from shared.schemas.base import utc_now
from shared.schemas.dataset import ImageRecord, Problem
from shared.store.batches import link_unsettled, settle, write_unsettled
from shared.store.datasets import DatasetStore
from shared.taskkit.formats.rows import Row
from shared.taskkit.images import Inspection, inspect

_BATCH = 64
_MOST_CONTENT = 256 * 1024**2
"""Bytes of files that are held at a time, unless one alone has more."""
_MOST_PIXELS = 512 * 1024**2
"""Bytes that decoding takes at a time, unless one image alone takes more."""
_MEND = "Replace the file with a whole image and import again."


@dataclass(frozen=True, slots=True)
class Stored:
    """A row whose image is in the workspace; `new_files` are those that were not there before.

    `notes` are warnings about the image itself, such as values that had to be scaled.
    """

    row: Row
    record: ImageRecord
    new_files: tuple[Path, ...]
    notes: tuple[Problem, ...] = ()


class ImageStorer:
    """Reads, checks and copies images into a dataset; files that are `owned`, being our own copies, are linked."""

    def __init__(
        self, dataset: DatasetStore, root: Path, max_pixels: int, max_bytes: int, *, owned: bool = False
    ) -> None:
        self._dataset = dataset
        self._root = root
        self._owned = owned
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._contents, self._pixels = Budget(_MOST_CONTENT), Budget(_MOST_PIXELS)
        self.written: dict[str, tuple[Path, ...]] = {}
        """Files made here, by image id, named before they are written; of twins in one batch only one writes."""

    def store(self, rows: Sequence[Row]) -> Iterator[list[Stored | Problem]]:
        """Yield what came of the rows, batch by batch; a yielded batch is on the disk."""
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool, ThreadPoolExecutor(max_workers=1) as syncer:
            done: list[Stored | Problem] = []
            for start in range(0, len(rows) + _BATCH, _BATCH):
                # The disk gets a batch while the processors have the next; nothing is under way at a `yield`.
                settled = syncer.submit(settle, _new_files(done))
                following = list(pool.map(self._one, rows[start : start + _BATCH]))
                settled.result()
                if done:
                    yield done
                done = following

    def _one(self, row: Row) -> Stored | Problem:
        # Whoever waits for room for pixels holds what it read already, and nobody waits the other way round.
        with self._contents.taking(self._length(row)):
            try:
                data = self._read(row)
                found = inspect(data, self._max_pixels, self._pixels.taking)
            except Invalid as error:
                return _problem(row, error.code, error.message, error.hint or _MEND)
            except OSError as error:
                return _problem(row, "unreadable_file", f"The file cannot be read: {error.strerror or error}.", _MEND)
            return dataclasses.replace(self._keep(row, data, found), notes=_warnings(row, found))

    def _length(self, row: Row) -> int:
        """Return how many bytes a file has; 0 for what `_read` will refuse."""
        with suppress(OSError):
            return os.stat(self._root / row.file).st_size
        return 0

    def _read(self, row: Row) -> bytes:
        path = self._root / row.file
        if (size := path.stat().st_size) > self._max_bytes:
            raise Invalid("file_too_large", f"The file has {size:,} bytes, more than allowed.")
        if size == 0:
            raise Invalid("empty_file", "The file is empty.")
        return path.read_bytes()

    def _keep(self, row: Row, data: bytes, found: Inspection) -> Stored:
        record = record_of(row, data, found)
        image, thumbnail = self._dataset.image_path(record), self._dataset.thumbnail_path(record.id)
        with self._lock:
            mine = record.id not in self.written
            new = tuple(path for path in (image, thumbnail) if not path.exists()) if mine else ()
            self.written.setdefault(record.id, new)
        if image in new and not (self._owned and link_unsettled(self._root / row.file, image)):
            write_unsettled(image, data)
        if thumbnail in new:
            write_unsettled(thumbnail, found.thumbnail)
        return Stored(row, record, new)


def record_of(row: Row, data: bytes, found: Inspection) -> ImageRecord:
    """Return the record of a row's image, not annotated yet."""
    digest = hashlib.sha256(data).hexdigest()
    return ImageRecord(
        id=digest[:16],
        filename=printable(row.file.name),
        width=found.width,
        height=found.height,
        bytes=len(data),
        format=found.format,
        sha256=digest,
        imported_at=utc_now(),
        source=printable(str(row.file)),
        brightness=found.brightness,
        phash=found.phash,
        meta=_meta(row),
    )


def _meta(row: Row) -> dict[str, Any] | None:
    meta = {"subset": row.subset, "columns": row.columns}
    return {name: value for name, value in meta.items() if value} or None


def _new_files(items: Sequence[Stored | Problem]) -> list[Path]:
    return [path for item in items if isinstance(item, Stored) for path in item.new_files]


def _problem(row: Row, code: str, message: str, mend: str) -> Problem:
    return Problem(
        severity="error",
        code=code,
        file=printable(str(row.file)),
        message=f"{message.rstrip('.')}. Left out.",
        mend=mend,
    )


def _warnings(row: Row, found: Inspection) -> tuple[Problem, ...]:
    file = printable(str(row.file))
    return tuple(
        Problem(severity="warning", code=note.code, file=file, message=note.message, mend=note.mend)
        for note in found.notes
    )
