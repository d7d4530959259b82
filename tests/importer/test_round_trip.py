"""A dataset that is exported and imported again is the same dataset."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.importer.run import work
from shared.errors import Invalid
from shared.schemas.annotations import Annotation, BoxAnnotation, LabelAnnotation, ValueAnnotation
from shared.schemas.base import new_id
from shared.schemas.dataset import ClassInfo, ImageRecord, ImportReport, Legend, TargetInfo
from shared.schemas.job import JobKind
from shared.store.batches import write_unsettled
from shared.taskkit import registry
from tests.support.generated import World, record_of, shape_image

ALL = [(spec.id, choice.value) for spec in registry.specs() for choice in spec.dataset_formats]
NAMES = ["zebra", "apple", "Ünïcode ☂: 50%", "'quoted' \"twice\", and, commas", "# hash", "no", "never seen"]
LEGENDS = {
    "label": Legend(classes=[ClassInfo(id=at, name=name, color="#123456") for at, name in enumerate(NAMES)]),
    "box": Legend(classes=[ClassInfo(id=at, name=name, color="#123456") for at, name in enumerate(NAMES)]),
    "value": Legend(
        targets=[TargetInfo(name="weight, net", unit="kg"), TargetInfo(name="angle"), TargetInfo(name="a b")]
    ),
}


def annotations(kind: str, number: int) -> list[Annotation]:
    if kind == "label":
        return [LabelAnnotation(class_id=number % 6)]
    if kind == "value":
        return [ValueAnnotation(values=[number / 3, -1e-7 * number, 1e12 + number])]
    boxes = [BoxAnnotation(class_id=at, bbox=(at * 7 + 1 / 3, at * 5.1, 10 / 7, 12.25)) for at in range(number % 6)]
    return list(boxes)


def filled(root: Path, task: str) -> World:
    """A world whose dataset has names twice, odd names, images without subset, and a class that nothing shows."""
    world = World(root, task)
    kind = registry.spec(task).annotation_kind
    dataset = world.workspace.dataset(world.project.id)
    names = ["a.jpg", "A.JPG", "a.jpg", "ä ☂.jpg", "x,y;'z'.jpg", "%20.jpg", "1.2.jpg", "1.jpg"]
    records = []
    for number in range(24):
        data = shape_image(number % 4, 1000 + number, image_format="PNG" if number % 5 == 4 else "JPEG")
        name = names[number % 8] if number % 5 != 4 else f"same{number % 2}.png"
        record = record_of(data, name, annotations(kind, number))
        subset = ("train", "val", "test", None)[number % 4]
        records.append(record.model_copy(update={"meta": {"subset": subset} if subset else None}))
        write_unsettled(dataset.image_path(record), data)
    report = ImportReport(
        job_id=new_id("job"), format="x", mode="replace", source="x", added=24, duplicates=0, skipped=0, problems=[]
    )
    dataset.commit(records, LEGENDS[kind], reason="test", report=report, replace=True)
    return world


def exported(world: World, format_id: str, split_id: str | None = None) -> tuple[dict[str, Any], Path]:
    revision = world.workspace.dataset(world.project.id).head().revision
    payload = {
        "project_id": world.project.id,
        "export": {"format": format_id, "split_id": split_id, "revision": revision},
    }
    run = world.claimed(JobKind.IMPORT, payload)
    return work(run), world.workspace.jobs.folder(run.job.id) / "dataset.zip"


def imported(world: World, archive: Path, format_id: str = "auto") -> str:
    project = world.workspace.projects.create("Again", world.task)
    payload = {"project_id": project.id, "source": {"path": str(archive)}, "format": format_id, "mode": "append"}
    work(world.claimed(JobKind.IMPORT, payload))
    return project.id


def by_id(records: Iterator[ImageRecord]) -> dict[str, ImageRecord]:
    return {item.id: item for item in records}


def numbers(record: ImageRecord) -> list[Any]:
    """Return what annotations say, numbers as approximations: shares of a size and back cost the last digit."""
    found: list[Any] = []
    for item in record.annotations:
        if isinstance(item, BoxAnnotation):
            found.append((item.class_id, item.iscrowd, item.area, pytest.approx(item.bbox, abs=1e-9)))
        else:
            found.append(item)
    return found


@pytest.mark.parametrize(("task", "format_id"), ALL)
def test_nothing_changes(tmp_path: Path, task: str, format_id: str) -> None:
    world = filled(tmp_path / "workspace", task)
    result, archive = exported(world, format_id)
    before = world.workspace.dataset(world.project.id)
    assert result["images"] == 24
    assert result["annotations"] == before.head().annotation_count
    assert result["lost"] == {}
    assert result["size"] == archive.stat().st_size
    after = world.workspace.dataset(imported(world, archive))
    report = after.head().last_import
    assert report is not None
    assert (report.format, report.problems) == (format_id, [])
    assert [item.name for item in after.head().classes] == [item.name for item in before.head().classes]
    assert after.head().targets == before.head().targets
    old, new = by_id(before.records()), by_id(after.records())
    assert old.keys() == new.keys()
    for image_id, record in old.items():
        again = new[image_id]
        assert (again.filename, again.meta) == (record.filename, record.meta)
        assert numbers(again) == [_plain(item) for item in record.annotations]


def _plain(item: Annotation) -> Any:
    return (item.class_id, item.iscrowd, item.area, item.bbox) if isinstance(item, BoxAnnotation) else item


@pytest.mark.parametrize(("task", "format_id"), ALL)
def test_the_subsets_of_a_split_are_written_and_read(tmp_path: Path, task: str, format_id: str) -> None:
    world = World(tmp_path / "workspace", task)
    _, archive = exported(world, format_id, world.split.id)
    after = world.workspace.dataset(imported(world, archive))
    for record in after.records():
        assert (record.meta or {}).get("subset") == world.split.subset_of(record.id)


def test_coco_keeps_crowds_and_areas_and_yolo_says_that_it_does_not(tmp_path: Path) -> None:
    task = next(spec.id for spec in registry.specs() if spec.annotation_kind == "box")
    world = World(tmp_path / "workspace", task)
    dataset = world.workspace.dataset(world.project.id)
    boxes = [
        BoxAnnotation(class_id=1, bbox=(1, 2, 30, 20), iscrowd=True),
        BoxAnnotation(class_id=3, bbox=(4, 5, 6.5, 7.25), area=12.75),
    ]
    records = [item.model_copy(update={"annotations": boxes}) for item in dataset.records()]
    report = dataset.head().last_import
    assert report is not None
    dataset.commit(records, dataset.head().legend, reason="test", report=report, replace=True)
    _, archive = exported(world, "coco")
    after = next(world.workspace.dataset(imported(world, archive)).records())
    assert [(item.iscrowd, item.area) for item in after.annotations if isinstance(item, BoxAnnotation)] == [
        (True, None),
        (False, 12.75),
    ]
    result, _ = exported(world, "yolo")
    assert list(result["lost"].values()) == [20, 20]


@pytest.mark.parametrize(("task", "format_id"), ALL)
def test_other_columns_of_tables_are_kept_and_those_that_would_mean_something_are_told(
    tmp_path: Path, task: str, format_id: str
) -> None:
    world = filled(tmp_path / "workspace", task)
    dataset = world.workspace.dataset(world.project.id)
    kept = {"site, or place": 'north, "7"', "patient": "p 3"}
    records = [
        item.model_copy(update={"meta": {"columns": {**kept, "Subset": "mine"} if at % 2 else kept}})
        for at, item in enumerate(dataset.records())
    ]
    report = dataset.head().last_import
    assert report is not None
    dataset.commit(records, dataset.head().legend, reason="test", report=report, replace=True)
    result, archive = exported(world, format_id)
    if not format_id.startswith("csv_"):
        assert result["lost"]["images with other columns of a table, which only tables hold"] == 24
        return
    assert result["lost"] == {"other columns that would be taken for the table's own": 1}
    after = world.workspace.dataset(imported(world, archive))
    assert after.head().targets == dataset.head().targets
    again = by_id(after.records())
    assert again.keys() == {item.id for item in records}
    for item in records:
        assert again[item.id].meta == {"columns": kept}
        assert numbers(again[item.id]) == [_plain(one) for one in item.annotations]


@pytest.mark.parametrize(("task", "format_id"), ALL)
def test_file_names_that_are_changed_are_told(tmp_path: Path, task: str, format_id: str) -> None:
    world = filled(tmp_path / "workspace", task)
    dataset = world.workspace.dataset(world.project.id)
    record = next(iter(dataset.records()))
    renamed = record.model_copy(update={"filename": "what?.jpg"})
    report = dataset.head().last_import
    assert report is not None
    kept = [item for item in dataset.records() if item.id != record.id]
    dataset.commit([renamed, *kept], dataset.head().legend, reason="test", report=report, replace=True)
    result, archive = exported(world, format_id)
    told = [count for what, count in result["lost"].items() if what.startswith("file names as they were")]
    assert told == [1]
    with zipfile.ZipFile(archive) as names:
        assert sum(name.endswith("what_.jpg") for name in names.namelist()) == 1


def test_images_that_a_format_cannot_hold_are_told(tmp_path: Path) -> None:
    for kind in ("label", "value"):
        spec = next(spec for spec in registry.specs() if spec.annotation_kind == kind)
        world = World(tmp_path / kind, spec.id)
        dataset = world.workspace.dataset(world.project.id)
        bare = [item.model_copy(update={"annotations": []}) for item in list(dataset.records())[:3]]
        rest = list(dataset.records())[3:]
        report = dataset.head().last_import
        assert report is not None
        dataset.commit([*bare, *rest], dataset.head().legend, reason="test", report=report, replace=True)
        result, archive = exported(world, spec.dataset_formats[0].value)
        assert list(result["lost"].values()) == [3]
        with zipfile.ZipFile(archive) as opened:
            assert sum(name.endswith(".jpg") for name in opened.namelist()) == 20, "their files are there"
        assert world.workspace.dataset(imported(world, archive)).head().image_count == 17


def test_a_class_that_can_be_no_folder_is_refused_by_name(tmp_path: Path) -> None:
    spec = next(spec for spec in registry.specs() if spec.annotation_kind == "label")
    world = World(tmp_path / "workspace", spec.id)
    dataset = world.workspace.dataset(world.project.id)
    legend = dataset.head().legend.model_copy(deep=True)
    legend.classes[0].name = "left/right"
    report = dataset.head().last_import
    assert report is not None
    dataset.commit(list(dataset.records()), legend, reason="test", report=report, replace=True)
    with pytest.raises(Invalid) as caught:
        exported(world, "class_folders")
    assert "left/right" in caught.value.message
    assert not list(world.workspace.root.glob("jobs/*/*.zip"))


def test_a_dataset_without_any_box_or_class_is_refused_or_told(tmp_path: Path) -> None:
    spec = next(spec for spec in registry.specs() if spec.annotation_kind == "box")
    world = World(tmp_path / "workspace", spec.id)
    dataset = world.workspace.dataset(world.project.id)
    report = dataset.head().last_import
    assert report is not None
    bare = [item.model_copy(update={"annotations": []}) for item in dataset.records()]
    dataset.commit(bare, dataset.head().legend, reason="test", report=report, replace=True)
    assert exported(world, "csv_boxes")[0]["lost"] == {"classes, as long as no object has one": 2}
    dataset.commit(bare, Legend(), reason="test", report=report, replace=True)
    with pytest.raises(Invalid) as caught:
        exported(world, "yolo")
    assert caught.value.code == "no_classes"
    assert exported(world, "coco")[0]["images"] == 20
