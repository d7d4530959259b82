"""What all tables have in common: encodings, quotes that are broken, options."""

import tracemalloc
from pathlib import Path

import pytest

from shared.errors import Invalid
from shared.schemas.read_options import ReadOptions, TableColumns
from shared.taskkit.formats import csv_labels, csv_values
from tests.taskkit.label_files import below, told

TEXT = "file,label\nä.jpg,Käse\n2.jpg,Brot\n"
IMAGES = ("ä.jpg", "2.jpg")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_usual_encodings_and_line_ends_are_read(tmp_path: Path, encoding: str, ending: str) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.replace("\n", ending).encode(encoding))
    reading = csv_labels.read(tmp_path, below(tmp_path, *IMAGES))
    assert {str(row.file): row.labels for row in reading.rows} == {"ä.jpg": ("Käse",), "2.jpg": ("Brot",)}
    guessed = {item.code for item in reading.problems}
    assert guessed == ({"encoding_guessed"} if encoding == "cp1252" else set())


@pytest.mark.parametrize("data", [b"file,label\n\x00\xff\x81,a\n", b"\xff\xfea\x00b", b"\x89PNG\r\n\x1a\n\x00\x00\x9d"])
def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(Invalid, match=r"^a\.csv, line \d: Not text in UTF-8\.") as caught:
        csv_labels.read(tmp_path, below(tmp_path, *IMAGES))
    assert caught.value.hint


def test_a_broken_row_does_not_cost_the_rows_below(tmp_path: Path) -> None:
    rows = ["1.jpg,a", '"2.jpg,b', "3.jpg,b", '4.jpg,"a"x', '5.jpg,"a', 'b"', "6.jpg,a"]
    (tmp_path / "a.csv").write_text("file,label\n" + "\n".join(rows) + "\n")
    reading = csv_labels.read(tmp_path, below(tmp_path, *(f"{n}.jpg" for n in range(1, 7))))
    bad = {line for code, _, line in told(reading) if code == "bad_row"}
    assert {row.file.name for row in reading.rows} >= {"1.jpg", "3.jpg", "6.jpg"}
    assert {3, 5} <= bad


def test_a_quote_that_is_never_closed_costs_its_row_only(tmp_path: Path) -> None:
    rows = "".join(f"{n}.jpg,a\n" for n in range(20_000))
    (tmp_path / "a.csv").write_text(f'file,label\n"x.jpg,a\n{rows}')
    reading = csv_labels.read(tmp_path, below(tmp_path, "7.jpg", "19999.jpg"))
    assert {row.file.name for row in reading.rows} == {"7.jpg", "19999.jpg"}
    assert ("bad_row", "a.csv", 2) in told(reading)


def test_a_table_is_not_held_in_memory(tmp_path: Path) -> None:
    line = "1.jpg,cat," + "x" * 1000 + "\n"
    (tmp_path / "a.csv").write_text("file,label,note\n" + line * 60_000)
    files = below(tmp_path, "1.jpg")
    tracemalloc.start()
    csv_labels.read(tmp_path, files)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "a.csv").stat().st_size > 60e6
    assert peak < 30e6


def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file,label\n" + "x" * (3 << 20))
    with pytest.raises(Invalid, match=r"^a\.csv, line 2: The line is too long for a table\."):
        csv_labels.read(tmp_path, below(tmp_path, "1.jpg"))


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (ReadOptions(delimiter=";", decimal=","), 1.234),
        (ReadOptions(decimal="."), None),
        (ReadOptions(columns=TableColumns(values=("b",))), 7.0),
    ],
)
def test_options_say_how_numbers_are_written_and_where(
    tmp_path: Path, options: ReadOptions, value: float | None
) -> None:
    (tmp_path / "a.csv").write_text("file;a;b;c\n1.jpg;1,234;7;x\n2.jpg;2.5;8;y\n")
    reading = csv_values.read(tmp_path, below(tmp_path, "1.jpg", "2.jpg"), options)
    first = next((row for row in reading.rows if row.file.name == "1.jpg"), None)
    assert (first and first.values[0]) == value


def test_thousands_and_decimals_are_not_mixed_up(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('file,a\n1.jpg,"1,500"\n2.jpg,"2,250"\n')
    files = below(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(Invalid, match="No column holds numbers"):
        csv_values.read(tmp_path, files)
    reading = csv_values.read(tmp_path, files, ReadOptions(decimal=","))
    assert [row.values for row in reading.rows] == [(1.5,), (2.25,)]


def test_columns_without_a_header_can_be_named_by_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1.jpg,5,a\n2.jpg,6,b\n")
    options = ReadOptions(columns=TableColumns(file="column 1", values=("column 2",)))
    reading = csv_values.read(tmp_path, below(tmp_path, "1.jpg", "2.jpg"), options)
    assert [row.values for row in reading.rows] == [(5,), (6,)]
