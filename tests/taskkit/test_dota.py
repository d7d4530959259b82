from collections import Counter
from pathlib import Path

import pytest

from shared.taskkit.formats import dota
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import DATA, PARSERS, below, needs_data, refusal_of, survives, told

LINE = "10 20 30.5 20 30.5 60 10 60 plane 0\n"


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def read(root: Path, files: dict[str, str], *images: str) -> Reading:
    put(root, files)
    return dota.read(root, below(root, *(images or ("1.jpg",))))


def test_corners_are_kept_with_the_box_around_them(tmp_path: Path) -> None:
    text = "imagesource:GoogleEarth\ngsd:0.146\n\n" + LINE + LINE.replace("0\n", "1\n").replace("plane", "ship")
    reading = read(tmp_path, {"1.txt": text})
    first, second = reading.rows[0].objects
    assert (first.label, first.bbox, first.corners) == (
        "plane",
        (10, 20, 20.5, 40),
        (10, 20, 30.5, 20, 30.5, 60, 10, 60),
    )
    assert (first.place.line, first.difficult, first.relative) == (4, False, False)
    assert (second.label, second.difficult) == ("ship", True)
    assert reading.problems == []


@pytest.mark.parametrize(
    ("label", "image", "subset"),
    [
        ("train/labelTxt/P1.v2.txt", "train/images/P1.v2.png", "train"),
        ("labelTxt/val/P1.txt", "images/val/P1.png", "val"),
        ("labelTxt-v1.0/P1.txt", "images/P1.png", None),
        ("P1.txt", "P1.png", None),
    ],
)
def test_images_are_found_in_the_usual_places(tmp_path: Path, label: str, image: str, subset: str | None) -> None:
    reading = read(tmp_path, {label: LINE}, image)
    assert [(str(row.file), row.subset) for row in reading.rows] == [(image, subset)]
    assert reading.problems == []


def test_an_empty_file_is_an_image_without_objects_and_no_file_is_told(tmp_path: Path) -> None:
    reading = read(tmp_path, {"1.txt": LINE, "2.txt": ""}, "1.jpg", "2.jpg", "3.jpg")
    assert {row.file.name: len(row.objects) for row in reading.rows} == {"1.jpg": 1, "2.jpg": 0}
    assert told(reading) == {("image_not_annotated", "3.jpg", None)}


def test_an_outline_that_crosses_itself_is_kept_and_told(tmp_path: Path) -> None:
    reading = read(tmp_path, {"1.txt": LINE + "10 20 30 60 30 20 10 60 plane 0\n"})
    assert len(reading.rows[0].objects) == 2
    assert told(reading) == {("corners_cross", "1.txt", 2)}
    assert read(tmp_path, {"1.txt": "0 0 0 0 9 9 9 9 plane"}).problems == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("10 20 30 20 30 60 10 60", "bad_line"),
        ("10 20 30 20 30 60 10 60 plane 0 0", "bad_line"),
        ("10 20 30 20 30 60 10 60 plane yes", "bad_line"),
        ("10 20 30 20 30 60 10 plane 0 0", "not_a_number"),
        ("10 20 30 20 30 60 10 nan plane 0", "not_a_number"),
        ("-1.7e308 0 1.7e308 0 0 0 0 0 plane 0", "bad_box"),
        ("plane 0", "bad_line"),
    ],
)
def test_lines_that_cannot_be_used_are_listed(tmp_path: Path, line: str, code: str) -> None:
    reading = read(tmp_path, {"1.txt": f"{LINE}{line}\n{LINE}"})
    assert told(reading) == {(code, "1.txt", 2)}
    assert len(reading.rows[0].objects) == 2


def test_files_that_cannot_be_read_are_listed_and_none_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"1.txt": LINE})
    (tmp_path / "2.txt").write_bytes(b"\n\xff\xfe")
    assert told(dota.read(tmp_path, below(tmp_path, "1.jpg", "2.jpg"))) == {
        ("label_file_unreadable", "2.txt", 2),
        ("image_labels_unreadable", "2.jpg", None),
    }
    put(tmp_path, {"1.txt": "plane 0"})
    assert refusal_of(dota, tmp_path, "1.jpg").message.startswith("1.txt, line 1: The line has 2 words")
    assert refusal_of(dota, tmp_path, "9.jpg").code == "no_label_file"


def test_lines_of_other_formats_are_not_recognised(tmp_path: Path) -> None:
    for text in (
        "0 0.5 0.5 0.2 0.2",
        "0 1 1 5 5 5 5 1 1",
        "10,20,30,20,30,60,10,60,word",
        "a caption of nine words or so",
    ):
        put(tmp_path, {"1.txt": text})
        assert not dota.recognises(tmp_path, below(tmp_path, "1.jpg"))
    put(tmp_path, {"1.txt": "imagesource:x\n" + LINE})
    assert dota.recognises(tmp_path, below(tmp_path, "1.jpg"))


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    put(tmp_path, {"1.txt": "imagesource:x\ngsd:1\n" + LINE * 3})
    assert survives(dota, tmp_path, "1.txt", ["1.jpg"])


@needs_data
def test_boxes_on_a_table_in_dota() -> None:
    root = DATA / "boxes_dota"
    assert dota.recognises(root, below(root))
    reading = dota.read(root, below(root))
    assert Counter(row.subset for row in reading.rows) == {"train": 125, "val": 40, "test": 27}
    assert sum(not row.objects for row in reading.rows) == 15
    assert {item.label for row in reading.rows for item in row.objects} == {"box"}
    assert sum(len(row.objects) for row in reading.rows) == 377
    assert reading.problems == []


@needs_data
@pytest.mark.parametrize(
    ("layout", "images", "objects", "problems"),
    [
        ("datumaro/dota_dataset", (), {"label_0": 2, "label_1": 2}, set()),
        ("datumaro/roboflow_dataset/yolo_obb", (), {"label_0": 2, "label_1": 2}, set()),
        ("dota_float_noise_airport", ("*",), {"airplane": 161}, set()),
        ("mmrotate_dota", ("*",), {"plane": 4}, {"corners_cross"}),
    ],
)
def test_other_sets_in_dota(layout: str, images: tuple[str, ...], objects: dict[str, int], problems: set[str]) -> None:
    root = PARSERS / layout
    labels = [path.stem for path in root.glob("*.txt") if "README" not in path.name]
    names = [f"{name}.png" for name in labels] if images else []
    assert dota.recognises(root, below(root, *names))
    reading = dota.read(root, below(root, *names))
    assert Counter(item.label for row in reading.rows for item in row.objects) == objects
    assert {item.code for item in reading.problems} == problems
    assert len(reading.rows) == (len(names) or 3)
