import json
from array import array
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from shared.taskkit.formats import createml, vott
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import below, refusal_of, survives, told

BOX = {"label": "cat", "coordinates": {"x": 50, "y": 30, "width": 20, "height": 10}}
REGION = {"type": "RECTANGLE", "tags": ["cat"], "boundingBox": {"left": 1, "top": 2, "width": 3, "height": 4}}


def createml_text(*annotations: object, name: str = "1.jpg") -> str:
    return "[" + json.dumps({"image": name, "annotations": annotations}) + "]"


def vott_text(*regions: object, name: str = "1.jpg") -> str:
    asset = {"asset": {"name": name, "size": {"width": 100, "height": 50}}, "regions": regions}
    return '{"name": "x",\n"tags": [{"name": "dog"}, {"name": "cat"}],\n"assets": {\n"a": ' + json.dumps(asset) + "}}"


TEXTS = {createml: createml_text, vott: vott_text}
ITEMS: dict[ModuleType, dict[str, Any]] = {createml: BOX, vott: REGION}
both = pytest.mark.parametrize("reader", [createml, vott], ids=["createml", "vott"])


def read(reader: ModuleType, root: Path, text: str, *images: str, file: str = "a.json") -> Reading:
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(text)
    found: Reading = reader.read(root, below(root, *(images or ("1.jpg",))))
    return found


def test_coordinates_are_centres(tmp_path: Path) -> None:
    (row,) = read(createml, tmp_path, createml_text(BOX)).rows
    assert [(item.label, item.bbox) for item in row.objects] == [("cat", (40, 25, 20, 10))]


def test_centres_that_cannot_be_are_corners_and_that_is_told(tmp_path: Path) -> None:
    corner = {"label": "cat", "coordinates": {"x": 0, "y": 0, "width": 20, "height": 10}}
    reading = read(createml, tmp_path, createml_text(corner, BOX))
    assert [item.bbox for item in reading.rows[0].objects] == [(0, 0, 20, 10), (50, 30, 20, 10)]
    assert told(reading) == {("corners_for_centres", "a.json", None)}
    reading = read(createml, tmp_path, createml_text(corner, *([BOX] * 20)))
    assert [item.bbox for item in reading.rows[0].objects][:2] == [(-10, -5, 20, 10), (40, 25, 20, 10)]


def test_regions_give_an_object_for_each_tag(tmp_path: Path) -> None:
    reading = read(vott, tmp_path, vott_text(REGION | {"tags": ["cat", "dog"]}))
    (row,) = reading.rows
    assert [(item.label, item.bbox) for item in row.objects] == [("cat", (1, 2, 3, 4)), ("dog", (1, 2, 3, 4))]
    assert (row.size, row.place and row.place.line) == ((100, 50), 4)
    assert reading.class_names == ("dog", "cat")


def test_polygons_of_regions_are_kept(tmp_path: Path) -> None:
    points = [{"x": 1, "y": 2}, {"x": 5, "y": 2}, {"x": 5, "y": 8}]
    polygon = {"type": "POLYGON", "tags": ["cat"], "points": points}
    (item,) = read(vott, tmp_path, vott_text(polygon)).rows[0].objects
    assert (item.bbox, item.segmentation) == ((1, 2, 4, 6), (array("d", [1, 2, 5, 2, 5, 8]),))


@both
def test_images_are_found_and_subsets_told(reader: ModuleType, tmp_path: Path) -> None:
    text = TEXTS[reader](ITEMS[reader], name="a b.jpg")
    (row,) = read(reader, tmp_path, text, "valid/a b.jpg", file="valid/a.json").rows
    assert (row.file, row.subset) == (Path("valid/a b.jpg"), "val")


@pytest.mark.parametrize(
    ("reader", "changes", "code"),
    [
        (createml, {"label": ""}, "class_missing"),
        (createml, {"label": 5}, "class_missing"),
        (createml, {"coordinates": None}, "bad_box"),
        (createml, {"coordinates": {"x": 1, "y": "2", "width": 3, "height": 4}}, "bad_box"),
        (createml, {"coordinates": {"x": -1.7e308, "y": 2, "width": 1.7e308, "height": 4}}, "bad_box"),
        (vott, {"tags": []}, "class_missing"),
        (vott, {"tags": "cat"}, "class_missing"),
        (vott, {"tags": [5]}, "class_missing"),
        (vott, {"boundingBox": None}, "bad_box"),
        (vott, {"boundingBox": {"left": 1, "top": 2, "width": "3", "height": 4}}, "bad_box"),
        (vott, {"boundingBox": {}, "type": "POLYGON", "points": [1, 2, 3]}, "bad_box"),
    ],
)
def test_objects_that_cannot_be_used_are_listed(
    reader: ModuleType, changes: dict[str, Any], code: str, tmp_path: Path
) -> None:
    item = ITEMS[reader]
    reading = read(reader, tmp_path, TEXTS[reader](*([item] * 30), item | changes))
    assert told(reading) == {(code, "a.json", 4 if reader is vott else 1)}
    assert [len(row.objects) for row in reading.rows] == [30]


@both
def test_what_cannot_be_read_is_refused_with_file_and_line(reader: ModuleType, tmp_path: Path) -> None:
    assert refusal_of(reader, tmp_path, "1.jpg").code == "no_label_file"
    text = TEXTS[reader](ITEMS[reader])
    (tmp_path / "a.json").write_text(text[:-1] + "\n,")
    assert refusal_of(reader, tmp_path, "1.jpg").message.startswith("a.json, line ")
    (tmp_path / "a.json").write_text(TEXTS[reader]({}))
    assert "No object could be read" in refusal_of(reader, tmp_path, "1.jpg").message


@both
def test_images_that_are_none_are_listed(reader: ModuleType, tmp_path: Path) -> None:
    text = TEXTS[reader](ITEMS[reader])
    more = ', "b": {"asset": 5}}}' if reader is vott else ', 5, {"image": "gone.jpg", "annotations": []}]'
    reading = read(reader, tmp_path, text.removesuffix("}}").removesuffix("]") + more, "1.jpg", "2.jpg")
    assert ("bad_image", "a.json", 4 if reader is vott else 1) in told(reading)
    assert ("image_not_annotated", "2.jpg", None) in told(reading)
    assert len(reading.rows) == 1


@both
def test_damaged_bytes_are_read_or_refused(reader: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(TEXTS[reader](ITEMS[reader], ITEMS[reader]))
    survives(reader, tmp_path, "a.json", ["1.jpg"])
