import json
from array import array
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from shared.taskkit.formats import labelme, labelme_json, pascal_voc
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import PARSERS, below, needs_data, refusal_of, survives, told

POLYGON = "<polygon>" + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 2), (9, 2), (9, 8))) + "</polygon>"
SHAPE = {"label": "cat", "points": [[1, 2], [9, 2], [9, 8]], "shape_type": "polygon"}


def xml(*objects: str) -> str:
    size = "<imagesize><nrows>50</nrows><ncols>100</ncols></imagesize>"
    return "\n".join(("<annotation><filename>1.jpg</filename><folder>set</folder>", size, *objects, "</annotation>"))


def thing(outline: str = POLYGON, more: str = "", name: str = "cat") -> str:
    return f"<object><name>{name}</name><deleted>0</deleted>{more}{outline}</object>"


def text(*shapes: object) -> str:
    whole = {"version": "5", "imageData": "AAAA", "imagePath": "..\\1.jpg", "imageWidth": 100, "imageHeight": 50}
    listed = ",\n".join(map(json.dumps, shapes))
    return json.dumps(whole)[:-1] + ', "shapes": [\n' + listed + "]}"


def read(reader: ModuleType, root: Path, content: str, *images: str) -> Reading:
    (root / ("1.xml" if reader is labelme else "1.json")).write_text(content)
    found: Reading = reader.read(root, below(root, *(images or ("1.jpg",))))
    return found


def test_polygons_are_kept_and_boxes_are_boxes(tmp_path: Path) -> None:
    box = thing(more="<type>bounding_box</type>", name="dog")
    deleted = thing().replace("<deleted>0", "<deleted>1")
    reading = read(labelme, tmp_path, xml(thing(), box, deleted), "set/1.jpg", "other/1.jpg")
    (row,) = reading.rows
    assert (row.file, row.size) == (Path("set/1.jpg"), (100, 50))
    first, second = row.objects
    assert (first.label, first.bbox, first.segmentation) == ("cat", (1, 2, 8, 6), (array("d", [1, 2, 9, 2, 9, 8]),))
    assert (second.label, second.bbox, second.segmentation) == ("dog", (1, 2, 8, 6), None)
    assert told(reading) == {("image_not_annotated", "other/1.jpg", None)}


def test_a_box_stands_for_its_mask_and_that_is_told(tmp_path: Path) -> None:
    box = "<box><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></box>"
    reading = read(labelme, tmp_path, xml(thing(f"<segm>{box}<mask>m.png</mask></segm>")), "1.jpg", "Masks/m.png")
    assert reading.rows[0].objects[0].bbox == (1, 2, 8, 6)
    assert told(reading) == {("mask_not_read", "1.xml", 3)}


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (thing(name=""), "class_missing"),
        (thing(""), "bad_polygon"),
        (thing("<segm/>"), "bad_polygon"),
        (thing(POLYGON.replace("9", "wide")), "bad_polygon"),
        (thing(POLYGON.replace("<x>9</x>", "")), "bad_polygon"),
    ],
)
def test_objects_that_cannot_be_used_are_listed_with_their_line(tmp_path: Path, item: str, code: str) -> None:
    reading = read(labelme, tmp_path, xml(thing(), item))
    assert told(reading) == {(code, "1.xml", 4)}
    assert [len(row.objects) for row in reading.rows] == [1]


def test_xml_of_pascal_voc_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_text(xml(thing("<bndbox></bndbox>" + POLYGON)))
    assert not labelme.recognises(tmp_path, below(tmp_path, "1.jpg"))
    (tmp_path / "1.xml").write_text(xml(thing()))
    assert labelme.recognises(tmp_path, below(tmp_path, "1.jpg"))
    assert not pascal_voc.recognises(tmp_path, below(tmp_path, "1.jpg"))


def test_shapes_of_the_desktop_tool(tmp_path: Path) -> None:
    rectangle = SHAPE | {"shape_type": "rectangle", "points": [[9, 2], [1, 8.5]]}
    circle = SHAPE | {"shape_type": "circle", "points": [[10, 20], [13, 24]]}
    reading = read(labelme_json, tmp_path, text(SHAPE, rectangle, circle))
    (row,) = reading.rows
    assert (row.file, row.size) == (Path("1.jpg"), (100, 50))
    assert [item.bbox for item in row.objects] == [(1, 2, 8, 6), (1, 2, 8, 6.5), (5, 15, 10, 10)]
    assert [item.segmentation for item in row.objects] == [(array("d", [1, 2, 9, 2, 9, 8]),), None, None]
    assert reading.problems == []


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (SHAPE | {"shape_type": "line"}, "shape_not_read"),
        (SHAPE | {"label": ""}, "class_missing"),
        (SHAPE | {"label": 5}, "class_missing"),
        (SHAPE | {"points": [[1, 2], [3, 4]]}, "bad_polygon"),
        (SHAPE | {"points": [[1, 2], [3, 4], [5]]}, "bad_polygon"),
        (SHAPE | {"points": [[1, 2], [3, 4], [5, "6"]]}, "bad_polygon"),
        (SHAPE | {"points": "many"}, "bad_polygon"),
        (SHAPE | {"shape_type": "rectangle"}, "bad_polygon"),
        (SHAPE | {"shape_type": ["odd"]}, "bad_polygon"),
        (7, "class_missing"),
    ],
)
def test_shapes_that_cannot_be_used_are_listed_with_their_line(tmp_path: Path, shape: object, code: str) -> None:
    reading = read(labelme_json, tmp_path, text(SHAPE, shape))
    assert told(reading) == {(code, "1.json", 3)}
    assert [len(row.objects) for row in reading.rows] == [1]


@pytest.mark.parametrize("reader", [labelme, labelme_json])
def test_one_broken_file_does_not_spoil_the_rest(reader: ModuleType, tmp_path: Path) -> None:
    ending, content = ("xml", xml(thing())) if reader is labelme else ("json", text(SHAPE))
    (tmp_path / f"2.{ending}").write_text(content[:-1])
    (tmp_path / f"3.{ending}").write_text(content.replace("1.jpg", "3.jpg"))
    reading = read(reader, tmp_path, content, "1.jpg", "2.jpg")
    assert [row.file.name for row in reading.rows] == ["1.jpg"]
    assert {(code, file) for code, file, _ in told(reading)} == {
        ("label_file_unreadable", f"2.{ending}"),
        ("image_labels_unreadable", "2.jpg"),
        ("image_missing", f"3.{ending}"),
    }
    assert all(item.line for item in reading.problems if item.file != "2.jpg"), "only an image has no lines"


@pytest.mark.parametrize("reader", [labelme, labelme_json])
def test_files_without_one_usable_object_are_refused(reader: ModuleType, tmp_path: Path) -> None:
    assert refusal_of(reader, tmp_path, "1.jpg").code == "no_label_file"
    with pytest.raises(Exception, match=r"1\.(xml|json), line .*No object could be read"):
        read(reader, tmp_path, xml(thing("")) if reader is labelme else text({}))


@pytest.mark.parametrize("reader", [labelme, labelme_json])
def test_damaged_bytes_are_read_or_refused(reader: ModuleType, tmp_path: Path) -> None:
    ending, content = ("xml", xml(thing(), thing())) if reader is labelme else ("json", text(SHAPE, SHAPE))
    (tmp_path / f"1.{ending}").write_text(content)
    assert survives(reader, tmp_path, f"1.{ending}", ["1.jpg"])


@needs_data
def test_an_export_of_labelme() -> None:
    root = PARSERS / "datumaro" / "labelme_dataset"
    assert labelme.recognises(root, below(root))
    reading = labelme.read(root, below(root))
    assert [row.file for row in reading.rows] == [Path("Images/subset1/img1.png")]
    names = Counter(item.label for row in reading.rows for item in row.objects)
    assert names == dict.fromkeys(["window", "license plate", "o1", "q1", "b1", "m1", "hg"], 1)
    assert {item.code for item in reading.problems} == {"mask_not_read"}
