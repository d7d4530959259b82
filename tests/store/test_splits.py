from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from shared.errors import Conflict
from shared.schemas.base import new_id
from shared.schemas.split import Ratios, Split
from shared.store import documents
from shared.store.splits import SplitStore


def split(name: str) -> Split:
    return Split(
        id=new_id("split"),
        name=name,
        ratios=Ratios(),
        seed=1,
        strategy="random",
        dataset_revision=1,
        counts={},
        subsets={},
        warnings=[],
        assignment={},
    )


def names(root: Path) -> set[str]:
    return {item.name for item in SplitStore(root).list()}


def test_a_set_of_splits_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    store = SplitStore(tmp_path)
    store.create_all([split("a-1"), split("a-2")])
    assert names(tmp_path) == {"a-1", "a-2"}
    with pytest.raises(Conflict):
        store.create_all([split("b-1"), split("A-2")])
    assert names(tmp_path) == {"a-1", "a-2"}


@pytest.fixture
def failing_at_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    write: Callable[[Split, Path], None] = documents.write

    def once(document: Split, path: Path) -> None:
        if written:
            raise OSError("disk gone")
        written.append(path)
        write(document, path)

    monkeypatch.setattr(documents, "write", once)


@pytest.mark.usefixtures("failing_at_the_second")
def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk gone"):
        SplitStore(tmp_path).create_all([split("a-1"), split("a-2")])
    assert [path.name for path in tmp_path.glob("*.json")] == []


def test_what_a_kill_left_of_a_set_is_neither_shown_nor_in_the_way(tmp_path: Path) -> None:
    half = split("a-1")
    documents.write(half, tmp_path / f"{half.id}.json")
    (tmp_path / "unfinished.json").write_bytes(orjson.dumps([half.id, new_id("split")]))
    assert names(tmp_path) == set()
    SplitStore(tmp_path).create_all([split("a-1"), split("a-2")])
    assert names(tmp_path) == {"a-1", "a-2"}
    assert len(list(tmp_path.glob("split-*.json"))) == 2
