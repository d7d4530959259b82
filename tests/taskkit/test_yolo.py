from array import array
from pathlib import Path

import pytest

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats import yolo
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import below, refusal_of, survives, told

NAMES = "names: [cat, dog]\n"


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def read(root: Path, files: dict[str, str], *images: str) -> Reading:
    put(root, files)
    return yolo.read(root, below(root, *(images or ("1.jpg",))))


def labels(reading: Reading) -> dict[str, list[str]]:
    return {str(row.file): [item.label for item in row.objects] for row in reading.rows}


def test_boxes_begin_at_the_top_left_corner_and_are_relative(tmp_path: Path) -> None:
    reading = read(tmp_path, {"data.yaml": NAMES, "1.txt": "0 0.5 0.5 0.2 0.4\n\n1 0.25 0.5 0.5 1 0.87\n"})
    first, second = reading.rows[0].objects
    assert first.bbox == pytest.approx((0.4, 0.3, 0.2, 0.4))
    assert (first.label, first.relative, first.place.file, first.place.line) == ("cat", True, "1.txt", 1)
    assert second.bbox == pytest.approx((0, 0, 0.5, 1))
    assert second.place.line == 3
    assert reading.class_names == ("cat", "dog")
    assert reading.problems == []


@pytest.mark.parametrize("points", ["0.1 0.2 0.5 0.2 0.3 0.6", "0.1 0.6 0.5 0.6 0.5 0.2 0.1 0.2"])
def test_polygons_and_corners_are_kept_with_their_bounds(tmp_path: Path, points: str) -> None:
    reading = read(tmp_path, {"data.yaml": NAMES, "1.txt": f"0 {points}\n"})
    numbers = [float(word) for word in points.split()]
    (item,) = reading.rows[0].objects
    assert item.bbox == pytest.approx((0.1, 0.2, 0.4, 0.4))
    assert (item.relative, item.segmentation) == (True, (array("d", numbers),))
    assert item.corners == (tuple(numbers) if len(numbers) == 8 else None)
    assert reading.problems == []


def test_boxes_among_outlines_are_told_with_the_first_of_the_fewer(tmp_path: Path) -> None:
    outline, box = "0 0.1 0.2 0.5 0.2 0.3 0.6\n", "0 0.5 0.5 0.2 0.2\n"
    reading = read(tmp_path, {"data.yaml": NAMES, "1.txt": outline * 2 + box})
    assert told(reading) == {("boxes_and_outlines", "1.txt", 3)}
    assert [bool(item.segmentation) for item in reading.rows[0].objects] == [True, True, False]


def test_keypoints_are_no_polygon(tmp_path: Path) -> None:
    files = {"data.yaml": NAMES + "kpt_shape: [2, 2]\n", "1.txt": "0 0.5 0.5 0.2 0.2 0.9 0.9 0.8 0.8\n"}
    assert read(tmp_path, files).rows[0].objects[0].bbox == pytest.approx((0.4, 0.4, 0.2, 0.2))


@pytest.mark.parametrize(
    "names",
    [
        {"data.yaml": "names:\n  0: no\n  1: 2\n"},
        {"data.yaml": "names: [no, 2]"},
        {"obj.names": "no\n2\n\n", "obj.data": "classes = 2\nnames = obj.names\n"},
        {"classes.txt": "no\n2"},
        {"train/_darknet.labels": "no\n2", "valid/_darknet.labels": "no\n2"},
    ],
)
def test_class_names_are_text_wherever_they_stand(tmp_path: Path, names: dict[str, str]) -> None:
    assert labels(read(tmp_path, names | {"1.txt": "1 0.5 0.5 0.2 0.2\n"})) == {"1.jpg": ["2"]}


def test_class_names_that_a_person_gives_count_before_those_of_files(tmp_path: Path) -> None:
    options = ReadOptions(class_names=("owl", "fox"))
    for files in ({"1.txt": "1 0.5 0.5 0.2 0.2\n"}, {"data.yaml": NAMES}):
        put(tmp_path, files)
        reading = yolo.read(tmp_path, below(tmp_path, "1.jpg"), options)
        assert (labels(reading), reading.class_names) == ({"1.jpg": ["fox"]}, ("owl", "fox"))


@pytest.mark.parametrize(
    ("label", "image"),
    [
        ("labels/1.txt", "images/1.jpg"),
        ("labels/train/1.txt", "images/train/1.jpg"),
        ("train/labels/1.txt", "train/images/1.jpg"),
        ("x/images/labels/1.txt", "x/images/images/1.jpg"),
        ("images/1.txt", "images/1.jpg"),
        ("Annotations/1.txt", "Pictures/1.jpg"),
        ("labels/1.jpg.txt", "images/1.jpg"),
    ],
)
def test_label_files_are_found_in_the_usual_places(tmp_path: Path, label: str, image: str) -> None:
    reading = read(tmp_path, {"data.yaml": NAMES, label: "0 0.5 0.5 0.2 0.2"}, image)
    assert labels(reading) == {image: ["cat"]}
    assert reading.problems == []


def test_images_of_one_name_keep_to_the_labels_of_their_subset(tmp_path: Path) -> None:
    files = {
        "classes.txt": "cat\ndog",
        "train/marks/1.txt": "0 0.5 0.5 0.2 0.2",
        "val/marks/1.txt": "1 0.5 0.5 0.2 0.2",
    }
    reading = read(tmp_path, files, "train/pictures/1.jpg", "val/pictures/1.jpg")
    assert labels(reading) == {"train/pictures/1.jpg": ["cat"], "val/pictures/1.jpg": ["dog"]}


SUBSETS = {"images/a/1.jpg": "train", "images/b/2.jpg": "val", "images/c/3.jpg": "test"}
LABELS = {f"labels/{name[7:-4]}.txt": "0 0.5 0.5 0.2 0.2" for name in SUBSETS}


@pytest.mark.parametrize(
    "files",
    [
        {"data.yaml": NAMES + "path: ../somewhere\ntrain: images/a\nval: images/b\ntest: images/c\n"},
        {"data.yaml": NAMES + "path: images\ntrain: a\nval: b\ntest: c\n"},
        {"data.yaml": NAMES + "train: ../images/a/\nval: [../images/b]\ntest: ./images/c\n"},
        {"data.yaml": NAMES + "train: /else/set/images/a\nval: D:\\set\\images\\b\ntest: images/c\n"},
        {"cfg/data.yaml": NAMES + "train: ../images/a\nvalid: ../images/b\ntest: ../images/c\n"},
        {
            "data.yaml": NAMES + "train: first.txt\nval: val2017.txt\n",
            "first.txt": "./images/a/1.jpg\n",
            "val2017.txt": "/else/images/b/2.jpg\n",
            "test-dev.txt": "images/c/3.jpg",
        },
        {
            "obj.names": "cat\ndog",
            "obj.data": "train = data/one.txt\nvalid = data/test.txt\ntest = data/three.txt\nnames = data/obj.names",
            "one.txt": "data/images/a/1.jpg",
            "test.txt": "data/images/b/2.jpg",
            "three.txt": "data/images/c/3.jpg",
        },
    ],
)
def test_subsets_are_folders_or_lists(tmp_path: Path, files: dict[str, str]) -> None:
    reading = read(tmp_path, files | LABELS, *SUBSETS)
    assert {str(row.file): row.subset for row in reading.rows} == SUBSETS
    assert reading.problems == []


def test_folders_named_like_subsets_do_without_a_configuration(tmp_path: Path) -> None:
    files = {"classes.txt": "cat", "labels/train2017/1.txt": "0 0.5 0.5 0.2 0.2"}
    assert read(tmp_path, files, "images/train2017/1.jpg").rows[0].subset == "train"


def test_a_configured_folder_without_images_and_one_of_two_subsets_are_told(tmp_path: Path) -> None:
    files = {"data.yaml": NAMES + "train: pictures\nval: pictures\ntest: gone\n", "pictures/1.txt": "0 0.5 0.5 0.2 0.2"}
    reading = read(tmp_path, files, "pictures/1.jpg")
    assert told(reading) == {("image_in_two_subsets", "data.yaml", 3), ("subset_missing", "data.yaml", 4)}
    assert reading.rows[0].subset == "train"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("0 0.5 0.5 0.2", "bad_line"),
        ("0 0.5 0.5 0.2 0.2 0.9 0.9 0.9", "bad_line"),
        ("0 0.5 0.5 wide 0.2", "not_a_number"),
        ("0 0.5 0.5 nan 0.2", "not_a_number"),
        ("0 0.5 0.5 1e999 0.2", "not_a_number"),
        ("0 0.5 0.5 1_0 0.2", "not_a_number"),
        ("0 0.5 0.5 0.2 0.2 high", "not_a_number"),
        ("0 -1.7e308 0 1.7e308 1", "bad_line"),
        ("2 0.5 0.5 0.2 0.2", "unknown_class"),
        ("-1 0.5 0.5 0.2 0.2", "unknown_class"),
        ("0.5 0.5 0.5 0.2 0.2", "unknown_class"),
        ("cat 0.5 0.5 0.2 0.2", "not_a_number"),
        ("0,0.5,0.5,0.2,0.2", "not_a_number"),
    ],
)
def test_lines_that_cannot_be_used_are_listed(tmp_path: Path, line: str, code: str) -> None:
    reading = read(tmp_path, {"data.yaml": NAMES, "1.txt": f"0 0.5 0.5 0.2 0.2\r\n{line}\r\n1 0.5 0.5 0.2 0.2\r\n"})
    assert told(reading) == {(code, "1.txt", 2)}
    assert labels(reading) == {"1.jpg": ["cat", "dog"]}


def test_images_without_labels_are_kept_and_labels_without_image_are_listed(tmp_path: Path) -> None:
    files = {
        "data.yaml": NAMES,
        "1.txt": "0 0.5 0.5 0.2 0.2",
        "2.txt": "",
        "gone.txt": "0 0.5 0.5 0.2 0.2",
        "notes.txt": "seen from above",
        "README.txt": "about these images",
        "list.txt": "1.jpg\nlost.jpg\n",
    }
    reading = read(tmp_path, files, "1.jpg", "2.jpg", "3.jpg")
    assert labels(reading) == {"1.jpg": ["cat"], "2.jpg": [], "3.jpg": []}
    assert told(reading) == {
        ("image_without_labels", "3.jpg", None),
        ("labels_without_image", "gone.txt", None),
        ("not_a_label_file", "notes.txt", None),
        ("image_missing", "list.txt", 2),
    }


def test_a_label_file_that_is_no_text_leaves_its_image_out(tmp_path: Path) -> None:
    put(tmp_path, {"data.yaml": NAMES, "1.txt": "0 0.5 0.5 0.2 0.2"})
    (tmp_path / "2.txt").write_bytes(b"0 0.5 0.5 0.2 0.2\n\xff\xfe\xfd")
    reading = yolo.read(tmp_path, below(tmp_path, "1.jpg", "2.jpg"))
    assert labels(reading) == {"1.jpg": ["cat"]}
    assert told(reading) == {("label_file_unreadable", "2.txt", 2)}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "1.txt, line 1: No file names the classes"),
        ({"data.yaml": "nc: 2\nnames: 2\n"}, "data.yaml, line 2: The names are no list."),
        ({"data.yaml": "nc: 2\nnames: [cat, [dog]]\n"}, "data.yaml, line 2: A class has no name."),
        ({"data.yaml": "names:\n  cat: 0\n"}, "data.yaml, line 2: The class '0' has no number."),
        ({"data.yaml": "train: a\nnames: [cat\nval: b\n"}, "data.yaml, line 3: Not valid YAML"),
        ({"data.yaml": "names: " + "[" * 3000}, "nested too deeply"),
        (
            {"a/data.yaml": NAMES, "b/data.yaml": "names: [dog, cat]"},
            "b/data.yaml, line 1: The classes are named other",
        ),
    ],
)
def test_missing_or_broken_class_names_are_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    put(tmp_path, files | {"1.txt": "0 0.5 0.5 0.2 0.2"})
    refused = refusal_of(yolo, tmp_path, "1.jpg")
    assert words in refused.message


def test_without_label_files_or_one_usable_line_the_import_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"data.yaml": NAMES})
    assert refusal_of(yolo, tmp_path, "1.jpg").code == "no_label_file"
    put(tmp_path, {"1.txt": "10 20 30 40 cat\n"})
    assert refusal_of(yolo, tmp_path, "1.jpg").message.startswith("1.txt, line 1: 'cat' is no number")


def test_text_beside_images_is_recognised_by_its_numbers(tmp_path: Path) -> None:
    put(tmp_path, {"1.txt": "a caption of the image", "2.txt": ""})
    assert not yolo.recognises(tmp_path, below(tmp_path, "1.jpg", "2.jpg"))
    put(tmp_path, {"2.txt": "0 0.5 0.5 0.2 0.2"})
    assert yolo.recognises(tmp_path, below(tmp_path, "1.jpg", "2.jpg"))


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    put(tmp_path, {"data.yaml": "train: a\nval: [b, c]\nnames: {0: cat, 1: dog}\n", "1.txt": "0 0.5 0.5 0.2 0.2\n" * 3})
    (tmp_path / "1.txt").write_text("0 0.5 0.5 0.2 0.2\n1 0.1 0.2 0.5 0.2 0.3 0.6\n")
    assert survives(yolo, tmp_path, "1.txt", ["1.jpg"], 200)
    assert survives(yolo, tmp_path, "data.yaml", ["1.jpg"], 200)
