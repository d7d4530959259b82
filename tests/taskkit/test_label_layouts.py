"""Layouts that other tools write, and real data sets."""

import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from shared.taskkit.formats import coco, csv_values, cvat, pascal_voc, yolo
from shared.taskkit.formats.rows import Rle
from tests.taskkit.label_files import DATA, PARSERS, below, needs_data

pytestmark = needs_data
DATUMARO = PARSERS / "datumaro"
PADILLA = PARSERS / "padilla_database" / "gts"


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
        (cvat, "cvat_format", 0.01),
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
