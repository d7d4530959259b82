"""Tables with every fault that numbers have: what is kept, and that each fault is listed with file and line."""

import os
from collections import defaultdict
from pathlib import Path

import pytest

from services.gateway.actions import splits
from services.gateway.live import Hub
from services.gateway.studio import Studio
from shared.schemas.annotations import values_of
from shared.schemas.split import GroupBy
from shared.settings import Settings
from tests.support.generated import shape_image
from tests.tasks.conftest import Imported, ImportFolder

TASK = "regression"
DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))


def table(folder: Path, text: str, count: int = 9) -> Path:
    """Write images 1.jpg to `count`.jpg and a table about them."""
    folder.mkdir()
    for number in range(1, count + 1):
        (folder / f"{number}.jpg").write_bytes(shape_image(0, number))
    (folder / "labels.csv").write_text(text)
    return folder


def values(imported: Imported) -> dict[str, list[float] | None]:
    return {filename: values_of(record.annotations) for filename, record in imported.records.items()}


def test_what_is_no_number_is_listed_by_line_and_the_other_rows_kept(import_folder: ImportFolder, tmp_path: Path):
    rows = [
        "file,weight (kg),angle [deg]",
        "1.jpg,1.5,-30",
        "2.jpg,heavy,10",
        "3.jpg,NaN,10",
        "4.jpg,1.5,inf",
        "5.jpg,,10",
        "6.jpg,2e0,40",
        "gone.jpg,1,2",
        "1.jpg,9,9",
        '7.jpg,"2,5",10',
        "8.jpg,2,5,10",
    ]
    imported = import_folder(TASK, table(tmp_path / "table", "\n".join(rows)))
    assert imported.told == {
        ("bad_value", "labels.csv", 3),
        ("bad_value", "labels.csv", 4),
        ("bad_value", "labels.csv", 5),
        ("value_missing", "labels.csv", 6),
        ("image_missing", "labels.csv", 8),
        ("image_named_twice", "labels.csv", 9),
        ("bad_value", "labels.csv", 10),
        ("too_many_cells", "labels.csv", 11),
        ("image_not_annotated", "9.jpg", None),
    }
    assert values(imported) == {"1.jpg": [1.5, -30], "6.jpg": [2, 40]}
    assert [(item.name, item.unit) for item in imported.head.targets] == [("weight", "kg"), ("angle", "deg")]
    assert all(item.mend for item in imported.problems)
    texts = " ".join(item.message for item in imported.problems)
    assert "'heavy' instead of a number" in texts
    assert "labels.csv, line 2," in texts, "a row about an image that has one names the first"


def test_decimal_commas_are_read_between_semicolons(import_folder: ImportFolder, tmp_path: Path):
    text = "file;weight (kg)\n1.jpg;1,5\n2.jpg;-0,25\n3.jpg;2\n4.jpg;much\n"
    imported = import_folder(TASK, table(tmp_path / "table", text, 4))
    assert imported.told == {("bad_value", "labels.csv", 5)}
    assert values(imported) == {"1.jpg": [1.5], "2.jpg": [-0.25], "3.jpg": [2]}


def test_one_picture_with_two_numbers_is_told(import_folder: ImportFolder, tmp_path: Path):
    folder = table(tmp_path / "table", "file,weight\n1.jpg,1\n2.jpg,2\ncopy.jpg,3\n", 2)
    (folder / "copy.jpg").write_bytes((folder / "1.jpg").read_bytes())
    imported = import_folder(TASK, folder)
    assert imported.told == {("duplicate_image", "copy.jpg", None)}
    assert "annotated differently" in imported.problems[0].message
    assert values(imported) == {"1.jpg": [1], "2.jpg": [2]}


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "hit_uav_view").is_dir(), reason=f"no views at {DATA}; set AI_STUDIO_TEST_DATA")
def test_views_from_a_drone_have_two_targets_and_are_split_by_flight(import_folder: ImportFolder):
    imported = import_folder(TASK, DATA / "hit_uav_view")
    assert (imported.head.image_count, imported.problems) == (320, [])
    assert [(item.name, item.unit) for item in imported.head.targets] == [("altitude", "m"), ("camera angle", "deg")]
    for filename, record in imported.records.items():
        _, altitude, angle, *_ = filename.split("_")
        assert values_of(record.annotations) == [float(altitude), float(angle)], "file names hold the targets"

    settings = Settings(workspace=imported.workspace.root)
    studio = Studio(imported.workspace, settings, Hub(imported.workspace.jobs, settings))
    grouping = GroupBy(by="filename", separator="_", parts=4)
    (split,) = splits.create(studio, imported.project_id, splits.NewSplit(name="flights", group_by=grouping))
    names = {record.id: filename for filename, record in imported.records.items()}
    places = defaultdict(set)
    for subset, ids in split.assignment.items():
        for image_id in ids:
            places["_".join(names[image_id].split("_")[:4])].add(subset)
    assert split.groups == len(places) > 3
    assert {len(subsets) for subsets in places.values()} == {1}, "neighbouring frames stand in one subset"
    assert sum(split.counts.values()) == 320
    assert all(split.counts.values())


def test_numbers_beyond_what_can_be_learned_are_listed_and_spoil_nothing(import_folder: ImportFolder, tmp_path: Path):
    rows = ["file,size", "1.jpg,1e308", "2.jpg,-1e308", "3.jpg,1e-320", "4.jpg,5", "5.jpg,0", "6.jpg,1700000000"]
    imported = import_folder(TASK, table(tmp_path / "table", "\n".join(rows), 6))
    assert imported.told == {("value_out_of_range", "labels.csv", line) for line in (2, 3, 4)}
    kept = {name: found for name, found in values(imported).items() if found}
    assert kept == {"4.jpg": [5], "5.jpg": [0], "6.jpg": [1.7e9]}
    assert imported.head.statistics.targets[0].max == 1.7e9


def test_the_spread_of_large_numbers_is_told_right(import_folder: ImportFolder, tmp_path: Path):
    rows = ["file,time", *(f"{number}.jpg,{1_700_000_000 + 10 * number}" for number in range(1, 10))]
    (found,) = import_folder(TASK, table(tmp_path / "table", "\n".join(rows))).head.statistics.targets
    assert found.std == pytest.approx(25.82, abs=0.01)
