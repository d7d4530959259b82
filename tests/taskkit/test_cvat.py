from array import array
from collections import Counter
from pathlib import Path

import pytest

from shared.taskkit.formats import cvat
from shared.taskkit.formats.outlines import packed
from shared.taskkit.formats.rows import Reading, Rle
from tests.taskkit.label_files import PARSERS, below, needs_data, refusal_of, survives, told

META = "<meta><task><labels><label><name>dog</name></label><label><name>cat</name></label></labels></task></meta>"
BOX = '<box label="cat" xtl="1" ytl="2" xbr="4.5" ybr="6"/>'


def xml(*shapes: str, more: str = "", name: str = "1.jpg") -> str:
    parts = [f'<image id="0" name="{name}" width="100" height="50">', *shapes, "</image>", more, "</annotations>"]
    return "\n".join(("<annotations>", META, *parts))


def read(root: Path, text: str, *images: str, file: str = "annotations.xml") -> Reading:
    (root / file).write_text(text)
    return cvat.read(root, below(root, *(images or ("1.jpg",))))


def test_boxes_tags_and_classes(tmp_path: Path) -> None:
    reading = read(tmp_path, xml(BOX, '<tag label="indoors"/>', '<tag label="indoors"/>'))
    (row,) = reading.rows
    assert (row.file, row.labels, row.size, row.subset) == (Path("1.jpg"), ("indoors",), (100, 50), None)
    assert [(item.label, item.bbox, item.place.line) for item in row.objects] == [("cat", (1, 2, 3.5, 4), 4)]
    assert reading.class_names == ("dog", "cat")
    assert reading.problems == []


def test_outlines_are_kept_beside_the_box_around_them(tmp_path: Path) -> None:
    shapes = (
        '<polygon label="cat" points="1.5,2;30,4;6,5"/>',
        '<mask label="cat" rle="1, 2, 1" left="10" top="20" width="2" height="2"/>',
        '<ellipse label="cat" cx="20" cy="10" rx="5" ry="2" rotation="90.0"/>',
        '<box label="cat" xtl="10" ytl="20" xbr="30" ybr="30" rotation="90"/>',
    )
    (row,) = read(tmp_path, xml(*shapes)).rows
    polygon, mask, ellipse, turned = row.objects
    assert (polygon.bbox, polygon.segmentation) == ((1.5, 2, 28.5, 3), (array("d", [1.5, 2, 30, 4, 6, 5]),))
    assert (mask.bbox, mask.segmentation) == ((10, 20, 2, 2), Rle((50, 100), packed([521, 1, 48, 1, 4429])))
    assert ellipse.bbox == pytest.approx((18, 5, 4, 10))
    assert turned.bbox == pytest.approx((15, 15, 10, 20))
    assert turned.corners == pytest.approx((25, 15, 25, 35, 15, 35, 15, 15))


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ('<polyline label="cat" points="1,2;3,4"/>', "shape_not_read"),
        ('<points label="cat" points="1,2"/>', "shape_not_read"),
        (BOX.replace("cat", ""), "class_missing"),
        ('<tag label=" "/>', "class_missing"),
        (BOX.replace("4.5", "wide"), "bad_box"),
        (BOX.replace("4.5", "nan"), "bad_box"),
        (BOX.replace("4.5", "1e308").replace('"1"', '"-1e308"'), "bad_box"),
        (BOX.replace("/>", ' rotation="up"/>'), "bad_box"),
        ('<box label="cat"/>', "bad_box"),
        ('<ellipse label="cat" cx="1" cy="1" rx="1e308" ry="1e308"/>', "bad_box"),
        ('<polygon label="cat" points="1,2;3,4"/>', "bad_polygon"),
        ('<polygon label="cat" points="1,2;3,4;5,x"/>', "bad_polygon"),
        ('<polygon label="cat"/>', "bad_polygon"),
        ('<mask label="cat" rle="1,2,1" left="10" top="20" width="3" height="2"/>', "bad_mask"),
        ('<mask label="cat" rle="1,2,1" left="99" top="20" width="2" height="2"/>', "bad_mask"),
        ('<mask label="cat" rle="4" left="9" top="20" width="2" height="2"/>', "bad_mask"),
        ('<mask label="cat" rle="1e300" left="9" top="20" width="1e150" height="1e150"/>', "bad_mask"),
        ('<mask label="cat" rle="-1,5" left="9" top="20" width="2" height="2"/>', "bad_mask"),
    ],
)
def test_shapes_that_cannot_be_used_are_listed_with_their_line(tmp_path: Path, shape: str, code: str) -> None:
    reading = read(tmp_path, xml(BOX, shape))
    assert told(reading) == {(code, "annotations.xml", 5)}
    assert [len(row.objects) for row in reading.rows] == [1]


def test_subsets_of_a_project_tell_images_of_one_name_apart(tmp_path: Path) -> None:
    second = xml(BOX, name="1.jpg").replace('id="0"', 'id="0" subset="Validation"').split(META)[1]
    text = xml(name="1.jpg").replace('id="0"', 'id="0" subset="Odd"').replace("</annotations>", second)
    reading = read(tmp_path, text, "images/Odd/1.jpg", "images/Validation/1.jpg")
    assert {str(row.file): (row.subset, len(row.objects)) for row in reading.rows} == {
        "images/Odd/1.jpg": (None, 0),
        "images/Validation/1.jpg": ("val", 1),
    }
    assert reading.problems == []


def test_tracks_go_to_the_images_of_their_frames(tmp_path: Path) -> None:
    boxes = "".join(
        BOX.replace('label="cat"', f'frame="{frame}" outside="{outside}"')
        for frame, outside in ((0, 0), (1, 1), (2, 0), (9, 0))
    )
    text = f'<annotations><version>1.1</version>\n<track id="0" label="dog">\n{boxes}</track></annotations>'
    reading = read(tmp_path, text, *(f"frame_{number:06d}.png" for number in range(4)), "cover.png")
    assert {row.file.name: [item.label for item in row.objects] for row in reading.rows} == {
        "frame_000000.png": ["dog"],
        "frame_000001.png": [],
        "frame_000002.png": ["dog"],
        "frame_000003.png": [],
    }
    assert told(reading) == {("image_missing", "annotations.xml", 3), ("image_not_annotated", "cover.png", None)}


def test_what_cannot_be_read_is_refused_with_file_and_line(tmp_path: Path) -> None:
    refused = refusal_of(cvat, tmp_path, "1.jpg")
    assert refused.code == "no_label_file"
    (tmp_path / "annotations.xml").write_text(xml(BOX).replace("</image>", "</img>"))
    assert refusal_of(cvat, tmp_path, "1.jpg").message.startswith("annotations.xml, line 5: Not valid XML")
    (tmp_path / "annotations.xml").write_text(xml(BOX.replace("1", "x")))
    assert refusal_of(cvat, tmp_path, "1.jpg").message.startswith("annotations.xml, line 4: xtl of the box is 'x'")
    (tmp_path / "annotations.xml").write_text('<!DOCTYPE a [\n<!ENTITY b "c">]>' + xml(BOX))
    assert "declares entities" in refusal_of(cvat, tmp_path, "1.jpg").message


def test_long_documents_are_read_element_by_element(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(3000)]
    images = "".join(f'<image name="{name}" width="9" height="9">{BOX}</image>\n' for name in names)
    reading = read(tmp_path, f"<annotations><version>1.1</version>\n{images}</annotations>", *names)
    assert len(reading.rows) == 3000
    assert reading.rows[-1].place is not None
    assert reading.rows[-1].place.line == 3001


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    mask = '<mask label="cat" rle="1, 2, 1" left="10" top="20" width="2" height="2"/>'
    track = f'<track label="cat">{BOX.replace("label", "frame")}</track>'
    text = xml(BOX, '<polygon label="cat" points="1,2;3,4;6,5"/>', mask, '<tag label="a"/>', more=track)
    (tmp_path / "a.xml").write_text(text)
    assert survives(cvat, tmp_path, "a.xml", ["1.jpg"])


@needs_data
@pytest.mark.parametrize(
    ("layout", "rows", "objects"),
    [
        ("for_images/export_task", {"train": 2}, {"label1": 1}),
        ("for_images/export_project", {"train": 2, "val": 2, "test": 2}, {"label1": 6}),
        ("for_video", {None: 3}, {"II": 1}),
    ],
)
def test_exports_of_cvat(layout: str, rows: dict[str | None, int], objects: dict[str, int]) -> None:
    root = PARSERS / "datumaro" / "cvat_dataset" / layout
    assert cvat.recognises(root, below(root))
    reading = cvat.read(root, below(root))
    assert Counter(row.subset for row in reading.rows) == rows
    assert Counter(item.label for row in reading.rows for item in row.objects) == objects
