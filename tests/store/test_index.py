"""The index: what may be asked of it, and that it follows every change as if it were built anew."""

import random
import sqlite3
from pathlib import Path

import orjson
import pytest

from shared.errors import Stale
from shared.schemas.annotations import LabelAnnotation
from shared.schemas.dataset import ImageRecord
from shared.schemas.split import Ratios, Split
from shared.store import index, index_changes
from shared.store.chunks import line_id, record_line
from shared.store.datasets import DatasetStore, Draft
from shared.store.index_query import ImageQuery, Span
from tests.store.test_datasets import LEGEND, ids, record, report


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    """Images 0 to 2999: three in ten cats, three dogs, the rest not annotated."""
    made = DatasetStore(tmp_path / "project-00000001" / "dataset")
    records = [
        record(
            number,
            number % 10 // 3 if number % 10 < 6 else None,
            height=10 + number % 7,
            format="PNG" if number % 4 else "JPEG",
            brightness=number % 256,
            source=f"images/image {number:05d}.png",
        )
        for number in range(3000)
    ]
    made.commit(records, LEGEND, reason="first", report=report(), replace=False)
    return made


def numbers(store: DatasetStore) -> list[ImageRecord]:
    return list(store.records())


QUERIES = [
    ImageQuery(class_id=1),
    ImageQuery(class_id=1, labelled=True, sort_by="size", descending=True),
    ImageQuery(labelled=False, sort_by="annotations"),
    ImageQuery(format="JPEG", sort_by="class"),
    ImageQuery(spans=(Span("width", 100, 1500), Span("height", None, 12))),
    ImageQuery(spans=(Span("aspect", 2, 90),), sort_by="imported_at"),
    ImageQuery(spans=(Span("brightness", 250, None),)),
    ImageQuery(search="image 000", sort_by="filename", descending=True),
    ImageQuery(search="1", class_id=0),
]
TESTS = {
    "class_id": lambda value, item: any(note.class_id == value for note in item.annotations),
    "labelled": lambda value, item: bool(item.annotations) == value,
    "format": lambda value, item: item.format == value,
    "search": lambda value, item: value in item.filename,
}
KEYS = {
    "filename": lambda item: item.filename,
    "class": lambda item: item.annotations[0].class_id if item.annotations else -1,
    "size": lambda item: item.bytes,
    "imported_at": lambda item: item.imported_at,
    "annotations": lambda item: len(item.annotations),
}


def measured(span: Span, item: ImageRecord) -> bool:
    value = {**item.model_dump(), "aspect": round(item.width / item.height, 2), "annotations": len(item.annotations)}
    found = value[span.measure]
    low, high = (-1 if span.low is None else span.low), (10**9 if span.high is None else span.high)
    return found is not None and low <= found <= high


def expected(store: DatasetStore, query: ImageQuery) -> list[str]:
    """The ids a query should give, worked out from the records alone."""
    found = [
        item
        for item in store.records()
        if all(test(value, item) for name, test in TESTS.items() if (value := getattr(query, name)) is not None)
        and all(measured(span, item) for span in query.spans)
    ]
    places = {item.id: place for place, item in enumerate(found)}
    key = KEYS[query.sort_by]
    found.sort(key=lambda item: (key(item), places[item.id]), reverse=query.descending)
    return [item.id for item in found]


def paged(store: DatasetStore, query: ImageQuery) -> list[str]:
    found: list[str] = []
    page = 1
    while True:
        total, lines = store.index().page(query, page, 190)
        found += [orjson.loads(line)["id"] for line in lines]
        if not lines:
            assert total == len(found)
            return found
        page += 1


@pytest.mark.parametrize("query", [ImageQuery(), *QUERIES], ids=lambda query: str(query.key[:-2]))
def test_pages_are_those_of_all_records_filtered_and_sorted(store: DatasetStore, query: ImageQuery) -> None:
    wanted = expected(store, query)
    assert paged(store, query) == wanted
    found = store.index()
    for place in (0, 1, len(wanted) // 2, len(wanted) - 1):
        before = wanted[place - 1] if place else None
        after = wanted[place + 1] if place + 1 < len(wanted) else None
        assert found.neighbours(query, wanted[place]) == (before, after)
        assert found.rank(query, wanted[place]) == place


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query.key[:-2]))
def test_many_matches_are_picked_out_of_the_order_of_all(
    store: DatasetStore, query: ImageQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_FEW", 3)
    assert paged(store, query) == expected(store, query)


def edit(store: DatasetStore, changes: dict[str, ImageRecord | None], **given: int) -> None:
    def line(old: bytes) -> bytes | None:
        changed = changes.get(line_id(old), old)
        return record_line(changed) if isinstance(changed, ImageRecord) else changed

    digests = set(store.index().places(list(changes)).values())
    store.revise(lambda head: store.rewritten(head, digests, line), reason="edit", **given)


def dump(store: DatasetStore) -> dict[str, object]:
    """What the index says, its own numbering left out."""
    with sqlite3.connect(store.folder / "index.sqlite") as db:
        tables = ("counters", "image_classes", "image_values", "split_subsets")
        found = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
        return {
            **found,
            "images": db.execute("SELECT id, filename, annotations, class_id FROM images ORDER BY position").fetchall(),
            "counters": db.execute("SELECT * FROM counters").fetchall(),
        }


def test_whatever_is_changed_the_index_is_as_if_built_anew(store: DatasetStore) -> None:
    chance = random.Random(3)
    token = _token(store)
    for step in range(12):
        known = numbers(store)
        few = chance.sample(known, 5)
        dog = [LabelAnnotation(class_id=1)]
        edit(store, {item.id: item.model_copy(update={"annotations": dog}) for item in few[:3]})
        edit(store, {item.id: None for item in few[3:]})
        more = [record(number, 0) for number in range(10_000 + 300 * step, 10_300 + 300 * step)]
        store.commit(more, LEGEND, reason="more", report=report(), replace=False)
    head, changed = store.head(), dump(store)
    assert _token(store) == token, "the index was changed, not written anew"
    for query in QUERIES:
        assert paged(store, query) == expected(store, query)
    (store.folder / "index.sqlite").unlink()
    store.index()
    assert dump(store) == changed
    assert head.image_count == len(numbers(store)) == sum(head.statistics.formats.values())
    assert head.annotation_count == sum(len(item.annotations) for item in numbers(store))


@pytest.mark.parametrize(("step", "anew"), [(10, False), (1, True)])
def test_few_changes_in_every_chunk_are_applied_and_many_are_built_anew(
    store: DatasetStore, monkeypatch: pytest.MonkeyPatch, step: int, anew: bool
) -> None:
    monkeypatch.setattr(index_changes, "_ALWAYS", 0)
    token, dog = _token(store), [LabelAnnotation(class_id=1)]
    edit(store, {item.id: item.model_copy(update={"annotations": dog}) for item in numbers(store)[3::step]})
    assert (_token(store) != token) == anew
    for query in QUERIES:
        assert paged(store, query) == expected(store, query)


def _token(store: DatasetStore) -> str:
    with sqlite3.connect(store.folder / "index.sqlite") as db:
        return str(db.execute("SELECT token FROM meta").fetchone()[0])


def test_an_edit_writes_one_chunk_and_one_manifest(store: DatasetStore) -> None:
    def files(name: str) -> set[str]:
        return {path.name for path in (store.folder / name).iterdir()}

    chunks, manifests = files("chunks"), files("revisions")
    item = numbers(store)[1500]
    edit(store, {item.id: item.model_copy(update={"annotations": []})})
    assert len(files("chunks") - chunks) == 1
    assert files("revisions") - manifests == {"2.json"}
    assert next(each for each in store.records(1) if each.id == item.id) == item


def test_a_change_of_what_somebody_else_changed_is_refused(store: DatasetStore) -> None:
    first, second = numbers(store)[:2]
    edit(store, {first.id: None}, expected=1)
    with pytest.raises(Stale):
        edit(store, {second.id: None}, expected=1)
    assert store.head().image_count == 2999


def test_going_back_to_an_old_list_of_chunks(store: DatasetStore) -> None:
    old = store.head()
    edit(store, {item.id: None for item in numbers(store)[:1000]})
    assert store.head().image_count == 2000
    draft = Draft(old.chunks, old.legend, old.annotation_count)
    head = store.revise(lambda _: draft, reason="back")
    assert (head.revision, head.image_count, head.statistics) == (3, 3000, old.statistics)
    assert paged(store, ImageQuery(class_id=0)) == expected(store, ImageQuery(class_id=0))


def test_subsets_follow_the_images_of_the_split(store: DatasetStore) -> None:
    known = numbers(store)
    assignment = {"train": [item.id for item in known[:100]], "test": [item.id for item in known[100:150]]}
    split = Split(
        id="split-00000001",
        name="s",
        ratios=Ratios(),
        seed=1,
        strategy="random",
        dataset_revision=1,
        counts={},
        subsets={},
        warnings=[],
        assignment=assignment,
    )
    query = ImageQuery(split=split, subset="train")
    assert store.index().page(query, 1, 1)[0] == 100
    edit(store, {known[7].id: None, known[120].id: None})
    assert store.index().page(query, 1, 1)[0] == 99
    store.commit([known[7]], LEGEND, reason="again", report=report(), replace=False)
    assert store.index().page(query, 1, 1)[0] == 100
    assert store.index().page(ImageQuery(split=split, subset="unassigned"), 1, 1)[0] == 2850


def test_images_of_a_problem_are_found_by_file_or_by_the_name_of_the_label_file(store: DatasetStore) -> None:
    files = frozenset({"labels/image 00042.txt", "images/image 00007.png", "gone.png"})
    assert ids(store, ImageQuery(files=files)) == [7, 42]
    assert ids(store, ImageQuery(files=frozenset())) == []


@pytest.mark.parametrize("seed", range(6))
def test_an_index_that_is_cut_or_overwritten_is_built_anew(store: DatasetStore, seed: int) -> None:
    path = store.folder / "index.sqlite"
    content, chance = path.read_bytes(), random.Random(seed)
    at = chance.randrange(4096, len(content) - 40_000)
    path.write_bytes(content[:at] if seed % 2 else content[:at] + chance.randbytes(40_000) + content[at + 40_000 :])
    for query in (ImageQuery(), *QUERIES):
        assert paged(store, query) == expected(store, query)
    store.commit([record(9999, 1)], LEGEND, reason="more", report=report(), replace=False)
    assert paged(store, ImageQuery(class_id=1)) == expected(store, ImageQuery(class_id=1))


def test_a_folder_in_place_of_the_index_is_built_over(store: DatasetStore) -> None:
    path = store.folder / "index.sqlite"
    path.unlink()
    (path / "within").mkdir(parents=True)
    assert paged(store, ImageQuery(class_id=1)) == expected(store, ImageQuery(class_id=1))
    assert path.is_file()
    path.unlink()
    path.mkdir()
    store.commit([record(9999, 1)], LEGEND, reason="more", report=report(), replace=False)
    assert paged(store, ImageQuery(class_id=1)) == expected(store, ImageQuery(class_id=1))


def test_an_index_with_other_tables_is_built_anew(store: DatasetStore) -> None:
    path = store.folder / "index.sqlite"
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE meta (format INTEGER, token TEXT, revision INTEGER)")
        db.execute("INSERT INTO meta VALUES (3, 'x', 1)")
    assert paged(store, ImageQuery(class_id=1)) == expected(store, ImageQuery(class_id=1))


def test_counts_that_are_lost_are_counted_anew_and_no_edit_makes_them_lasting(store: DatasetStore) -> None:
    before = store.head().statistics
    for edited in (False, True):
        with sqlite3.connect(store.folder / "index.sqlite") as db:
            db.execute("DELETE FROM counters")
        if edited:
            store.revise(lambda head: Draft(head.chunks, head.legend, head.annotation_count), reason="edit")
        assert paged(store, ImageQuery(class_id=1)) == expected(store, ImageQuery(class_id=1))
        assert store.head().statistics == before


def test_bins_hold_what_the_filter_of_their_ends_finds(store: DatasetStore) -> None:
    found = store.head().statistics
    for measure, bins in (("width", found.widths), ("aspect", found.aspects), ("brightness", found.brightness)):
        assert bins is not None
        assert len(bins.counts) <= 24
        for place, count in enumerate(bins.counts):
            low = bins.start + place * bins.step
            span = Span(measure, low, low + bins.step - bins.unit)  # type: ignore[arg-type]
            assert store.index().page(ImageQuery(spans=(span,)), 1, 1)[0] == count
