from pathlib import Path

import pytest

from shared.schemas.read_options import ReadOptions, TableColumns
from shared.taskkit.formats import csv_boxes, csv_labels, csv_values
from shared.taskkit.formats.detect import recognised
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import below, refusal_of, survives, told

IMAGES = ("1.jpg", "2.jpg", "3.jpg")


def put(root: Path, text: str | bytes, file: str = "a.csv") -> Path:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def read(
    root: Path, text: str | bytes, *images: str, file: str = "a.csv", options: ReadOptions = ReadOptions()
) -> Reading:
    return csv_labels.read(put(root, text, file), below(root, *(images or IMAGES)), options)


def labels(reading: Reading) -> dict[str, tuple[str, ...]]:
    return {str(row.file): row.labels for row in reading.rows}


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("filename,label,split", ","),
        ("Image Path;Class;Set", ";"),
        ("img\tcategory_name\tsubset", "\t"),
        ("image_id|LabelName|partition", "|"),
    ],
)
def test_a_class_an_image_is_read_whatever_the_columns_are_called(tmp_path: Path, header: str, delimiter: str) -> None:
    text = f"{header}\n1.jpg,cat,train\n2.jpg,dog,val\n3.jpg,cat,\n".replace(",", delimiter)
    reading = read(tmp_path, text)
    assert labels(reading) == {"1.jpg": ("cat",), "2.jpg": ("dog",), "3.jpg": ("cat",)}
    assert [row.subset for row in reading.rows] == ["train", "val", None]
    assert [row.place.line for row in reading.rows if row.place] == [2, 3, 4]
    assert reading.problems == []


def test_the_only_column_of_texts_is_taken_for_classes_and_that_is_told(tmp_path: Path) -> None:
    reading = read(tmp_path, "shot,source,weight,kind\n1.jpg,x,5,cat\n2.jpg,x,6,dog\n3.jpg,x,7,cat\n")
    assert labels(reading) == {"1.jpg": ("cat",), "2.jpg": ("dog",), "3.jpg": ("cat",)}
    assert told(reading) == {("label_column_guessed", "a.csv", 1), ("column_ignored", "a.csv", 1)}


def test_of_columns_with_one_name_the_first_counts(tmp_path: Path) -> None:
    reading = read(tmp_path, "file,label,label\n1.jpg,cat,dog\n2.jpg,cat,cat\n3.jpg,dog,cat\n")
    assert labels(reading) == {"1.jpg": ("cat",), "2.jpg": ("cat",), "3.jpg": ("dog",)}
    assert told(reading) == {("column_twice", "a.csv", 1)}


def test_images_are_found_without_their_ending(tmp_path: Path) -> None:
    reading = read(tmp_path, "id,label\n1,cat\nsub/2,dog\n", "images/1.png", "x/sub/2.JPG")
    assert labels(reading) == {"images/1.png": ("cat",), "x/sub/2.JPG": ("dog",)}


def test_classes_that_are_numbers_stay_text_and_are_ordered_by_value(tmp_path: Path) -> None:
    reading = read(tmp_path, "file,label\n1.jpg,10\n2.jpg,9\n3.jpg,007\n")
    assert labels(reading) == {"1.jpg": ("10",), "2.jpg": ("9",), "3.jpg": ("007",)}
    assert reading.class_names == ("007", "9", "10")


def test_one_column_a_class_gives_several_labels_in_the_order_of_the_columns(tmp_path: Path) -> None:
    reading = read(tmp_path, "filename, dog, 7, cat\n1.jpg, 1, 0, 1\n2.jpg, 0, 1, 0\n3.jpg, 0, 0, 0\n")
    assert labels(reading) == {"1.jpg": ("dog", "cat"), "2.jpg": ("7",), "3.jpg": ()}
    assert reading.class_names == ("dog", "7", "cat")
    assert told(reading) == {("label_missing", "a.csv", 4)}


def test_a_cell_below_a_class_that_is_neither_yes_nor_no_is_listed(tmp_path: Path) -> None:
    rows = "".join(f"{n}.jpg,1,0\n" for n in range(20))
    reading = read(tmp_path, f"file,a,b\n{rows}x.jpg,maybe,1\n", *(f"{n}.jpg" for n in range(20)), "x.jpg")
    assert len(reading.rows) == 20
    assert told(reading) == {("bad_value", "a.csv", 22)}


@pytest.mark.parametrize(
    ("header", "one", "two", "expected"),
    [
        ("label", "cat|old dog", "cat", ("cat", "old dog")),
        ("label", "cat;dog", "cat", ("cat", "dog")),
        ("labels", '"cat, dog"', "cat", ("cat", "dog")),
        ("tags", "haze primary", "clear", ("haze", "primary")),
        ("target", "16 0", "5", ("16", "0")),
        ("label", "\"['cat', 'dog']\"", "['cat']", ("cat", "dog")),
        ("label", "golden retriever", "cat", ("golden retriever",)),
        ("label", '"tench, Tinca tinca"', "cat", ("tench, Tinca tinca",)),
    ],
)
def test_several_classes_in_a_cell_are_parted_where_they_look_so(
    tmp_path: Path, header: str, one: str, two: str, expected: tuple[str, ...]
) -> None:
    assert labels(read(tmp_path, f"file,{header}\n1.jpg,{one}\n2.jpg,{two}\n3.jpg,{two}\n"))["1.jpg"] == expected


def test_rows_of_one_image_are_joined(tmp_path: Path) -> None:
    reading = read(tmp_path, "file,label\n1.jpg,cat\n2.jpg,dog\n1.jpg,dog\n1.jpg,cat\n3.jpg,dog\n")
    assert labels(reading) == {"1.jpg": ("cat", "dog"), "2.jpg": ("dog",), "3.jpg": ("dog",)}
    assert told(reading) == {("label_twice", "a.csv", 5)}


def test_options_say_what_cannot_be_seen(tmp_path: Path) -> None:
    text = "shot;kind_a;kind_b;note\n1.jpg;cat/dog;9;x\n2.jpg;dog;8;y\n3.jpg;cat;9;z\n"
    options = ReadOptions(delimiter=";", columns=TableColumns(file="shot", label="kind_b"), class_names=("a",) * 9)
    reading = read(tmp_path, text, options=options)
    assert labels(reading) == {"2.jpg": ("a",)}
    assert {code for code, _, _ in told(reading)} == {"unknown_class", "column_ignored"}
    named = read(tmp_path, text, options=ReadOptions(columns=TableColumns(labels=("kind_b", "note"))))
    assert named.class_names == ("kind_b", "note")


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    put(tmp_path, "file,label\n1.jpg,a\n")
    with pytest.raises(Exception, match=r"a\.csv, line 1: There is no column 'klass'\.") as caught:
        read(tmp_path, "file,label\n1.jpg,a\n", options=ReadOptions(columns=TableColumns(label="klass")))
    assert getattr(caught.value, "hint", None) == "The columns are: file, label"


@pytest.mark.parametrize("names", ["synsets.txt", "classes.txt", "labels.txt"])
def test_numbers_are_replaced_by_the_names_of_a_list_beside(tmp_path: Path, names: str) -> None:
    put(tmp_path, "tench, Tinca tinca\ngoldfish\nshark\n", names)
    reading = read(tmp_path, "my old 1.jpg 0\n2.JPEG 2\n3 7\n", "my old 1.jpg", "2.JPEG", "3.jpg", file="train.txt")
    assert labels(reading) == {"my old 1.jpg": ("tench, Tinca tinca",), "2.JPEG": ("shark",)}
    assert {row.subset for row in reading.rows} == {"train"}
    assert reading.class_names == ("tench, Tinca tinca", "goldfish", "shark")
    assert told(reading) == {("unknown_class", "train.txt", 3)}


def test_lists_give_names_with_spaces_quoted_files_and_several_numbers(tmp_path: Path) -> None:
    assert labels(read(tmp_path, '"1.jpg" golden retriever\n2.jpg cat\n', file="a.txt")) == {
        "1.jpg": ("golden retriever",),
        "2.jpg": ("cat",),
    }
    assert labels(read(tmp_path, "1.jpg 3 5\n2.jpg 5\n", file="a.txt"))["1.jpg"] == ("3", "5")


def test_a_list_of_numbers_is_recognised_unless_folders_may_be_classes(tmp_path: Path) -> None:
    put(tmp_path, "1 0\n2 1\n", "list.txt")
    assert recognised(tmp_path, below(tmp_path, "images/1.jpg", "images/2.jpg")) == "csv_labels"
    put(tmp_path, "cat/1 0\ndog/2 1\n", "list.txt")
    assert recognised(tmp_path, below(tmp_path, "cat/1.jpg", "dog/2.jpg")) == "class_folders"


def test_codes_are_replaced_by_the_names_that_another_table_gives(tmp_path: Path) -> None:
    put(tmp_path, "/m/0,Cat\n/m/1,Dog\n", "class-descriptions.csv")
    text = "ImageID,Source,LabelName,Confidence\n1,v,/m/1,1\n2,v,/m/0,0\n3,v,/m/5,1\n"
    reading = read(tmp_path, text)
    assert labels(reading) == {"1.jpg": ("Dog",), "2.jpg": (), "3.jpg": ("/m/5",)}
    assert told(reading) == {("label_denied", "a.csv", 3), ("column_ignored", "a.csv", 1)}


def test_a_second_table_of_the_same_images_is_listed_once_an_image(tmp_path: Path) -> None:
    put(tmp_path, "file,label\n1.jpg,cat\n2.jpg,dog\n", "a.csv")
    reading = read(tmp_path, "file,label\n1.jpg,dog\n1.jpg,bird\n3.jpg,cat\n", file="b.csv")
    assert labels(reading) == {"1.jpg": ("cat",), "2.jpg": ("dog",), "3.jpg": ("cat",)}
    assert told(reading) == {("image_named_twice", "b.csv", 2)}


def test_empty_cells_missing_images_and_ragged_rows_are_listed(tmp_path: Path) -> None:
    reading = read(tmp_path, 'file,label\n1.jpg,\n9.jpg,cat\n2.jpg\n3.jpg,cat,dog\n2.jpg,"a"b\n')
    assert labels(reading) == {"1.jpg": (), "2.jpg": ()}
    assert told(reading) == {
        ("label_missing", "a.csv", 2),
        ("image_missing", "a.csv", 3),
        ("label_missing", "a.csv", 4),
        ("too_many_cells", "a.csv", 5),
        ("bad_row", "a.csv", 6),
    }
    assert all(item.mend for item in reading.problems)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,weight\n1.jpg,5.5\n2.jpg,6\n", "a.csv, line 1: No column holds the classes of images."),
        ("a,b\nc,d\n", "a.csv, line 1: No column names the images."),
        (
            "label," + ",".join(f"p{n}" for n in range(784)) + "\n5" + ",0" * 784,
            "a.csv, line 1: The rows hold the pixels",
        ),
        ("", "a.csv, line 1: The table is empty."),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str, words: str) -> None:
    refused = refusal_of(csv_labels, put(tmp_path, text), *IMAGES)
    assert refused.message.startswith(words)
    assert refused.hint


LABELS = "file,label\n1.jpg,cat\n"
BOXES = "file,label,xmin,ymin,xmax,ymax\n1.jpg,cat,1,2,3,4\n"
NUMBERS = "file,width,weight\n1.jpg,1.5,2\n"


@pytest.mark.parametrize(("text", "reader"), [(LABELS, csv_labels), (BOXES, csv_boxes), (NUMBERS, csv_values)])
def test_each_kind_of_table_has_one_reader(tmp_path: Path, text: str, reader: object) -> None:
    files = below(put(tmp_path, text), *IMAGES)
    assert [item for item in (csv_labels, csv_boxes, csv_values) if item.recognises(tmp_path, files)] == [reader]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("1.txt", "0 0.5 0.5 0.1 0.1\n"),
        ("coco.json", '{"images": [], "annotations": [], "categories": []}'),
        ("1.xml", "<annotation><object><bndbox></bndbox></object></annotation>"),
    ],
)
def test_tables_beside_files_of_other_formats_are_left_to_them(tmp_path: Path, file: str, content: str) -> None:
    put(tmp_path, content, file)
    for text in (LABELS, BOXES):
        found = recognised(tmp_path, below(put(tmp_path, text), *IMAGES))
        assert found in ("yolo", "coco", "pascal_voc")


def test_a_table_that_names_none_of_the_images_is_not_taken_for_labels(tmp_path: Path) -> None:
    assert not csv_labels.recognises(put(tmp_path, LABELS), below(tmp_path, "cat/a.jpg", "dog/b.jpg"))


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ('\ufefffile;label;split\n1.jpg;cat|dog;train\n"2.jpg";7;val\n', "a.csv"),
        ("file,cat,dog\n1.jpg,1,0\n2.jpg,0,1\n", "a.csv"),
        ('"1.jpg" 0 1\n2.jpg 1\n', "a.txt"),
    ],
)
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, text: str, file: str) -> None:
    put(tmp_path, "cat\ndog\n", "classes.txt")
    put(tmp_path, text, file)
    assert survives(csv_labels, tmp_path, file, [*IMAGES])


def test_other_columns_are_kept_of_an_images_first_row(tmp_path: Path) -> None:
    reading = read(tmp_path, "file,label,fold,site\n1.jpg,cat,3,north\n1.jpg,dog,4,south\n2.jpg,cat,4,south\n")
    assert [row.columns for row in reading.rows] == [{"fold": "3", "site": "north"}, {"fold": "4", "site": "south"}]
