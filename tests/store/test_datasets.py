import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from shared.errors import NotFound
from shared.schemas.annotations import LabelAnnotation
from shared.schemas.dataset import ClassInfo, ImageRecord, ImportReport, Legend
from shared.schemas.split import Ratios, Split, SubsetSummary
from shared.store.batches import write_unsettled
from shared.store.datasets import DatasetStore
from shared.store.index import ImageQuery

CLASSES = [ClassInfo(id=0, name="cat", color="#111111"), ClassInfo(id=1, name="dog", color="#222222")]
LEGEND = Legend(classes=CLASSES)


def record(number: int, class_id: int | None = None, **changes: object) -> ImageRecord:
    labels = [] if class_id is None else [LabelAnnotation(class_id=class_id)]
    values = {
        "id": f"{number:016x}",
        "filename": f"image {number:05d}.png",
        "width": 10 + number,
        "height": 10,
        "bytes": 1000 - number,
        "format": "PNG",
        "sha256": f"{number:064x}",
        "imported_at": datetime(2026, 1, 1, tzinfo=UTC),
        "annotations": labels,
        **changes,
    }
    return ImageRecord.model_validate(values)


def report() -> ImportReport:
    return ImportReport(
        job_id="job-00000001", format="f", mode="append", source="s", added=1, duplicates=0, skipped=0, problems=[]
    )


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    made = DatasetStore(tmp_path / "project-00000001" / "dataset")
    records = [record(number, number % 2) for number in range(6)] + [record(6)]
    made.commit(records, LEGEND, reason="first", report=report(), replace=False)
    return made


def ids(store: DatasetStore, query: ImageQuery, page: int = 1, size: int = 50) -> list[int]:
    return [int(orjson.loads(line)["id"], 16) for line in store.index().page(query, page, size)[1]]


def test_before_the_first_import_there_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        DatasetStore(tmp_path / "dataset").head()
    assert caught.value.code == "dataset_not_found"


def test_appending_shares_full_chunks_and_keeps_old_revisions_readable(store: DatasetStore) -> None:
    many = [record(number, 0) for number in range(7, 1500)]
    head = store.commit(many, LEGEND, reason="more", report=report(), replace=False)
    more = store.commit([record(5000, 0)], LEGEND, reason="one", report=report(), replace=False)
    assert [chunk.count for chunk in more.chunks] == [1000, 501]
    assert more.chunks[0] == head.chunks[0]
    assert [len(list(store.records(number))) for number in (1, 2, 3)] == [7, 1500, 1501]
    assert store.revision(3).parent == 2
    assert more.image_count == 1501
    assert more.annotation_count == 1500


def test_replacing_starts_anew_and_keeps_history(store: DatasetStore) -> None:
    head = store.commit([record(99, 1)], LEGEND, reason="new", report=report(), replace=True)
    assert (head.revision, head.image_count, head.statistics.class_counts) == (2, 1, {1: 1})
    assert len(list(store.records(1))) == 7


def test_statistics(store: DatasetStore) -> None:
    found = store.head().statistics
    assert found.class_counts == {0: 3, 1: 3}
    assert found.unlabelled == 1
    assert found.total_bytes == sum(1000 - number for number in range(7))
    assert found.width is not None
    assert (found.width.min, found.width.median, found.width.max) == (10, 13, 16)


def test_filters_sorts_and_pages(store: DatasetStore) -> None:
    assert ids(store, ImageQuery()) == [0, 1, 2, 3, 4, 5, 6]
    assert ids(store, ImageQuery(), 2, 3) == [3, 4, 5]
    assert ids(store, ImageQuery(class_id=1)) == [1, 3, 5]
    assert ids(store, ImageQuery(labelled=False)) == [6]
    assert ids(store, ImageQuery(search="0000")) == [0, 1, 2, 3, 4, 5, 6]
    assert ids(store, ImageQuery(search="IMAGE 00003")) == [3]
    assert ids(store, ImageQuery(search="%")) == []
    assert ids(store, ImageQuery(sort_by="size")) == [6, 5, 4, 3, 2, 1, 0]
    assert ids(store, ImageQuery(sort_by="class", descending=True)) == [5, 3, 1, 4, 2, 0, 6]
    assert store.index().page(ImageQuery(class_id=1), 9, 50)[0] == 3


def test_subsets_of_a_split(store: DatasetStore) -> None:
    empty = SubsetSummary(count=0, distribution={})
    split = Split(
        id="split-00000001",
        name="s",
        ratios=Ratios(),
        seed=1,
        strategy="random",
        dataset_revision=1,
        counts={},
        subsets={"train": empty},
        warnings=[],
        assignment={"train": [f"{0:016x}", f"{1:016x}"], "test": [f"{2:016x}"]},
    )
    assert ids(store, ImageQuery(split=split, subset="train")) == [0, 1]
    assert ids(store, ImageQuery(split=split, subset="unassigned")) == [3, 4, 5, 6]
    assert ids(store, ImageQuery(split=split, subset="test", class_id=1)) == []


def test_neighbours_follow_the_query(store: DatasetStore) -> None:
    index = store.index()
    assert index.neighbours(ImageQuery(class_id=1), f"{3:016x}") == (f"{1:016x}", f"{5:016x}")
    assert index.neighbours(ImageQuery(class_id=1), f"{1:016x}") == (None, f"{3:016x}")
    assert index.neighbours(ImageQuery(class_id=0), f"{3:016x}") == (None, None)


@pytest.mark.parametrize("damage", ["missing", "garbage", "empty", "old"])
def test_a_lost_index_costs_a_rebuild_and_no_data(store: DatasetStore, damage: str) -> None:
    path = store.folder / "index.sqlite"
    if damage == "missing":
        path.unlink()
    elif damage == "old":
        db = sqlite3.connect(path)
        db.execute("UPDATE meta SET revision = 0")
        db.commit()
        db.close()
    else:
        path.write_bytes(b"garbage" * 1000 if damage == "garbage" else b"")
    assert ids(store, ImageQuery(class_id=0)) == [0, 2, 4]


def test_revision_numbers_of_a_deleted_dataset_are_not_used_again(store: DatasetStore) -> None:
    store.commit([record(99)], LEGEND, reason="more", report=report(), replace=False)
    store.delete()
    assert not store.exists()
    again = store.commit([record(7, 0)], LEGEND, reason="anew", report=report(), replace=False)
    assert again.revision == 3
    assert store.revision(3).parent is None
    with pytest.raises(NotFound):
        store.revision(1)


def test_adding_nothing_keeps_the_revision_and_tells_of_the_import(store: DatasetStore) -> None:
    told = report().model_copy(update={"job_id": "job-00000002"})
    head = store.commit([], LEGEND, reason="again", report=told, replace=False)
    assert (head.revision, head.image_count, head.last_import) == (1, 7, told)
    assert store.head() == head
    with pytest.raises(NotFound):
        store.revision(2)


def test_only_files_that_no_revision_names_are_removed(store: DatasetStore) -> None:
    store.commit([record(50)], LEGEND, reason="new", report=report(), replace=True)
    written = {}
    for number in (0, 50, 77):
        path = store.image_path(record(number))
        write_unsettled(path, b"x")
        written[f"{number:016x}"] = [path]
    store.remove_unused(written, lambda: False)
    assert all(path.exists() for paths in written.values() for path in paths)
    store.remove_unused(written, lambda: True)
    assert [number for number in (0, 50, 77) if store.image_path(record(number)).exists()] == [0, 50]


def test_statistics_are_of_the_revision_although_readers_rebuild_the_index(store: DatasetStore) -> None:
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            store.index()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(100, 115):
            head = store.commit([record(number)], LEGEND, reason="one", report=report(), replace=False)
            assert sum(head.statistics.formats.values()) == head.image_count
    finally:
        over.set()
        reader.join()


def test_many_threads_may_write_the_same_image(tmp_path: Path) -> None:
    path = tmp_path / "00" / "image.png"
    failed: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(100):
                write_unsettled(path, b"x" * 10_000)
        except OSError as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert [item.name for item in path.parent.iterdir()] == ["image.png"]
