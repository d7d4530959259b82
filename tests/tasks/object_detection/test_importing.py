"""Boxes from files to records: what cannot be used is listed with its file and line."""

import json
import os
from pathlib import Path

import pytest

from shared.schemas.annotations import BoxAnnotation
from shared.store.datasets import DatasetStore
from tests.support.generated import shape_image
from tests.support.importing import imported, problems

DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
TASK = "object_detection"


def picture(place: Path, seed: int = 0) -> None:
    """Write an image of 100 x 80 pixels."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(shape_image(0, seed, (100, 80)))


def boxes(dataset: DatasetStore) -> dict[str, list[tuple[float, ...]]]:
    """Return the boxes of each image by file name."""
    return {
        record.filename: [item.bbox for item in record.annotations if isinstance(item, BoxAnnotation)]
        for record in dataset.records()
    }


def coco(root: Path, annotations: list[dict], images: int = 1) -> None:
    """Write images and a COCO file with one annotation a line, the first on line 5."""
    for at in range(images):
        picture(root / f"{at}.jpg", at)
    listed = [{"id": at, "file_name": f"{at}.jpg", "width": 100, "height": 80} for at in range(images)]
    lines = ",\n".join(json.dumps({"id": at, "image_id": 0, **item}) for at, item in enumerate(annotations))
    categories = json.dumps([{"id": 1, "name": "bolt"}])
    text = f'{{\n"images": {json.dumps(listed)},\n"categories": {categories},\n"annotations": [\n{lines}\n]}}'
    (root / "boxes.json").write_text(text)


def test_coco_boxes_that_do_not_fit_are_cut_or_left_out_and_listed(tmp_path):
    wanted = [
        {"category_id": 1, "bbox": [10, 10, 20, 30]},
        {"category_id": 1, "bbox": [90, 70, 40, 40]},
        {"category_id": 1, "bbox": [200, 10, 20, 20]},
        {"category_id": 1, "bbox": [10, 10, -5, 20]},
        {"category_id": 1, "bbox": [10, 10, 0, 0]},
        {"category_id": 1, "bbox": [10, 10, "wide", 5]},
        {"category_id": 7, "bbox": [10, 10, 5, 5]},
        {"category_id": 1, "image_id": 99, "bbox": [10, 10, 5, 5]},
    ]
    coco(tmp_path / "in", wanted)
    dataset = imported(tmp_path / "ws", TASK, tmp_path / "in")
    assert boxes(dataset) == {"0.jpg": [(10, 10, 20, 30), (90, 70, 10, 10)]}
    found = problems(dataset)
    assert {(file, line) for file, line, _ in found} == {("boxes.json", line) for line in range(6, 13)}
    severities = {item.line: item.severity for item in dataset.head().last_import.problems}
    assert severities[6] == "warning", "a box that is cut is kept"
    assert all(severities[line] == "error" for line in range(7, 13))


def test_coco_with_nan_is_refused_or_listed_with_its_line(tmp_path):
    coco(
        tmp_path / "in", [{"category_id": 1, "bbox": [1, 1, 5, 5]}, {"category_id": 1, "bbox": [float("nan"), 1, 5, 5]}]
    )
    dataset = imported(tmp_path / "ws", TASK, tmp_path / "in")
    assert boxes(dataset) == {"0.jpg": [(1, 1, 5, 5)]}
    assert {(file, line) for file, line, _ in problems(dataset)} == {("boxes.json", 6)}


def test_images_without_objects_stay_and_images_that_are_not_there_are_listed(tmp_path):
    coco(tmp_path / "in", [{"category_id": 1, "bbox": [10, 10, 20, 30]}], images=3)
    (tmp_path / "in" / "2.jpg").unlink()
    picture(tmp_path / "in" / "unlisted.jpg", 9)
    dataset = imported(tmp_path / "ws", TASK, tmp_path / "in")
    assert boxes(dataset).items() >= {"0.jpg": [(10, 10, 20, 30)], "1.jpg": []}.items()
    told = {Path(item.file or "").name: item.message for item in dataset.head().last_import.problems}
    assert any("2.jpg" in name or "2.jpg" in message for name, message in told.items())
    assert any("unlisted.jpg" in name or "unlisted.jpg" in message for name, message in told.items())


def test_crowds_and_areas_are_kept(tmp_path):
    coco(tmp_path / "in", [{"category_id": 1, "bbox": [10, 10, 20, 30], "iscrowd": 1, "area": 99}])
    (record,) = imported(tmp_path / "ws", TASK, tmp_path / "in").records()
    (item,) = record.annotations
    assert (item.iscrowd, item.area) == (True, 99)


def test_yolo_lines_that_say_nothing_usable_are_listed(tmp_path):
    root = tmp_path / "in"
    picture(root / "images" / "a.jpg")
    (root / "labels").mkdir()
    (root / "data.yaml").write_text("names: [bolt, nut]\n")
    lines = ["1 0.5 0.5 0.2 0.5", "0 0.95 0.5 0.2 0.5", "0 0.5 0.5 -0.1 0.2", "9 0.5 0.5 0.2 0.2", "0 wide 0.5 0.2 0.2"]
    (root / "labels" / "a.txt").write_text("\n".join([*lines, "0 nan 0.5 0.2 0.2"]))
    (root / "labels" / "gone.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    dataset = imported(tmp_path / "ws", TASK, root)
    assert [item.name for item in dataset.head().classes] == ["bolt", "nut"]
    kept = boxes(dataset)["a.jpg"]
    assert kept == [pytest.approx((40, 20, 20, 40)), pytest.approx((85, 20, 15, 40))]
    places = {(file, line) for file, line, _ in problems(dataset)}
    assert places >= {("labels/a.txt", line) for line in range(2, 7)}
    assert any(file == "labels/gone.txt" for file, _ in places)


def test_voc_boxes_end_where_the_file_says_and_bad_ones_are_listed(tmp_path):
    root = tmp_path / "in"
    picture(root / "JPEGImages" / "a.jpg")
    (root / "Annotations").mkdir()
    corners = [(11, 11, 30, 40), (50, 50, 50, 50), (60, 60, 40, 40), (300, 300, 320, 320)]
    objects = "\n".join(
        f"<object><name>cell</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for a, b, c, d in corners
    )
    head = "<annotation><filename>a.jpg</filename><size><width>100</width><height>80</height><depth>3</depth></size>"
    (root / "Annotations" / "a.xml").write_text(f"{head}\n{objects}\n</annotation>")
    dataset = imported(tmp_path / "ws", TASK, root)
    assert len(boxes(dataset)["a.jpg"]) == 1
    assert {(file, line) for file, line, _ in problems(dataset)} == {("Annotations/a.xml", line) for line in (3, 4, 5)}


@pytest.mark.skipif(not (DATA / "bccd_voc").is_dir(), reason=f"no reference data at {DATA}")
def test_blood_cells_come_in_whole_and_the_two_boxes_of_no_size_are_listed(tmp_path):
    dataset = imported(tmp_path / "ws", TASK, DATA / "bccd_voc")
    head = dataset.head()
    assert (head.image_count, head.annotation_count) == (364, 4886)
    assert {item.name for item in head.classes} == {"RBC", "WBC", "Platelets"}
    assert problems(dataset) == {
        ("Annotations/BloodImage_00338.xml", 158, "box_without_area"),
        ("Annotations/BloodImage_00343.xml", 50, "box_without_area"),
    }
