"""A dataset on disk: immutable chunks of image records, immutable manifests, one head, and a derived index."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import orjson

from shared.errors import NotFound
from shared.schemas.base import utc_now
from shared.schemas.dataset import (
    CHUNK_SIZE,
    ChunkRef,
    DatasetHead,
    DatasetRevision,
    ImageRecord,
    ImportReport,
    LastRevision,
    Legend,
)
from shared.store import documents
from shared.store.files import TEMPORARY, disk_errors, locked, remove_tree, sync_files, write_bytes
from shared.store.imports import ImportStore
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

    @property
    def imports(self) -> ImportStore:
        """The reports of all imports."""
        return ImportStore(self.folder)

    def thumbnail_path(self, image_id: str) -> Path:
        """Return the thumbnail, a JPEG."""
        checked = checked_image_id(image_id)
        return safe_path(self.folder, "thumbs", checked[:2], f"{checked}.jpg")

    def commit(
        self,
        added: Iterable[ImageRecord],
        legend: Legend,
        *,
        reason: str,
        report: ImportReport,
        replace: bool,
    ) -> DatasetHead:
        """Store a new revision: `added` behind the present records, or in their place.

        Image files and thumbnails of `added` must already be where they belong. Where nothing is added and the
        legend is as it was, the revision stays and only the report changes.
        """
        records = list(added)
        with self._locked():
            current = self.head() if self.exists() else None
            if current and not replace and not records and current.legend == legend:
                told = current.model_copy(update={"last_import": report, "updated_at": utc_now()})
                documents.write(told, self._head_path)
                return told
            kept = [] if current is None or replace else current.chunks
            manifest = self._write_revision(current, kept, records, legend, reason)
            statistics = self._index.build(manifest.number, manifest.chunks, manifest.classes)
            head = DatasetHead(
                revision=manifest.number,
                project_id=self.folder.parent.name,
                chunks=manifest.chunks,
                classes=manifest.classes,
                targets=manifest.targets,
                image_count=manifest.image_count,
                annotation_count=manifest.annotation_count,
                statistics=statistics,
                last_import=report,
            )
            documents.write(head, self._head_path)
        return head

    def delete(self) -> None:
        """Remove the dataset and its history; its revision numbers are never used again, splits still name them."""
        self.head()
        with self._locked():
            documents.write(LastRevision(number=self.head().revision), self._last_revision_path)
            remove_tree(self.folder)

    def remove_unused(self, written: Mapping[str, Iterable[Path]], allowed: Callable[[], bool]) -> None:
        """Remove image files that no record of any revision names.

        Args:
            written: files by image id.
            allowed: asked under the dataset's lock; False leaves everything as it is.
        """
        with self._locked():
            if not allowed():
                return
            for image_id in written.keys() - self._known_ids():
                for path in written[image_id]:
                    path.unlink(missing_ok=True)

    def _known_ids(self) -> set[str]:
        """Return the ids of the images of all revisions."""
        manifests = [documents.read(DatasetRevision, path) for path in self.folder.glob("revisions/[0-9]*.json")]
        digests = {chunk.hash for manifest in manifests for chunk in manifest.chunks}
        known: set[str] = set()
        for digest in digests:
            with self._chunk_path(digest).open("rb") as file:
                known.update(orjson.loads(line)["id"] for line in file)
        return known

    def _next_number(self, current: DatasetHead | None) -> int:
        try:
            deleted = documents.read(LastRevision, self._last_revision_path).number
        except FileNotFoundError:
            deleted = 0
        return max(current.revision if current else 0, deleted) + 1

    def _write_revision(
        self,
        current: DatasetHead | None,
        kept: Sequence[ChunkRef],
        added: Iterable[ImageRecord],
        legend: Legend,
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
            number=self._next_number(current),
            parent=current.revision if current else None,
            reason=reason,
            chunks=chunks,
            classes=legend.classes,
            targets=legend.targets,
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

    def _locked(self) -> AbstractContextManager[None]:
        """Hold the dataset's lock; it lies beside the folder and so outlives a delete."""
        return locked(self.folder)

    @property
    def _last_revision_path(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-revision.json")

    @property
    def _head_path(self) -> Path:
        return self.folder / "dataset.json"


def write_image_file(path: Path, data: bytes) -> None:
    """Write an image or a thumbnail without waiting for the disk; `settle` makes a batch durable.

    Safe because the record that names the file is only written after `settle`.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{secrets.token_hex(4)}")
    try:
        with disk_errors():
            if not path.parent.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def settle(paths: Iterable[Path]) -> None:
    """Wait until files and their folders are on the disk."""
    with disk_errors():
        sync_files(paths)
