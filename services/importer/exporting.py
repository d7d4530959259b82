"""The dataset as one archive in a format that others read, and that the studio reads back."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from shared.bus.run import Run
from shared.errors import Invalid
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.dataset import ImageRecord
from shared.schemas.split import Split
from shared.store.datasets import DatasetStore
from shared.store.files import replacing
from shared.store.sources import ARCHIVE
from shared.taskkit.formats.writing import Item, Writer, writer

_RENAMED = "file names as they were, since not every system can hold them or two differ only in case or ending"


def work(run: Run) -> dict[str, Any]:
    """Write the archive beside the job; return what it holds and what the format could not hold."""
    asked = run.payload["export"]
    dataset = run.workspace.dataset(run.payload["project_id"])
    split = run.workspace.splits(run.payload["project_id"]).get(asked["split_id"]) if asked["split_id"] else None
    made = writer(asked["format"], dataset.revision(asked["revision"]).legend)
    path = run.workspace.jobs.folder(run.job.id) / ARCHIVE
    with replacing(path) as temporary:
        result = _Archive(run, dataset, made, split).write(temporary)
        run.fence()
    return {**result, "size": path.stat().st_size}


class _Archive:
    """One archive while it is written."""

    def __init__(self, run: Run, dataset: DatasetStore, made: Writer, split: Split | None) -> None:
        self._run = run
        self._dataset = dataset
        self._writer = made
        self._split = split
        self._revision = run.payload["export"]["revision"]
        self._paths: dict[str, PurePosixPath] = {}

    def write(self, target: Path) -> dict[str, Any]:
        total = self._dataset.revision(self._revision).image_count
        annotations = 0
        taken: set[str] = set()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            for done, record in enumerate(self._dataset.records(self._revision)):
                self._run.check()
                self._run.progress("images", done, total, unit="images", message="Writing the images")
                self._paths[record.id] = self._place(record, taken)
                self._write_image(archive, record)
                annotations += len(record.annotations)
            self._run.progress("labels", 0, None, message="Writing the label files")
            for name, parts in self._writer.documents(self._items):
                with archive.open(name, "w", force_zip64=True) as out, io.TextIOWrapper(out, "utf-8") as text:
                    for part in parts:
                        text.write(part)
        lost = {what: count for what, count in self._writer.lost.items() if count}
        return {"images": total, "annotations": annotations, "lost": lost}

    def _write_image(self, archive: zipfile.ZipFile, record: ImageRecord) -> None:
        path = self._dataset.image_path(record)
        if not path.exists():
            raise Invalid("image_file_missing", f"The file of the image {record.filename} is gone from the workspace.")
        # Images are compressed already.
        archive.write(path, str(self._paths[record.id]), zipfile.ZIP_STORED)
        if (label := self._writer.label_file(self._item(record))) is not None:
            archive.writestr(*label)

    def _place(self, record: ImageRecord, taken: set[str]) -> PurePosixPath:
        """Return a path that no other image has, nor one that differs only in case or ending."""
        folder = self._writer.folder(record, self._subset(record))
        name = _plain(record.filename)
        path = folder / name
        if (key := str(path.with_suffix("")).casefold()) in taken:
            path = folder / record.id / name if folder.parts else PurePosixPath(f"{record.id}-{name}")
        taken.add(key)
        self._writer.lost[_RENAMED] += path.name != record.filename
        return path

    def _items(self) -> Iterator[Item]:
        for record in self._dataset.records(self._revision):
            self._run.check()
            yield self._item(record)

    def _item(self, record: ImageRecord) -> Item:
        return Item(record, self._subset(record), self._paths[record.id])

    def _subset(self, record: ImageRecord) -> Subset | None:
        if self._split is not None:
            return self._split.subset_of(record.id)
        named = (record.meta or {}).get("subset")
        return next((subset for subset in SUBSETS if subset == named), None)


def _plain(name: str) -> str:
    """Return a file name that every system can hold, and that an import does not take for a hidden one."""
    plain = "".join("_" if char in '/\\:*?"<>|' or ord(char) < 32 else char for char in name)
    return f"_{plain}" if plain.startswith("._") else plain
