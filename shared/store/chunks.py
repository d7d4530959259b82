"""Chunks: immutable files of up to a thousand image records, one a line, named by content."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import orjson

from shared.schemas.dataset import CHUNK_SIZE, ChunkRef, ImageRecord
from shared.store.batches import write_unsettled


def record_line(record: ImageRecord) -> bytes:
    """Return the record as one line of a chunk."""
    return orjson.dumps(record.model_dump(mode="json", exclude_none=True)) + b"\n"


def line_id(line: bytes) -> str:
    """Return the id of the image a line of a chunk is about; `record_line` writes it first."""
    return line[7:23].decode()


def annotations_in(line: bytes | None) -> int:
    """Return how many annotations a line of a chunk holds; none where there is no line."""
    return len(orjson.loads(line)["annotations"]) if line else 0


class Chunks:
    """The `chunks` of a dataset's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "chunks"
        self._unsettled: list[Path] = []

    def unsettled(self) -> list[Path]:
        """Return what was written since this was last asked; it must be settled before anything names it."""
        written, self._unsettled = self._unsettled, []
        return written

    def path(self, digest: str) -> Path:
        """Return where a chunk is."""
        return self._folder / f"{digest}.jsonl"

    def lines(self, digest: str) -> list[bytes]:
        """Return the lines of a chunk."""
        return self.path(digest).read_bytes().splitlines(keepends=True)

    def appended(self, kept: Sequence[ChunkRef], added: Iterable[ImageRecord]) -> list[ChunkRef]:
        """Return chunks with records behind them; a last chunk that has room is filled first."""
        chunks, lines = list(kept), list[bytes]()
        if chunks and chunks[-1].count < CHUNK_SIZE:
            lines = self.lines(chunks.pop().hash)
        for record in added:
            lines.append(record_line(record))
            if len(lines) == CHUNK_SIZE:
                chunks.append(self._write(lines))
                lines = []
        if lines:
            chunks.append(self._write(lines))
        return chunks

    def rewritten(
        self, chunks: Iterable[ChunkRef], digests: set[str], edit: Callable[[bytes], bytes | None]
    ) -> tuple[list[ChunkRef], int]:
        """Return chunks of which some have their lines edited, and how many annotations they have more than before.

        Args:
            chunks: all of them.
            digests: which to edit.
            edit: gives a line in its new form; None takes it out.
        """
        written, more = [], 0
        for chunk in chunks:
            if chunk.hash not in digests:
                written.append(chunk)
                continue
            lines = []
            for old in self.lines(chunk.hash):
                new = edit(old)
                if new != old:
                    more += annotations_in(new) - annotations_in(old)
                if new is not None:
                    lines.append(new)
            if lines:
                written.append(self._write(lines))
        return written, more

    def _write(self, lines: list[bytes]) -> ChunkRef:
        content = b"".join(lines)
        digest = hashlib.sha256(content).hexdigest()[:32]
        path = self.path(digest)
        if not path.exists():
            write_unsettled(path, content)
        self._unsettled.append(path)
        return ChunkRef(hash=digest, count=len(lines))
