from pathlib import Path

import pytest

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats import icdar, imagenet_txt, tfrecord
from shared.taskkit.formats.detect import recognised
from tests.taskkit.label_files import below, refusal_of, survives, told


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("line", "box", "corners"),
    [
        ('10,20,60,22,60,40,10,40,"EXIT"', (10, 20, 50, 20), (10, 20, 60, 22, 60, 40, 10, 40)),
        ("10, 20, 60, 22, 60, 40, 10, 40, Hello, world 5", (10, 20, 50, 20), (10, 20, 60, 22, 60, 40, 10, 40)),
        ('10 20 60 40 "EXIT"', (10, 20, 50, 20), None),
        ('10, 20, 60, 40, "12"', (10, 20, 50, 20), None),
    ],
)
def test_texts_have_corners_or_sides(
    tmp_path: Path, line: str, box: tuple[float, ...], corners: tuple[float, ...] | None
) -> None:
    put(tmp_path, {"gt_1.txt": f"\ufeff{line}\n\n"})
    assert icdar.recognises(tmp_path, below(tmp_path, "1.jpg"))
    reading = icdar.read(tmp_path, below(tmp_path, "1.jpg"))
    (item,) = reading.rows[0].objects
    assert (item.label, item.bbox, item.corners, item.difficult) == ("text", box, corners, False)
    assert told(reading) == {("letters_not_kept", "gt_1.txt", None)}


def test_illegible_texts_are_difficult_and_letters_are_characters(tmp_path: Path) -> None:
    put(tmp_path, {"gt_1.txt": "1,2,9,2,9,8,1,8,###\n", "2_GT.txt": '# 9\n108 225 132 4 5 1 2 7 8 "F"\n'})
    reading = icdar.read(tmp_path, below(tmp_path, "1.jpg", "2.jpg", "2_GT.bmp"))
    first, second = (row.objects[0] for row in sorted(reading.rows, key=lambda row: row.file))
    assert (first.label, first.difficult) == ("text", True)
    assert (second.label, second.difficult, second.bbox) == ("character", False, (1, 2, 6, 6))


@pytest.mark.parametrize("line", ["1,2,3", "EXIT", "1,2,3,4", "1,2,3,4,5,6,EXIT", "-1.7e308,0,1.7e308,0,EXIT"])
def test_lines_that_are_no_texts_are_listed(tmp_path: Path, line: str) -> None:
    put(tmp_path, {"gt_1.txt": f"1,2,9,8,EXIT\n{line}\n"})
    reading = icdar.read(tmp_path, below(tmp_path, "1.jpg"))
    assert ("bad_line", "gt_1.txt", 2) in told(reading)
    assert len(reading.rows[0].objects) == 1


def test_words_without_places_are_refused(tmp_path: Path) -> None:
    put(tmp_path, {"train/gt.txt": 'word_1.png, "PROPER"\nword_2.png, "Canon"\n'})
    files = below(tmp_path, "train/word_1.png")
    assert icdar.recognises(tmp_path, files)
    assert refusal_of(icdar, tmp_path, "train/word_1.png").message.startswith("train/gt.txt, line 1: ")
    assert refusal_of(icdar, tmp_path / "none", "1.png").code == "no_label_file"


def test_text_of_other_formats_is_not_taken_for_texts(tmp_path: Path) -> None:
    for text in ("0 0.5 0.5 0.2 0.2", "10 20 30 20 30 60 10 60 plane 0", "a caption, of the image"):
        put(tmp_path, {"1.txt": text})
        assert not icdar.recognises(tmp_path, below(tmp_path, "1.jpg"))


def test_lists_give_classes_by_number(tmp_path: Path) -> None:
    put(tmp_path, {"synsets.txt": "cat\nlong dog\n", "train.txt": "1.jpg 1\na b/2.jpg 0\n", "val.txt": "3.jpg 1"})
    names = ("images/1.jpg", "a b/2.jpg", "3.jpg")
    assert imagenet_txt.recognises(tmp_path, below(tmp_path, *names))
    reading = imagenet_txt.read(tmp_path, below(tmp_path, *names))
    assert {str(row.file): (row.subset, row.labels) for row in reading.rows} == {
        "images/1.jpg": ("train", ("long dog",)),
        "a b/2.jpg": ("train", ("cat",)),
        "3.jpg": ("val", ("long dog",)),
    }
    assert (reading.class_names, reading.problems) == (("cat", "long dog"), [])


def test_a_list_without_names_leaves_class_folders_to_be_read(tmp_path: Path) -> None:
    put(tmp_path, {"train.txt": "cat/1.jpg 0\n"})
    assert recognised(tmp_path, below(tmp_path, "cat/1.jpg")) == "class_folders"


def test_names_may_follow_an_identifier_or_come_from_a_person(tmp_path: Path) -> None:
    put(tmp_path, {"synset_words.txt": "n01440764 tench, Tinca\nn01443537 goldfish\n", "train.txt": "1.jpg 1\n"})
    files = below(tmp_path, "1.jpg")
    assert imagenet_txt.read(tmp_path, files).rows[0].labels == ("goldfish",)
    assert imagenet_txt.read(tmp_path, files, ReadOptions(class_names=("a", "b"))).rows[0].labels == ("b",)


def test_lines_that_cannot_be_used_are_listed_by_line(tmp_path: Path) -> None:
    put(tmp_path, {"synsets.txt": "cat", "train.txt": "1.jpg 0\n2.jpg 1\n3.jpg cat\n4.jpg 0\n1.jpg 0\n0\n"})
    reading = imagenet_txt.read(tmp_path, below(tmp_path, "1.jpg", "2.jpg", "3.jpg", "5.jpg"))
    assert told(reading) == {
        *(("unknown_class", "train.txt", line) for line in (2, 3, 6)),
        ("image_missing", "train.txt", 4),
        ("image_named_twice", "train.txt", 5),
        ("image_not_annotated", "5.jpg", None),
    }


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"train.txt": "1.jpg 0\n"}, "train.txt, line 1: The classes are numbers, and no file names them"),
        ({"train.txt": "1.jpg 0\n", "synsets.txt": "a\n\nb"}, "synsets.txt, line 2: The class has no name"),
        ({"train.txt": "1.jpg 5\n", "synsets.txt": "a"}, "train.txt, line 1: '5' is the number of no class"),
        ({"train.txt": "1.jpg dog\n"}, "There is no text file of images and numbers"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    put(tmp_path, files)
    assert words in refusal_of(imagenet_txt, tmp_path, "1.jpg").message


def test_tensorflow_records_are_refused_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, {"train/cells.tfrecord-00000-of-00001": ""})
    assert tfrecord.recognises(tmp_path, below(tmp_path))
    assert not tfrecord.recognises(tmp_path, [Path("1.jpg")])
    refused = refusal_of(tfrecord, tmp_path)
    assert refused.message.startswith("train/cells.tfrecord-00000-of-00001: TFRecord files are not read")
    assert refused.hint


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    put(tmp_path, {"gt_1.txt": '1,2,9,2,9,8,1,8,"EXIT"\n1 2 9 8 "OUT"\n'})
    assert survives(icdar, tmp_path, "gt_1.txt", ["1.jpg"], 200)
    put(tmp_path, {"synsets.txt": "cat\ndog", "train.txt": "1.jpg 0\n2.jpg 1\n"})
    assert survives(imagenet_txt, tmp_path, "train.txt", ["1.jpg", "2.jpg"], 200)
    assert survives(imagenet_txt, tmp_path, "synsets.txt", ["1.jpg", "2.jpg"], 100)
