"""A dataset on disk: immutable chunks of image records, immutable manifests, one head, and a derived index."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from shared.errors import NotFound, Stale
from shared.schemas.base import utc_now
from shared.schemas.dataset import (
    ChunkRef,
    DatasetHead,
    DatasetRevision,
    ImageRecord,
    ImportReport,
    LastRevision,
    Legend,
)
from shared.store import documents
from shared.store.batches import settle, write_unsettled
from shared.store.chunks import Chunks
from shared.store.files import locked, remove_tree
from shared.store.imports import ImportStore
from shared.store.index import DatasetIndex
from shared.store.paths import checked_image_id, missing, safe_path


@dataclass(frozen=True, slots=True)
class Draft:
    """What a revision is to hold. `annotations` is how many its records have together."""

    chunks: list[ChunkRef]
    legend: Legend
    annotations: int


class DatasetStore:
    """`dataset/` of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chunks = Chunks(folder)
        self._index = DatasetIndex(folder, self.head)

    def exists(self) -> bool:
        """Whether anything was imported."""
        return self._head_path.exists()

    def head(self) -> DatasetHead:
        """Return the head or raise `NotFound`."""
        try:
            return _head_at(self._head_path, _stamp(self._head_path))
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

    def has_revision(self, number: int) -> bool:
        """Whether a revision is there; those of a dataset that was removed are not."""
        return (self.folder / "revisions" / f"{number}.json").exists()

    def records(self, number: int | None = None) -> Iterator[ImageRecord]:
        """Yield the image records of a revision (the newest unless `number` is given), in order of import."""
        chunks = self.head().chunks if number is None else self.revision(number).chunks
        for chunk in chunks:
            with self.chunks.path(chunk.hash).open("rb") as file:
                for line in file:
                    yield ImageRecord.model_validate_json(line)

    def records_of(self, number: int, image_ids: Sequence[str]) -> list[ImageRecord]:
        """Return some image records of a revision, in the order of the ids.

        Raises:
            NotFound: there is no such revision, or no such image in it.
        """
        if self.exists() and number == self.head().revision:
            return [ImageRecord.model_validate_json(self.index().record(image_id)) for image_id in image_ids]
        marks = {f'{{"id":"{checked_image_id(image_id)}"'.encode(): image_id for image_id in image_ids}
        length = max(map(len, marks), default=0)
        found: dict[str, ImageRecord] = {}
        for chunk in self.revision(number).chunks:
            for line in self.chunks.lines(chunk.hash):
                if (image_id := marks.get(line[:length])) is not None:
                    found[image_id] = ImageRecord.model_validate_json(line)
        for image_id in image_ids:
            if image_id not in found:
                raise missing("image", image_id)
        return [found[image_id] for image_id in image_ids]

    def revisions(self) -> list[int]:
        """Return the numbers of the revisions, newest first."""
        return sorted((int(path.stem) for path in self.folder.glob("revisions/[0-9]*.json")), reverse=True)

    def earlier_record(self, image_id: str) -> ImageRecord:
        """Return the record of an image that only older revisions have, as the newest of them has it.

        Raises:
            NotFound: no revision has it.
        """
        mark, seen = f'{{"id":"{checked_image_id(image_id)}"'.encode(), {chunk.hash for chunk in self.head().chunks}
        for number in self.revisions():
            for chunk in self.revision(number).chunks:
                if chunk.hash in seen:
                    continue
                seen.add(chunk.hash)
                for line in self.chunks.lines(chunk.hash):
                    if line.startswith(mark):
                        return ImageRecord.model_validate_json(line)
        raise missing("image", image_id)

    def index(self) -> DatasetIndex:
        """Return the index, rebuilt first where it is missing, damaged or older than the head."""
        self._index.ensure()
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
            annotations = current.annotation_count if current and kept else 0
            annotations += sum(len(record.annotations) for record in records)
            draft = Draft(self.chunks.appended(kept, records), legend, annotations)
            return self._publish(current, draft, reason, report)

    def revise(self, draft: Callable[[DatasetHead], Draft], *, reason: str, expected: int | None = None) -> DatasetHead:
        """Store a new revision that `draft` makes of the present one; what is as it was makes none.

        Args:
            draft: called under the dataset's lock.
            reason: what was done, in words.
            expected: the revision the caller saw; another one raises `Stale`.
        """
        with self._locked():
            current = self.head()
            if expected is not None and expected != current.revision:
                raise Stale(
                    "dataset_changed",
                    f"Somebody else changed the dataset first: it is at revision {current.revision}, not {expected}.",
                    hint="Look at it again and repeat the change.",
                )
            made = draft(current)
            if made.chunks == current.chunks and made.legend == current.legend:
                return current
            return self._publish(current, made, reason, current.last_import)

    def rewritten(self, current: DatasetHead, digests: set[str], edit: Callable[[bytes], bytes | None]) -> Draft:
        """Return the present records with the lines of some chunks edited; None takes a record out."""
        chunks, more = self.chunks.rewritten(current.chunks, digests, edit)
        return Draft(chunks, current.legend, current.annotation_count + more)

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
            with self.chunks.path(digest).open("rb") as file:
                known.update(orjson.loads(line)["id"] for line in file)
        return known

    def _next_number(self, current: DatasetHead | None) -> int:
        try:
            deleted = documents.read(LastRevision, self._last_revision_path).number
        except FileNotFoundError:
            deleted = 0
        return max(current.revision if current else 0, deleted) + 1

    def _publish(
        self, current: DatasetHead | None, draft: Draft, reason: str, report: ImportReport | None
    ) -> DatasetHead:
        """Write the manifest, bring the index to it, and make it the head."""
        manifest = DatasetRevision(
            number=self._next_number(current),
            parent=current.revision if current else None,
            reason=reason,
            chunks=draft.chunks,
            classes=draft.legend.classes,
            targets=draft.legend.targets,
            image_count=sum(chunk.count for chunk in draft.chunks),
            annotation_count=draft.annotations,
        )
        path = self.folder / "revisions" / f"{manifest.number}.json"
        write_unsettled(path, documents.encoded(manifest))
        settle([*self.chunks.unsettled(), path])
        with self._index.moved(manifest.number, manifest.chunks) as statistics:
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
                next_class_id=max(
                    [current.next_class_id if current else 0, *(item.id + 1 for item in manifest.classes)]
                ),
            )
            documents.write(head, self._head_path)
        return head

    def _locked(self) -> AbstractContextManager[None]:
        """Hold the dataset's lock; it lies beside the folder and so outlives a delete."""
        return locked(self.folder)

    @property
    def _last_revision_path(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-revision.json")

    @property
    def _head_path(self) -> Path:
        return self.folder / "dataset.json"


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a document is written anew."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=32)
def _head_at(path: Path, _stamp: tuple[int, ...]) -> DatasetHead:
    """Return the head at a path; with a thousand chunks reading it takes longer than asking the index."""
    return documents.read(DatasetHead, path)
