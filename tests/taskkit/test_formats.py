from pathlib import Path

import pytest

from shared.errors import Invalid
from shared.taskkit import registry
from shared.taskkit.formats import class_folders
from shared.taskkit.formats.detect import choose_format
from shared.taskkit.formats.rows import Reading

SPEC = next(spec for spec in registry.specs() if "class_folders" in [item.value for item in spec.import_formats])


def read(*names: str) -> Reading:
    return class_folders.read(Path("/nowhere"), [Path(name) for name in sorted(names)])


def told(reading: Reading) -> list[tuple[str, str | None, str]]:
    return [(str(row.file), row.subset, row.labels[0]) for row in reading.rows]


def test_plain_class_folders() -> None:
    assert told(read("cat/1.jpg", "dog/2.PNG")) == [("cat/1.jpg", None, "cat"), ("dog/2.PNG", None, "dog")]


@pytest.mark.parametrize(
    ("folder", "subset"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("valid", "val"),
        ("Evaluation", "val"),
        ("holdout", "test"),
        ("validation", "val"),
        ("VAL", "val"),
        ("testing", "test"),
        ("training_set", "train"),
        ("test_images", "test"),
        ("train2017", "train"),
    ],
)
def test_subset_folders_in_their_usual_spellings(folder: str, subset: str) -> None:
    assert (f"{folder}/cat/1.jpg", subset, "cat") in told(read(f"{folder}/cat/1.jpg", "test/dog/1.jpg"))


def test_a_folder_around_everything_is_looked_through() -> None:
    assert told(read("clothes/train/hat/1.jpg", "clothes/test/hat/2.jpg")) == [
        ("clothes/test/hat/2.jpg", "test", "hat"),
        ("clothes/train/hat/1.jpg", "train", "hat"),
    ]


def test_a_note_beside_the_folder_around_everything_does_not_make_it_a_class() -> None:
    assert told(read("README.md", "clothes/hat/1.jpg", "clothes/shoe/1.jpg")) == [
        ("clothes/hat/1.jpg", None, "hat"),
        ("clothes/shoe/1.jpg", None, "shoe"),
    ]


def test_folders_of_images_in_subsets_are_looked_through_and_those_in_classes_belong_to_them() -> None:
    assert told(read("train/images/hat/1.jpg", "train/images/shoe/a/b/2.jpg", "val/hat/3.jpg")) == [
        ("train/images/hat/1.jpg", "train", "hat"),
        ("train/images/shoe/a/b/2.jpg", "train", "shoe"),
        ("val/hat/3.jpg", "val", "hat"),
    ]


def test_classes_may_hold_a_folder_for_each_subset() -> None:
    assert told(read("hat/train/1.jpg", "hat/val/2.jpg", "shoe/test/3.jpg")) == [
        ("hat/train/1.jpg", "train", "hat"),
        ("hat/val/2.jpg", "val", "hat"),
        ("shoe/test/3.jpg", "test", "shoe"),
    ]


def test_one_class_with_subsets_is_no_folder_around_everything() -> None:
    assert told(read("hat/train/1.jpg", "hat/test/2.jpg")) == [
        ("hat/test/2.jpg", "test", "hat"),
        ("hat/train/1.jpg", "train", "hat"),
    ]


def test_images_beside_the_class_folders_of_a_subset_do_not_make_classes_of_subsets() -> None:
    reading = read("train/hat/1.jpg", "test/hat/2.jpg", "test/loose.jpg", "unlabelled/3.jpg")
    assert [(row.subset, row.labels) for row in reading.rows] == [("test", ("hat",)), ("train", ("hat",))]
    assert [item.file for item in reading.problems] == ["test/loose.jpg", "unlabelled/3.jpg"]


def test_images_right_in_the_folders_of_subsets_have_no_class() -> None:
    reading = read("train/1.jpg", "test/2.jpg")
    assert (reading.rows, [item.code for item in reading.problems]) == ([], ["image_without_class"] * 2)


def test_a_vehicle_called_train_is_a_class_among_others() -> None:
    assert {row.labels[0] for row in read("train/a/1.jpg", "bus/a/1.jpg", "car/a/1.jpg").rows} == {
        "train",
        "bus",
        "car",
    }


def test_a_class_may_be_called_like_a_subset() -> None:
    assert told(read("test/1.jpg", "other/2.jpg")) == [("other/2.jpg", None, "other"), ("test/1.jpg", None, "test")]


def test_a_readme_beside_the_folders_is_no_problem_and_does_not_hide_them() -> None:
    reading = read("README.md", "train/hat/1.jpg", "test/hat/2.jpg")
    assert [row.subset for row in reading.rows] == ["test", "train"]
    assert reading.problems == []


def test_what_is_left_out_is_listed() -> None:
    reading = read("loose.jpg", "cat/1.jpg", "cat/notes.txt", "dog/2.jpg")
    assert {(item.file, item.code) for item in reading.problems} == {
        ("loose.jpg", "image_without_class"),
        ("cat/notes.txt", "not_an_image"),
    }
    assert len(reading.rows) == 2


@pytest.mark.parametrize(
    ("files", "wanted", "code"),
    [
        ([], "auto", "no_images_found"),
        (["a/readme.txt"], "auto", "no_images_found"),
        (["1.jpg"], "auto", "format_not_recognised"),
        (["a/1.jpg"], "nonsense", "invalid_value"),
    ],
)
def test_what_cannot_be_imported_is_said(files: list[str], wanted: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        choose_format(SPEC, wanted, Path("/nowhere"), [Path(name) for name in files])
    assert caught.value.code == code


def test_a_refused_layout_is_described(tmp_path: Path) -> None:
    names = ["a.jpg", "b.jpg", "notes.md", "NOTICE"]
    with pytest.raises(Invalid) as caught:
        choose_format(SPEC, "auto", tmp_path, [Path(name) for name in names])
    found = "Found 2 .jpg, 1 .md, 1 without ending, none in a folder; for example a.jpg, notes.md, NOTICE."
    assert caught.value.message.endswith(found)
    assert "Class folders: one folder a class" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("file", "text", "label"),
    [
        ("labels/train/1.txt", "0 .5 .5 .1 .1\n", "YOLO"),
        ("a/1.txt", "1 1 9 1 9 9 1 9 ship 0\n", "DOTA"),
        ("Annotations/1.xml", "<annotation><object><bndbox></bndbox></object></annotation>", "Pascal VOC"),
    ],
)
def test_label_files_without_their_images_are_named(tmp_path: Path, file: str, text: str, label: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(Invalid) as caught:
        choose_format(SPEC, "auto", tmp_path, [Path("README.txt"), Path(file)])
    assert caught.value.code == "no_images_found"
    assert f"The files look like {label} without its images" in caught.value.message
    assert file in caught.value.message


def test_text_without_images_is_no_labels(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("1 2 3\n")
    with pytest.raises(Invalid) as caught:
        choose_format(SPEC, "auto", tmp_path, [Path("notes.txt")])
    assert "look like" not in caught.value.message


@pytest.mark.parametrize(
    "names",
    [
        ["images/1.jpg", "images/2.jpg"],
        ["kaggle/images/1.jpg", "kaggle/notes.md"],
        ["train/images/1.jpg", "validation/images/2.jpg"],
    ],
)
def test_a_folder_of_all_images_is_no_class(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a note\n")
    with pytest.raises(Invalid) as caught:
        choose_format(SPEC, "auto", tmp_path, [Path(name) for name in names])
    assert caught.value.code == "format_not_recognised"
    with pytest.raises(Invalid) as caught:
        read(*names)
    assert caught.value.code == "no_label_file"
    assert "All images are in the folder 'images', which is not taken for a class." in caught.value.message
    assert "for example " + names[0] in caught.value.message


def test_images_may_be_a_class_among_others() -> None:
    assert told(read("images/1.jpg", "text/2.jpg")) == [("images/1.jpg", None, "images"), ("text/2.jpg", None, "text")]
