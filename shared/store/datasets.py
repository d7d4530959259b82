"""A dataset on disk: immutable chunks of image records, immutable manifests, one head, and a derived index."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from shared.errors import NotFound
from shared.schemas.dataset import (
    CHUNK_SIZE,
    ChunkRef,
    ClassInfo,
    DatasetHead,
    DatasetRevision,
    ImageRecord,
    ImportReport,
)
from shared.store import documents
from shared.store.files import disk_errors, locked, remove_tree, sync_folder, write_bytes
from shared.store.index import DatasetIndex
from shared.store.paths import checked_image_id, missing, safe_path


def record_line(record: ImageRecord) -> bytes:
    """Return the record as one line of a chunk."""
    return orjson.dumps(record.model_dump(mode="json", exclude_none=True)) + b"\n"


class DatasetStore:
    """`dataset/` of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = DatasetIndex(folder)

    def exists(self) -> bool:
        """Whether anything was imported."""
        return self._head_path.exists()

    def head(self) -> DatasetHead:
        """Return the head or raise `NotFound`."""
        try:
            return documents.read(DatasetHead, self._head_path)
        except FileNotFoundError:
            raise NotFound(
                "dataset_not_found",
                "This project has no dataset yet.",
                hint="Import images from a folder or an archive first.",
            ) from None

    def revision(self, number: int) -> DatasetRevision:
        """Return the manifest of a revision or raise `NotFound`."""
        try:
            return documents.read(DatasetRevision, self.folder / "revisions" / f"{number}.json")
        except FileNotFoundError:
            raise missing("revision", str(number)) from None

    def records(self, number: int | None = None) -> Iterator[ImageRecord]:
        """Yield the image records of a revision (the newest unless `number` is given), in order of import."""
        chunks = self.head().chunks if number is None else self.revision(number).chunks
        for chunk in chunks:
            with self._chunk_path(chunk.hash).open("rb") as file:
                for line in file:
                    yield ImageRecord.model_validate_json(line)

    def index(self) -> DatasetIndex:
        """Return the index, rebuilt first where it is missing, damaged or older than the head."""
        self._index.ensure(self.head())
        return self._index

    def image_path(self, record: ImageRecord) -> Path:
        """Return the image's bytes as imported."""
        name = f"{checked_image_id(record.id)}.{record.format.lower()}"
        return safe_path(self.folder, "images", record.id[:2], name)

    def thumbnail_path(self, image_id: str) -> Path:
        """Return the thumbnail, a JPEG."""
        checked = checked_image_id(image_id)
        return safe_path(self.folder, "thumbs", checked[:2], f"{checked}.jpg")

    def commit(
        self,
        added: Iterable[ImageRecord],
        classes: Sequence[ClassInfo],
        *,
        reason: str,
        report: ImportReport,
        replace: bool,
    ) -> DatasetHead:
        """Store a new revision: `added` behind the present records, or in their place.

        Image files and thumbnails of `added` must already be where they belong.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self._head_path):
            current = self.head() if self.exists() else None
            kept = [] if current is None or replace else current.chunks
            manifest = self._write_revision(current, kept, added, classes, reason)
            self._index.build(manifest.number, manifest.chunks, manifest.classes)
            head = DatasetHead(
                revision=manifest.number,
                project_id=self.folder.parent.name,
                chunks=manifest.chunks,
                classes=manifest.classes,
                image_count=manifest.image_count,
                annotation_count=manifest.annotation_count,
                statistics=self._index.statistics(),
                last_import=report,
            )
            documents.write(head, self._head_path)
        return head

    def delete(self) -> None:
        """Remove the dataset and its history."""
        self.head()
        remove_tree(self.folder)

    def _write_revision(
        self,
        current: DatasetHead | None,
        kept: Sequence[ChunkRef],
        added: Iterable[ImageRecord],
        classes: Sequence[ClassInfo],
        reason: str,
    ) -> DatasetRevision:
        whole, lines = self._open_tail(kept)
        annotations = current.annotation_count if current and kept else 0
        chunks = list(whole)
        for record in added:
            annotations += len(record.annotations)
            lines.append(record_line(record))
            if len(lines) == CHUNK_SIZE:
                chunks.append(self._write_chunk(lines))
                lines = []
        if lines:
            chunks.append(self._write_chunk(lines))
        manifest = DatasetRevision(
            number=current.revision + 1 if current else 1,
            parent=current.revision if current else None,
            reason=reason,
            chunks=chunks,
            classes=list(classes),
            image_count=sum(chunk.count for chunk in chunks),
            annotation_count=annotations,
        )
        documents.write(manifest, self.folder / "revisions" / f"{manifest.number}.json")
        return manifest

    def _open_tail(self, chunks: Sequence[ChunkRef]) -> tuple[Sequence[ChunkRef], list[bytes]]:
        """Split off a last chunk that still has room, as its lines."""
        if not chunks or chunks[-1].count == CHUNK_SIZE:
            return chunks, []
        content = self._chunk_path(chunks[-1].hash).read_bytes()
        return chunks[:-1], content.splitlines(keepends=True)

    def _write_chunk(self, lines: list[bytes]) -> ChunkRef:
        content = b"".join(lines)
        digest = hashlib.sha256(content).hexdigest()[:32]
        path = self._chunk_path(digest)
        if not path.exists():
            write_bytes(path, content)
        return ChunkRef(hash=digest, count=len(lines))

    def _chunk_path(self, digest: str) -> Path:
        return self.folder / "chunks" / f"{digest}.jsonl"

    @property
    def _head_path(self) -> Path:
        return self.folder / "dataset.json"


def write_image_file(path: Path, data: bytes) -> None:
    """Write an image or a thumbnail without waiting for the disk; `settle` makes a batch durable.

    Safe because the record that names the file is only written after `settle`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{path.name}")
    with disk_errors():
        temporary.write_bytes(data)
        temporary.replace(path)


def settle(paths: Iterable[Path]) -> None:
    """Wait until files and their folders are on the disk."""
    folders: dict[Path, Any] = {}
    for path in paths:
        sync_folder(path)
        folders[path.parent] = None
    for folder in folders:
        sync_folder(folder)
