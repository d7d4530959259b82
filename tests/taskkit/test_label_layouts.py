"""Layouts that other tools write, and real data sets."""

import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from shared.taskkit.formats import coco, csv_values, pascal_voc, yolo
from shared.taskkit.formats.rows import Rle
from tests.taskkit.label_files import DATA, PARSERS, below, needs_data, refusal_of

pytestmark = needs_data
DATUMARO = PARSERS / "datumaro"
PADILLA = PARSERS / "padilla_database" / "gts"
READERS = (coco, yolo, pascal_voc)


@pytest.mark.parametrize(
    ("layout", "reader", "objects"),
    [
        ("coco_dataset/coco", coco, {"train": 1, "val": 2}),
        ("coco_dataset/coco_instances", coco, {"train": 1, "val": 2}),
        ("coco_dataset/coco_roboflow", coco, {"train": 1, "val": 2}),
        ("coco_dataset/mmdet_coco", coco, {"train": 1, "val": 2}),
        ("coco_dataset/coco_person_keypoints", coco, {"train": 1, "val": 2}),
        ("coco_dataset/coco_stuff", coco, {"train": 1, "val": 1}),
        ("coco_dataset/coco_panoptic", coco, {"train": 1, "val": 2}),
        ("coco_dataset/coco_image_info", coco, {}),
        ("roboflow_dataset/coco", coco, {"train": 2, "val": 2}),
        ("kaggle_dataset/relaxed_coco", coco, {None: 2}),
        ("yolo_dataset/strict", yolo, {"train": 2}),
        ("yolo_dataset/labels", yolo, {"train": 2, "val": 2}),
        ("yolo_dataset/annotations", yolo, {None: 2}),
        ("roboflow_dataset/yolo", yolo, {"train": 2, "val": 2}),
        ("voc_dataset/voc_dataset1", pascal_voc, {"train": 2}),
        ("voc_dataset/voc_dataset3", pascal_voc, {"train": 1}),
        ("roboflow_dataset/voc", pascal_voc, {"train": 2, "val": 2}),
        ("kaggle_dataset/relaxed_voc1", pascal_voc, {None: 2}),
        ("kaggle_dataset/relaxed_voc2", pascal_voc, {None: 2}),
    ],
)
def test_layouts_of_other_tools_are_recognised_and_read(
    layout: str, reader: ModuleType, objects: dict[str | None, int]
) -> None:
    root = DATUMARO / layout
    files = below(root)
    assert [item for item in READERS if item.recognises(root, files)] == [reader]
    reading = reader.read(root, files)
    found = Counter(row.subset for row in reading.rows for _ in row.objects)
    assert found == objects
    assert {item.code for item in reading.problems if item.severity == "error"} == set()


@pytest.mark.parametrize(
    ("layout", "reader", "words"),
    [
        ("coco_dataset/coco_captions", coco, "None of the 1 annotations has a bbox or a segmentation"),
        ("coco_dataset/coco_labels", coco, "None of the 1 annotations has a bbox or a segmentation"),
        ("roboflow_dataset/createml", coco, "_annotations.createml.json, line 1: The document is no JSON object"),
        ("kaggle_dataset/relaxed_yolo", yolo, "No file names the classes"),
        ("roboflow_dataset/yolo_obb", yolo, "train/labelTxt/train_001.txt, line 1: 'label_0' is no number"),
        ("kaggle_dataset/image_csv", csv_values, "ann.csv, line 1: No column holds numbers"),
        ("kaggle_dataset/image_csv_det", csv_values, "ann2.csv, line 1: The targets are x1, y1, w, h, but in ann.csv"),
        ("mnist_csv_dataset", csv_values, "line 1: The first line holds values instead of the names of the columns"),
    ],
)
def test_layouts_that_hold_something_else_are_refused(layout: str, reader: ModuleType, words: str) -> None:
    refused = refusal_of(reader, DATUMARO / layout)
    assert words in refused.message
    assert refused.hint


def test_no_other_layout_is_taken_for_boxes() -> None:
    others = ("camvid", "cvat", "dota", "icdar", "imagenet", "imagenet_txt", "labelme", "mnist_csv", "open_images")
    for root in [*(DATUMARO / f"{name}_dataset" for name in others), DATUMARO / "vott_json_dataset"]:
        assert not any(reader.recognises(root, below(root)) for reader in READERS), root.name


def test_a_file_with_an_odd_name_works() -> None:
    root = DATUMARO / "voc_dataset" / "voc_dataset2"
    reading = pascal_voc.read(root, below(root, *(f"JPEGImages/{name}.jpg" for name in "@abcd")))
    assert {row.file.name: len(row.objects) for row in reading.rows} == {
        "@.jpg": 0,
        "a.jpg": 1,
        "b.jpg": 1,
        "c.jpg": 1,
        "d.jpg": 1,
    }
    assert reading.problems == []
    assert {row.subset for row in reading.rows} == {"train"}


Boxes = dict[str, list[tuple[str, tuple[float, ...]]]]


def boxes(reader: ModuleType, folder: str, sizes: dict[str, tuple[int, int]]) -> Boxes:
    """Return label and box in pixels by image, from labels alone: the images are names without files."""
    root = PADILLA / folder
    reading = reader.read(root, below(root, *sizes))
    assert reading.problems == []
    found: Boxes = {}
    for row in reading.rows:
        width, height = sizes[row.file.name]
        scale = (width, height, width, height)
        found[row.file.name] = sorted(
            (item.label, tuple(a * b for a, b in zip(item.bbox, scale, strict=True)) if item.relative else item.bbox)
            for item in row.objects
        )
    return found


@pytest.fixture(scope="module")
def sizes() -> dict[str, tuple[int, int]]:
    (file,) = (PADILLA / "coco_format_v1").glob("*.json")
    images = json.loads(file.read_text())["images"]
    return {item["file_name"]: (item["width"], item["height"]) for item in images}


@pytest.mark.parametrize(
    ("reader", "folder", "tolerance"),
    [
        (coco, "coco_format_v1", 0.01),
        (coco, "coco_format_v2", 0.01),
        (yolo, "yolo_format", 0.01),
        (pascal_voc, "imagenet_format", 0.01),
    ],
)
def test_the_same_273_boxes_are_read_from_each_format(
    reader: ModuleType, folder: str, tolerance: float, sizes: dict[str, tuple[int, int]]
) -> None:
    truth = boxes(pascal_voc, "pascalvoc_format", sizes)
    found = boxes(reader, folder, sizes)
    assert sum(map(len, truth.values())) == sum(map(len, found.values())) == 273
    assert found.keys() == truth.keys()
    for image, expected in truth.items():
        assert [label for label, _ in found[image]] == [label for label, _ in expected], image
        for (_, box), (_, true) in zip(found[image], expected, strict=True):
            assert box == pytest.approx(true, abs=tolerance), image


def test_blood_cells_in_pascal_voc() -> None:
    root = DATA / "bccd_voc"
    reading = pascal_voc.read(root, below(root))
    objects = [item for row in reading.rows for item in row.objects]
    assert Counter(item.label for item in objects) == {"RBC": 4155, "WBC": 372, "Platelets": 361}
    assert Counter(row.subset for row in reading.rows) == {"train": 205, "val": 87, "test": 72}
    assert [item.bbox[2:] for item in objects].count((0, 0)) == 2
    assert {row.size for row in reading.rows} == {(640, 480)}
    assert reading.problems == []


def test_nuclei_in_three_coco_files() -> None:
    root = DATA / "nuclei_fluo_coco"
    reading = coco.read(root, below(root))
    assert (len(reading.rows), sum(len(row.objects) for row in reading.rows)) == (150, 4145)
    assert Counter(row.subset for row in reading.rows) == {"train": 90, "val": 30, "test": 30}
    outlines = [item.segmentation for row in reading.rows for item in row.objects]
    assert sum(not isinstance(outline, Rle) and len(outline or ()) > 1 for outline in outlines) == 16
    assert reading.problems == []


def test_views_from_a_drone_in_csv() -> None:
    root = DATA / "hit_uav_view"
    reading = csv_values.read(root, below(root))
    assert [(item.name, item.unit) for item in reading.targets] == [("altitude", "m"), ("camera angle", "deg")]
    assert Counter(row.subset for row in reading.rows) == {"train": 224, "val": 32, "test": 64}
    first = reading.rows[0]
    assert (first.file, first.values) == (Path("images/0_100_30_0_03280.jpg"), (100, 30))
    assert reading.problems == []
