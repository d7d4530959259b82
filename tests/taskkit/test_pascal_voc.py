from pathlib import Path

import pytest
from PIL import Image

from shared.taskkit.formats import pascal_voc
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import below, refusal_of, survives, told

BOX = "<bndbox><xmin>10</xmin><ymin>20</ymin>\n<xmax>30.5</xmax><ymax>60</ymax></bndbox>"
SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"


def thing(name: str = "<name>cat</name>", box: str = BOX, more: str = "") -> str:
    return f"<object>{name}{more}{box}</object>"


def xml(*parts: str, filename: str = "1.jpg") -> str:
    return "\n".join(("<annotation>", f"<filename>{filename}</filename>", *parts, "</annotation>"))


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def read(root: Path, files: dict[str, str], *images: str) -> Reading:
    put(root, files)
    return pascal_voc.read(root, below(root, *(images or ("1.jpg",))))


def test_corners_become_box_and_size_without_a_shift(tmp_path: Path) -> None:
    reading = read(tmp_path, {"1.xml": xml(SIZE, thing(more="<difficult>1</difficult>"))})
    (row,) = reading.rows
    (item,) = row.objects
    assert (row.file, row.size, row.subset) == (Path("1.jpg"), (100, 80), None)
    assert (item.label, item.bbox, item.relative, item.difficult) == ("cat", (10, 20, 20.5, 40), False, True)
    assert (item.place.file, item.place.line) == ("1.xml", 4)
    assert reading.problems == []


def test_turned_boxes_keep_their_corners(tmp_path: Path) -> None:
    sides = {"cx": 20, "cy": 10, "w": 20, "h": 10, "angle": 1.5707963267948966}
    box = "<robndbox>" + "".join(f"<{tag}>{value}</{tag}>" for tag, value in sides.items()) + "</robndbox>"
    (item,) = read(tmp_path, {"1.xml": xml(thing(box=box))}).rows[0].objects
    assert item.bbox == pytest.approx((15, 0, 10, 20))
    assert item.corners == pytest.approx((25, 0, 25, 20, 15, 20, 15, 0))
    assert told(read(tmp_path, {"1.xml": xml(thing(), thing(box=box.replace("20", "wide")))})) == {
        ("box_missing", "1.xml", 5)
    }


def test_boxes_of_parts_are_not_read(tmp_path: Path) -> None:
    part = f"<part><name>head</name>{BOX.replace('10', '11')}</part>"
    before = read(tmp_path, {"1.xml": xml(f"<object>{part}<name>cat</name>{BOX}</object>")})
    assert [(item.label, item.bbox[0]) for item in before.rows[0].objects] == [("cat", 10)]


@pytest.mark.parametrize(
    ("file", "filename", "image"),
    [
        ("Annotations/1.xml", "1.jpg", "JPEGImages/1.jpg"),
        ("Annotations/other.xml", "1.jpg", "JPEGImages/1.jpg"),
        ("Annotations/1.xml", "renamed.jpg", "JPEGImages/1.jpg"),
        ("Annotations/1.xml", "", "JPEGImages/1.png"),
        ("Annotations/x.xml", "1", "JPEGImages/1.png"),
        ("Annotations/x.xml", "C:\\me\\1.JPG", "JPEGImages/1.jpg"),
        ("train/1.xml", "1.jpg", "train/1.jpg"),
        ("@.xml", "@.jpg", "@.jpg"),
    ],
)
def test_the_image_is_the_named_one_or_the_one_called_like_the_file(
    tmp_path: Path, file: str, filename: str, image: str
) -> None:
    reading = read(tmp_path, {file: xml(thing(), filename=filename)}, image)
    assert [row.file for row in reading.rows] == [Path(image)]
    assert reading.problems == []


def test_each_of_several_sets_keeps_to_its_own_images(tmp_path: Path) -> None:
    files = {f"{year}/Annotations/1.xml": xml(thing(f"<name>{year}</name>")) for year in ("2007", "2012")}
    reading = read(tmp_path, files, "2007/JPEGImages/1.jpg", "2012/JPEGImages/1.jpg", "2012/SegmentationClass/1.png")
    assert {row.file.parts[0]: row.objects[0].label for row in reading.rows} == {"2007": "2007", "2012": "2012"}


def test_masks_of_classes_stand_beside_the_boxes(tmp_path: Path) -> None:
    files = {f"Annotations/{name}.xml": xml(thing(), filename=f"{name}.jpg") for name in ("1", "2")}
    files["labelmap.txt"] = "background:0,0,0::\ncat:128,0,0::\n"
    for folder in ("SegmentationClass", "SegmentationObject"):
        (tmp_path / folder).mkdir()
        Image.new("P", (4, 3)).save(tmp_path / folder / "1.png")
    (tmp_path / "SegmentationClass" / "2.png").write_bytes(b"\x89PNG\n\x1a\n")
    reading = read(tmp_path, files, "JPEGImages/1.jpg", "JPEGImages/2.jpg")
    assert [str(row.mask) for row in reading.rows] == ["SegmentationClass/1.png", "None"]
    assert (reading.mask_values[1], reading.mask_values[128, 0, 0]) == ("cat", "cat")
    assert told(reading) == {("mask_unreadable", "SegmentationClass/2.png", None)}
    assert [len(row.objects) for row in reading.rows] == [1, 1]


def test_image_sets_give_the_subset(tmp_path: Path) -> None:
    lists = {"train": "1\n", "val": "2\r\n", "test": "# none\n3.jpg\n", "trainval": "1\n2\n4\n", "cat_train": "4  1\n"}
    files = {f"V/ImageSets/Main/{name}.txt": text for name, text in lists.items()}
    files |= {f"V/Annotations/{name}.xml": xml(thing(), filename=f"{name}.jpg") for name in "12345"}
    reading = read(tmp_path, files, *(f"V/JPEGImages/{name}.jpg" for name in "12345"))
    assert {row.file.stem: row.subset for row in reading.rows} == {
        "1": "train",
        "2": "val",
        "3": "test",
        "4": "train",
        "5": None,
    }
    assert reading.problems == []


def test_a_listed_name_without_image_is_told(tmp_path: Path) -> None:
    files = {"Annotations/1.xml": xml(thing()), "ImageSets/Main/train.txt": "1\nlost\n"}
    reading = read(tmp_path, files, "JPEGImages/1.jpg", "JPEGImages/2.jpg")
    assert told(reading) == {
        ("image_missing", "ImageSets/Main/train.txt", 2),
        ("image_not_annotated", "JPEGImages/2.jpg", None),
    }


@pytest.mark.parametrize(
    ("item", "code", "line"),
    [
        (thing(name=""), "class_missing", 4),
        (thing(name="<name> </name>"), "class_missing", 4),
        (thing(box=""), "box_missing", 4),
        (thing(box="<polygon><pt>1</pt></polygon>"), "box_missing", 4),
        (thing(box=BOX.replace("<xmax>30.5</xmax>", "")), "bad_box", 4),
        (thing(box=BOX.replace("30.5", "wide")), "bad_box", 5),
        (thing(box=BOX.replace("30.5", "nan")), "bad_box", 5),
        (thing(box=BOX.replace("30.5", "1e999")), "bad_box", 5),
        (thing(box=BOX.replace("30.5", "")), "bad_box", 5),
        (thing(box=BOX.replace("30.5", "1e308").replace("10", "-1e308")), "bad_box", 4),
    ],
)
def test_objects_that_cannot_be_used_are_listed_with_their_line(
    tmp_path: Path, item: str, code: str, line: int
) -> None:
    reading = read(tmp_path, {"1.xml": xml(thing().replace("\n", ""), item)})
    assert told(reading) == {(code, "1.xml", line)}
    assert [len(row.objects) for row in reading.rows] == [1]
    assert all(problem.mend for problem in reading.problems)


@pytest.mark.parametrize(
    ("size", "codes"),
    [
        ("<size><width>0</width><height>0</height></size>", set()),
        ("<size><width>wide</width><height>80</height></size>", {"bad_image_size"}),
        ("<size><width>1e300</width><height>80</height></size>", {"bad_image_size"}),
        ("<size/>", set()),
        ("", set()),
    ],
)
def test_a_size_that_cannot_be_is_not_used(tmp_path: Path, size: str, codes: set[str]) -> None:
    reading = read(tmp_path, {"1.xml": xml(size, thing())})
    assert reading.rows[0].size is None
    assert {item.code for item in reading.problems} == codes


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("<annotation>\n<filename>2.jpg</file>", 2, "Not valid XML"),
        ("", 1, "Not valid XML"),
        ("<annotations>\n</annotations>", 1, "not <annotation>"),
        ('<!DOCTYPE a [\n<!ENTITY b "bbbb">\n]><annotation>&b;</annotation>', 2, "declares entities"),
        ('<!DOCTYPE a [\n<!ENTITY b SYSTEM "/etc/hostname">\n]><annotation>&b;</annotation>', 2, "declares entities"),
        ('<?xml version="1.0" encoding="gbk"?><annotation/>', 1, "encoding"),
        ('<?xml version="1.0" encoding="no-such"?><annotation/>', 1, "encoding"),
    ],
)
def test_an_xml_file_that_cannot_be_read_leaves_its_image_out(tmp_path: Path, text: str, line: int, words: str) -> None:
    reading = read(tmp_path, {"1.xml": xml(thing()), "2.xml": text}, "1.jpg", "2.jpg")
    assert told(reading) == {("label_file_unreadable", "2.xml", line), ("image_labels_unreadable", "2.jpg", None)}
    assert words in reading.problems[0].message
    assert [row.file.name for row in reading.rows] == ["1.jpg"]


def test_two_files_about_one_image_and_one_about_none_are_told(tmp_path: Path) -> None:
    files = {"1.xml": xml(thing()), "2.xml": xml(thing()), "3.xml": xml(thing(), filename="3.jpg")}
    reading = read(tmp_path, files)
    assert told(reading) == {("image_named_twice", "2.xml", 1), ("image_missing", "3.xml", 1)}


def test_files_without_one_usable_object_are_refused(tmp_path: Path) -> None:
    put(tmp_path, {"1.xml": xml(thing(box=""))})
    refused = refusal_of(pascal_voc, tmp_path, "1.jpg")
    assert refused.message.startswith("1.xml, line 3: The object 'cat' has no bndbox")
    assert refused.hint


def test_images_of_nothing_are_read(tmp_path: Path) -> None:
    assert [row.objects for row in read(tmp_path, {"1.xml": xml()}).rows] == [()]


def test_deep_and_long_documents_are_read(tmp_path: Path) -> None:
    deep = "<a>" * 100_000 + "</a>" * 100_000
    assert len(read(tmp_path, {"1.xml": xml(thing(), deep)}).rows[0].objects) == 1


def test_other_xml_is_not_recognised(tmp_path: Path) -> None:
    put(
        tmp_path, {"1.xml": "<annotations><image/></annotations>", "2.xml": xml("<object><polygon></polygon></object>")}
    )
    assert not pascal_voc.recognises(tmp_path, below(tmp_path, "1.jpg"))
    put(tmp_path, {"3.xml": xml(thing())})
    assert pascal_voc.recognises(tmp_path, below(tmp_path, "1.jpg"))


def test_damaged_bytes_are_read_or_listed(tmp_path: Path) -> None:
    put(tmp_path, {"1.xml": '<?xml version="1.0" encoding="UTF-8"?>\n' + xml(SIZE, thing())})
    assert survives(pascal_voc, tmp_path, "1.xml", ["1.jpg"])
