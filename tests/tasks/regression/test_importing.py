"""Numbers from tables to records: what cannot be used is listed with its file and line."""

import os
from pathlib import Path

import pytest

from shared.schemas.annotations import values_of
from shared.schemas.dataset import TargetInfo
from shared.store.datasets import DatasetStore
from tests.support.generated import shape_image
from tests.support.importing import imported, problems

DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
TASK = "regression"


def table(root: Path, text: str, images: str = "abc", encoding: str = "utf-8") -> Path:
    """Write a table and images named by letters."""
    root.mkdir(parents=True, exist_ok=True)
    for at, name in enumerate(images):
        (root / f"{name}.jpg").write_bytes(shape_image(0, at))
    (root / "labels.csv").write_bytes(text.encode(encoding))
    return root


def values(dataset: DatasetStore) -> dict[str, list[float] | None]:
    return {record.filename: values_of(record.annotations) for record in dataset.records()}


def lines(dataset: DatasetStore) -> set[tuple[str | None, int | None]]:
    return {(file, line) for file, line, _ in problems(dataset)}


def test_several_targets_with_their_units(tmp_path):
    root = table(tmp_path / "in", "filename,weight_kg,tilt (deg)\na.jpg,1.5,-3\nb.jpg,2,4\nc.jpg,1e1,0\n")
    dataset = imported(tmp_path / "ws", TASK, root)
    assert dataset.head().targets == [TargetInfo(name="weight", unit="kg"), TargetInfo(name="tilt", unit="deg")]
    assert values(dataset) == {"a.jpg": [1.5, -3], "b.jpg": [2, 4], "c.jpg": [10, 0]}
    assert not problems(dataset)


@pytest.mark.parametrize("cell", ["heavy", "nan", "inf", "-inf", "", "1.5 kg"])
def test_what_is_no_number_is_listed_and_the_rest_is_kept(tmp_path, cell):
    root = table(tmp_path / "in", f"filename,weight\na.jpg,1\nb.jpg,{cell}\nc.jpg,3\n")
    dataset = imported(tmp_path / "ws", TASK, root)
    assert {name: found for name, found in values(dataset).items() if found} == {"a.jpg": [1], "c.jpg": [3]}
    assert ("labels.csv", 3) in lines(dataset)


def test_a_row_without_an_image_and_an_image_without_a_row(tmp_path):
    root = table(tmp_path / "in", "filename,weight\na.jpg,1\ngone.jpg,2\nc.jpg,3\n")
    dataset = imported(tmp_path / "ws", TASK, root)
    assert ("labels.csv", 3) in lines(dataset)
    told = [item for item in dataset.head().last_import.problems if "b.jpg" in f"{item.file} {item.message}"]
    assert told


def test_two_rows_for_one_image(tmp_path):
    root = table(tmp_path / "in", "filename,weight\na.jpg,1\nb.jpg,2\na.jpg,9\nc.jpg,3\n")
    dataset = imported(tmp_path / "ws", TASK, root)
    assert values(dataset)["a.jpg"] == [1]
    assert ("labels.csv", 4) in lines(dataset)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_semicolons_and_decimal_commas(tmp_path, encoding):
    root = table(tmp_path / "in", "filename;weight_kg\na.jpg;1,5\nb.jpg;2,25\nc.jpg;3\n", encoding=encoding)
    assert values(imported(tmp_path / "ws", TASK, root)) == {"a.jpg": [1.5], "b.jpg": [2.25], "c.jpg": [3]}


@pytest.mark.skipif(not (DATA / "hit_uav_view").is_dir(), reason=f"no reference data at {DATA}")
def test_flights_come_in_with_both_targets(tmp_path):
    dataset = imported(tmp_path / "ws", TASK, DATA / "hit_uav_view")
    head = dataset.head()
    assert head.targets == [TargetInfo(name="altitude", unit="m"), TargetInfo(name="camera angle", unit="deg")]
    assert head.image_count == 320
    assert not problems(dataset)
