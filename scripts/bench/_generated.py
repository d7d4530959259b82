"""Datasets of made-up records, without images, for benchmarks of what depends on their number."""

import hashlib
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from services.importer.records import ImageStorer, Stored
from shared.schemas.annotations import LabelAnnotation
from shared.schemas.base import new_id
from shared.schemas.dataset import ClassInfo, ImageRecord, ImportReport, Legend
from shared.store.datasets import DatasetStore
from shared.store.workspace import Workspace
from shared.taskkit import registry
from shared.taskkit.formats.rows import Row

CLASSES = 20
_STEP = 25_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
LEGEND = Legend(classes=[ClassInfo(id=at, name=f"class {at}", color="#4477aa") for at in range(CLASSES)])


def task() -> str:
    """Return a task whose images have labels."""
    return next(spec.id for spec in registry.specs() if spec.annotation_kind == "label")


def records(count: int, start: int = 0) -> Iterator[ImageRecord]:
    """Yield records that differ in everything one can filter and sort by; one in ten has no annotation."""
    for number in range(start, start + count):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        chance = int(digest[:12], 16)
        yield ImageRecord.model_construct(
            id=digest[:16],
            filename=f"image-{chance % 10_000_000:07d}.jpg",
            width=320 + 16 * (chance % 101),
            height=240 + 16 * (chance % 67),
            bytes=20_000 + chance % 900_000,
            format="PNG" if chance % 7 == 0 else "JPEG",
            sha256=digest,
            imported_at=_START + timedelta(seconds=number),
            source=f"part-{number // 1000}/image-{chance % 10_000_000:07d}.jpg",
            annotations=[LabelAnnotation(class_id=chance % CLASSES)] if chance % 10 else [],
            brightness=float(chance % 256),
            phash=digest[16:32],
            meta=None,
        )


def append(dataset: DatasetStore, count: int, start: int = 0) -> None:
    """Add records to a dataset as an import would."""
    _commit(dataset, records(count, start))


def images(folder: Path, count: int, seed: int) -> None:
    """Write small JPEGs of which no two are alike."""
    folder.mkdir()
    chance = random.Random(seed)
    for number in range(count):
        picture = Image.frombytes("RGB", (8, 6), chance.randbytes(144)).resize((480, 360))
        picture.save(folder / f"{seed}-{number}.jpg")


def imported(dataset: DatasetStore, folder: Path) -> None:
    """Store the images of a folder and append their records."""
    rows = [Row(Path(path.name)) for path in sorted(folder.iterdir())]
    stored = [item for batch in ImageStorer(dataset, folder, 10**8, 10**9).store(rows) for item in batch]
    _commit(dataset, (item.record for item in stored if isinstance(item, Stored)))


def _commit(dataset: DatasetStore, found: Iterable[ImageRecord]) -> None:
    added = list(found)
    report = ImportReport(
        job_id=new_id("job"),
        format="generated",
        mode="append",
        source="generated",
        added=len(added),
        duplicates=0,
        skipped=0,
        problems=[],
    )
    dataset.commit(added, LEGEND, reason="generated", report=report, replace=False)


def filled(workspace: Workspace, count: int) -> DatasetStore:
    """Return the dataset of a new project with so many records."""
    dataset = workspace.dataset(workspace.projects.create(f"{count} images", task()).id)
    for start in range(0, count, _STEP):
        append(dataset, min(_STEP, count - start), start)
    return dataset
