from pathlib import Path

import pytest

from shared.schemas.read_options import ReadOptions, TableColumns
from shared.taskkit.formats import csv_values
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import below, refusal_of, survives, told

IMAGES = ("1.jpg", "2.jpg", "3.jpg")


def put(root: Path, text: str | bytes, file: str = "a.csv") -> Path:
    (root / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def read(root: Path, text: str | bytes, *images: str, file: str = "a.csv") -> Reading:
    return csv_values.read(put(root, text, file), below(root, *(images or IMAGES)))


def values(reading: Reading) -> dict[str, tuple[float, ...]]:
    return {str(row.file): row.values for row in reading.rows}


def codes(reading: Reading) -> set[tuple[str, int | None]]:
    """Return code and line of each problem but images without a row."""
    return {(code, line) for code, _, line in told(reading) if code != "image_not_annotated"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_with_any_usual_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = "file,weight (kg),split\r\n1.jpg,1.5,train\r\n\r\n2.jpg,-2e1,VAL\r\n3.jpg,3,\r\n".replace(",", delimiter)
    reading = read(tmp_path, text)
    assert values(reading) == {"1.jpg": (1.5,), "2.jpg": (-20,), "3.jpg": (3,)}
    assert [row.subset for row in reading.rows] == ["train", "val", None]
    assert [row.place.line for row in reading.rows if row.place] == [2, 4, 5]
    assert [(item.name, item.unit) for item in reading.targets] == [("weight", "kg")]
    assert reading.problems == []


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_decimal_comma_is_read_where_it_cannot_be_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = "file;width (mm);height (mm)\n1.jpg;1,5;1.5\n2.jpg;2;2\n".replace(";", delimiter)
    assert values(read(tmp_path, text)) == {"1.jpg": (1.5, 1.5), "2.jpg": (2, 2)}


def test_points_and_commas_in_one_column_are_not_guessed(tmp_path: Path) -> None:
    reading = read(tmp_path, "file;weight\n1.jpg;1,500\n2.jpg;2.5\n3.jpg;3.5\n")
    assert codes(reading) == {("bad_value", 2)}


def test_an_unquoted_decimal_comma_between_commas_is_listed(tmp_path: Path) -> None:
    reading = read(tmp_path, 'file,weight\n1.jpg,1.5\n2.jpg,2,5\n3.jpg,"3,5"\n')
    assert codes(reading) == {("too_many_cells", 3), ("bad_value", 4)}
    assert values(reading) == {"1.jpg": (1.5,)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write_is_read(tmp_path: Path, encoding: str) -> None:
    text = '"file";"größe [µm]";"note"\n"images/ä; 1.jpg";"1,5";"a ""b""\nc"\n"2.jpg";"2,5";""\n'
    reading = read(tmp_path, text.encode(encoding), "images/ä; 1.jpg", "2.jpg")
    assert values(reading) == {"images/ä; 1.jpg": (1.5,), "2.jpg": (2.5,)}
    assert [(item.name, item.unit) for item in reading.targets] == [("größe", "µm")]
    assert reading.rows[1].place
    assert reading.rows[1].place.line == 4
    assert codes(reading) == {("column_ignored", 1)}


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("weight (kg)", "weight", "kg"),
        ("weight [kg]", "weight", "kg"),
        ("Growth Rate(mm/day)", "Growth Rate", "mm/day"),
        ("altitude_m", "altitude", "m"),
        ("camera_angle_deg", "camera angle", "deg"),
        ("weight", "weight", ""),
        ("plot_no", "plot no", ""),
        ("weight_min", "weight min", ""),
        ("m", "m", ""),
        ("_m", "m", ""),
        ("(kg)", "(kg)", ""),
    ],
)
def test_the_header_gives_name_and_unit(tmp_path: Path, header: str, name: str, unit: str) -> None:
    (target,) = read(tmp_path, f"file,{header}\n1.jpg,1\n").targets
    assert (target.name, target.unit) == (name, unit)


def test_targets_that_differ_in_their_unit_only_keep_their_headers(tmp_path: Path) -> None:
    targets = read(tmp_path, "file,height_m,height_ft\n1.jpg,1,3.28\n").targets
    assert [(item.name, item.unit) for item in targets] == [("height_m", "m"), ("height_ft", "ft")]


@pytest.mark.parametrize(
    ("header", "cell", "image"),
    [
        ("Filename", "1.jpg", "1.jpg"),
        ("Image Path", "data/images/1.jpg", "images/1.jpg"),
        ("path", r"..\data\1.jpg", "x/1.jpg"),
        ("id", "1", "images/1.png"),
        ("name", "first", "images/first.JPG"),
        ("whatever", "1.jpg", "images/1.jpg"),
        ("whatever", "first", "images/first.jpg"),
        ("whatever", "images/first", "images/first.jpg"),
    ],
)
def test_the_column_of_images_is_told_by_its_name_or_its_values(
    tmp_path: Path, header: str, cell: str, image: str
) -> None:
    reading = read(tmp_path, f"weight,{header}\n5,{cell}\n", image)
    assert values(reading) == {image: (5,)}


def test_counters_folds_and_texts_are_no_targets_and_are_told(tmp_path: Path) -> None:
    text = ",id,file,fold,color,weight\n0,7,1.jpg,3,red,1.5\n1,8,2.jpg,4,blue,2.5\n"
    reading = read(tmp_path, text)
    assert [item.name for item in reading.targets] == ["weight"]
    assert [item.message for item in reading.problems if item.code == "column_ignored"] == [
        "Not learned, since they hold no numbers to learn: '', 'id', 'fold', 'color'. They are kept for"
        " grouping images, 200 characters of each value at most; of several rows of an image, those of the first."
    ]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("", "value_missing"),
        ("heavy", "bad_value"),
        ("NaN", "bad_value"),
        ("inf", "bad_value"),
        ("1e999", "bad_value"),
        ("1_000", "bad_value"),
        ("5 kg", "bad_value"),
    ],
)
def test_rows_without_a_number_are_listed_and_left_out(tmp_path: Path, cell: str, code: str) -> None:
    reading = read(tmp_path, f"file,weight\n1.jpg,1\n2.jpg,{cell}\n3.jpg,3\n")
    assert values(reading) == {"1.jpg": (1,), "3.jpg": (3,)}
    (problem,) = reading.problems
    assert (problem.code, problem.file, problem.line) == (code, "a.csv", 3)
    assert "'weight'" in problem.message
    assert problem.mend


def test_a_mostly_empty_column_of_numbers_is_still_a_target(tmp_path: Path) -> None:
    reading = read(tmp_path, "file,weight\n1.jpg,1\n2.jpg,nan\n3.jpg,\n")
    assert codes(reading) == {("bad_value", 3), ("value_missing", 4)}


def test_images_twice_nowhere_and_without_a_row_are_listed(tmp_path: Path) -> None:
    reading = read(tmp_path, "file,weight,split\n1.jpg,1,train\n1.jpg,2,val\n9.jpg,3,val\n2.jpg,2,soon\n,4,\n")
    assert told(reading) == {
        ("image_named_twice", "a.csv", 3),
        ("image_missing", "a.csv", 4),
        ("unknown_subset", "a.csv", 5),
        ("image_missing", "a.csv", 6),
        ("image_not_annotated", "3.jpg", None),
    }
    assert values(reading) == {"1.jpg": (1,), "2.jpg": (2,)}


def test_several_tables_may_be_the_subsets(tmp_path: Path) -> None:
    put(tmp_path, "file,a,b\n1.jpg,1,2\n", "train.csv")
    put(tmp_path, "file\tb\ta\n2.jpg\t4\t3\n", "val.tsv")
    put(tmp_path, "word,count\nleaf,3\n", "words.csv")
    reading = csv_values.read(tmp_path, below(tmp_path, *IMAGES[:2]))
    assert values(reading) == {"1.jpg": (1, 2), "2.jpg": (3, 4)}
    assert [row.subset for row in reading.rows] == ["train", "val"]
    assert told(reading) == {("label_file_left_out", "words.csv", 1)}


def test_folders_give_the_subset_where_nothing_else_does(tmp_path: Path) -> None:
    reading = read(tmp_path, "file,a\ntrain/1.jpg,1\ntest/1.jpg,1\n", "train/1.jpg", "test/1.jpg")
    assert [row.subset for row in reading.rows] == ["train", "test"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a.csv, line 1: The table is empty."),
        ("weight,height\n5,6\n", "a.csv, line 1: No column names the images."),
        ("file,color\n1.jpg,red\n", "a.csv, line 1: No column holds numbers."),
        ("file\n1.jpg\n", "a.csv, line 1: No column holds numbers."),
        ("1.jpg,5\n2.jpg,6\n", "a.csv, line 1: The first line holds values"),
        ("file,a,a\n1.jpg,5,6\n", "a.csv, line 1: Two columns are called 'a'."),
        ('"file,a\n1.jpg,5\n2.jpg,6\n', "a.csv, line 1: The row that begins here is no valid CSV"),
        (b"file,a\n1.jpg,5\n\x81.jpg,6\n", "a.csv, line 3: Not text in UTF-8."),
    ],
)
def test_tables_that_cannot_be_used_are_refused_with_line_and_mend(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    refused = refusal_of(csv_values, put(tmp_path, text), *IMAGES)
    assert refused.message.startswith(words)
    assert refused.hint


def test_tables_with_other_targets_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "file,a (m)\n1.jpg,1\n", "train.csv")
    put(tmp_path, "file,a (cm)\n2.jpg,1\n", "val.csv")
    refused = refusal_of(csv_values, tmp_path, *IMAGES)
    assert refused.message == "val.csv, line 1: The targets are a [cm], but in train.csv a [m]."


def test_tables_are_recognised_by_their_ending(tmp_path: Path) -> None:
    put(tmp_path, "file,a\n1.jpg,1\n", "a.txt")
    assert not csv_values.recognises(tmp_path, below(tmp_path, *IMAGES))
    put(tmp_path, "file\ta\n1.jpg\t1\n", "a.TSV")
    assert csv_values.recognises(tmp_path, below(tmp_path, *IMAGES))


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    put(tmp_path, '\ufefffile;weight (kg);split\n1.jpg;1,5;train\n"2.jpg";2,5;val\n')
    assert survives(csv_values, tmp_path, "a.csv", [*IMAGES])


def test_other_columns_are_kept_by_header_without_empty_cells(tmp_path: Path) -> None:
    text = "file,weight,site,,site,note\n1.jpg,1,north,x,again,\n2.jpg,2,north,y,,\n3.jpg,3,south,,,dry\n"
    rows = read(tmp_path, text).rows
    assert [row.columns for row in rows] == [{"site": "north"}, {"site": "north"}, {"site": "south", "note": "dry"}]
    assert rows[0].columns is rows[1].columns, "rows that say the same share the memory"


def test_numbers_that_are_not_learned_are_kept_too(tmp_path: Path) -> None:
    options = ReadOptions(columns=TableColumns(values=["weight"]))
    files = below(put(tmp_path, "file,weight,patient\n1.jpg,1,7\n2.jpg,2,7\n"), *IMAGES)
    assert [row.columns for row in csv_values.read(tmp_path, files, options).rows] == [{"patient": "7"}] * 2


def test_of_many_columns_and_long_texts_a_part_is_kept_and_told(tmp_path: Path) -> None:
    names = ",".join(f"note {number}" for number in range(60))
    reading = read(tmp_path, f"file,weight,{names}\n1.jpg,1{',' + 'x' * 300}{',y' * 59}\n")
    (row,) = reading.rows
    assert list(row.columns) == [f"note {number}" for number in range(50)]
    assert row.columns["note 0"] == "x" * 200
    (told_of,) = [item.message for item in reading.problems if item.code == "column_ignored"]
    assert "The first 50 are kept for grouping images, 200 characters of each value" in told_of
