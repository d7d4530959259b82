from pathlib import Path

import pytest

from shared.schemas.read_options import ReadOptions, TableColumns
from shared.taskkit.formats import csv_boxes
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import below, refusal_of, survives, told

IMAGES = ("1.jpg", "2.jpg", "3.jpg")
Boxes = dict[str, list[tuple[str, tuple[float, ...]]]]


def put(root: Path, text: str | bytes, file: str = "a.csv") -> Path:
    (root / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def read(
    root: Path, text: str | bytes, *images: str, file: str = "a.csv", options: ReadOptions = ReadOptions()
) -> Reading:
    return csv_boxes.read(put(root, text, file), below(root, *(images or IMAGES)), options)


def boxes(reading: Reading) -> Boxes:
    return {str(row.file): [(item.label, item.bbox) for item in row.objects] for row in reading.rows}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("filename,class,xmin,ymin,xmax,ymax", "1.jpg,cat,10,20,40,60"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "1.jpg,640,480,cat,10,20,40,60"),
        ("ImageID,LabelName,XMin,XMax,YMin,YMax", "1,cat,10,40,20,60"),
        ("img_id,label,x1,y1,x2,y2", "1,cat,10,20,40,60"),
        ("patientId,x,y,width,height,Target", "1,10,20,30,40,cat"),
        ("img_id,label,x0,y0,x1,y1", "1,cat,10,20,40,60"),
        ("image,left,top,right,bottom,category", "1.jpg,10,20,40,60,cat"),
        ("path,x,y,w,h,label_name", "data/1.jpg,10,20,30,40,cat"),
        ("file,class,bbox_x,bbox_y,bbox_width,bbox_height", "1.jpg,cat,10,20,30,40"),
        ("file,class,x_min,y_min,width,height", "1.jpg,cat,10,20,30,40"),
        ("file,class,image_width,image_height,left,top,width,height", "1.jpg,cat,640,480,10,20,30,40"),
        ("file,class,cx,cy,w,h", "1.jpg,cat,25,40,30,40"),
        ("file,class,x_center,y_center,width,height", "1.jpg,cat,25,40,30,40"),
        ("file,class,bbox", '1.jpg,cat,"{""x"": 10, ""y"": 20, ""width"": 30, ""height"": 40}"'),
        ("file,class,bbox", "1.jpg,cat,\"[{'xmin': 10, 'ymin': 20, 'xmax': 40, 'ymax': 60}]\""),
        (
            "#filename,file_size,region_count,region_shape_attributes,region_attributes",
            '1.jpg,9,1,"{""name"":""rect"",""x"":10,""y"":20,""width"":30,""height"":40}","{""type"":""cat""}"',
        ),
        (
            "#filename,file_size,region_count,region_shape_attributes,region_attributes",
            '1.jpg,9,1,"{""name"":""polygon"",""all_points_x"":[10,40,20],""all_points_y"":[20,60,30]}",'
            '"{""type"":""cat""}"',
        ),
    ],
)
def test_boxes_are_found_whatever_their_columns_are_called(tmp_path: Path, header: str, row: str) -> None:
    reading = read(tmp_path, f"{header}\n{row}\n", "1.jpg")
    assert boxes(reading) == {"1.jpg": [("cat", (10, 20, 30, 40))]}
    assert not reading.rows[0].objects[0].relative
    assert {item.code for item in reading.problems} <= {"column_ignored"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_shares_with_decimal_commas_are_relative(tmp_path: Path, delimiter: str) -> None:
    text = 'ImageID@LabelName@XMin@XMax@YMin@YMax@IsGroupOf\n1@cat@"0,25"@"0,5"@0@1@1\n1@dog@"0,5"@1@"0,5"@1@0\n'
    reading = read(tmp_path, text.replace("@", delimiter), "1.jpg")
    assert boxes(reading) == {"1.jpg": [("cat", (0.25, 0, 0.25, 1)), ("dog", (0.5, 0.5, 0.5, 0.5))]}
    assert [(item.relative, item.iscrowd) for item in reading.rows[0].objects] == [(True, True), (True, False)]
    assert [item.place.line for item in reading.rows[0].objects] == [2, 3]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["[10, 20, 40, 60]", "10 20 11 21"], [(10, 20, 30, 40), (10, 20, 1, 1)]),
        (["[100, 200, 40, 60]", "(10;20;11;21)"], [(100, 200, 40, 60), (10, 20, 11, 21)]),
    ],
)
def test_four_numbers_in_a_cell_are_corners_where_all_can_be_and_the_guess_is_told(
    tmp_path: Path, cells: list[str], expected: list[tuple[float, ...]]
) -> None:
    rows = "".join(f'{n}.jpg,cat,"{cell}"\n' for n, cell in enumerate(cells, 1))
    reading = read(tmp_path, f"file,class,bbox\n{rows}", *IMAGES[:2])
    assert [item.bbox for row in reading.rows for item in row.objects] == expected
    assert told(reading) == {("box_layout_guessed", "a.csv", 1)}


def test_options_win_over_what_the_numbers_look_like(tmp_path: Path) -> None:
    text = "file,class,bbox\n1.jpg,cat,0.5 0.5 0.75 0.75\n"
    options = ReadOptions(box_layout="center_size", box_unit="pixels")
    reading = read(tmp_path, text, "1.jpg", options=options)
    assert boxes(reading) == {"1.jpg": [("cat", (0.125, 0.125, 0.75, 0.75))]}
    assert not reading.rows[0].objects[0].relative
    assert reading.problems == []
    columns = TableColumns(file="p", label="q", x_min="r", y_min="s", x_max="t", y_max="u")
    mapped = read(tmp_path, "p,q,r,s,t,u\n1.jpg,2,1,2,3,5\n", "1.jpg", options=ReadOptions(columns=columns))
    assert boxes(mapped) == {"1.jpg": [("2", (1, 2, 2, 3))]}


@pytest.mark.parametrize(
    "text",
    ["1.jpg,cat,10,20,40,60\n", "1.jpg,10,20,40,60,cat\n", "/data/1.jpg,10,20,40,60,cat\n2.jpg,,,,,\n"],
)
def test_tables_without_a_header_have_four_numbers_and_a_class(tmp_path: Path, text: str) -> None:
    reading = read(tmp_path, text, *IMAGES[: text.count("\n")])
    assert boxes(reading)["1.jpg"] == [("cat", (10, 20, 30, 40))]
    assert told(reading) == {("box_layout_guessed", "a.csv", 1)}


def test_boxes_without_a_class_are_of_one_class_and_that_is_told(tmp_path: Path) -> None:
    text = 'image_id,width,height,bbox,source\n1,1024,1024,"[834.0, 222.0, 56.0, 36.0]",farm\n'
    reading = read(
        tmp_path, text + '2,1024,1024,"[226.0, 548.0, 130.0, 58.0]",field\n3,1024,1024,"[1, 2, 3, 4]",hill\n'
    )
    assert boxes(reading)["1.jpg"] == [("object", (834, 222, 56, 36))]
    assert reading.rows[0].size == (1024, 1024)
    assert told(reading) == {(code, "a.csv", 1) for code in ("box_layout_guessed", "no_label_column", "column_ignored")}
    named = read(tmp_path, text, "1.jpg", options=ReadOptions(class_names=("wheat",)))
    assert boxes(named)["1.jpg"][0][0] == "wheat"


def test_rows_without_a_box_keep_their_image_and_bad_ones_are_listed(tmp_path: Path) -> None:
    text = "file,class,xmin,ymin,xmax,ymax\n1.jpg,,,,,\n2.jpg,cat,1,2,x,4\n2.jpg,,1,2,3,4\n9.jpg,cat,1,2,3,4\n"
    reading = read(tmp_path, f"{text}3.jpg,cat,1,2,3,4\n3.jpg,cat,1,2,3\n3.jpg,cat,1,2,3,4,5\n")
    assert boxes(reading) == {"1.jpg": [], "2.jpg": [], "3.jpg": [("cat", (1, 2, 2, 2))]}
    assert told(reading) == {
        ("bad_box", "a.csv", 3),
        ("label_missing", "a.csv", 4),
        ("image_missing", "a.csv", 5),
        ("bad_box", "a.csv", 7),
        ("too_many_cells", "a.csv", 8),
    }
    assert all(item.mend for item in reading.problems)


def test_a_missing_image_of_many_boxes_is_listed_once(tmp_path: Path) -> None:
    rows = "".join(f"{n}.jpg,cat,1,2,3,4\n" for n in (1, 9, 9, 9, 2))
    reading = read(tmp_path, f"file,class,xmin,ymin,xmax,ymax\n{rows}", *IMAGES[:2])
    assert told(reading) == {("image_missing", "a.csv", 3)}


def test_faults_of_huge_tables_are_counted(tmp_path: Path) -> None:
    rows = "".join(f"1.jpg,cat,1,2,{n}x,4\n" for n in range(10_005))
    reading = read(tmp_path, f"file,class,xmin,ymin,xmax,ymax\n1.jpg,cat,1,2,3,4\n{rows}", "1.jpg")
    assert len(reading.problems) == 10_001
    assert reading.problems[-1].message.startswith("5 more rows have this fault, the last of them here: ")
    assert reading.problems[-1].line == 10_007


def test_numbers_and_codes_of_classes_are_named_by_files_beside(tmp_path: Path) -> None:
    put(tmp_path, "LabelName,DisplayName\n/m/2,Cat\n/m/1,Dog\n", "class-descriptions.csv")
    reading = read(tmp_path, "file,label,xmin,ymin,xmax,ymax\n1.jpg,/m/1,1,2,3,4\n", "1.jpg")
    assert boxes(reading) == {"1.jpg": [("Dog", (1, 2, 2, 2))]}
    assert reading.problems == []
    put(tmp_path, "cat\ndog\nbird\n", "classes.txt")
    numbered = read(tmp_path, "file,class_id,xmin,ymin,xmax,ymax\n1.jpg,1,1,2,3,4\n", "1.jpg")
    assert boxes(numbered) == {"1.jpg": [("dog", (1, 2, 2, 2))]}
    assert numbered.class_names == ("cat", "dog", "bird")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\n1.jpg,cat\n", "a.csv, line 1: No columns hold the boxes of objects."),
        ("label,xmin,ymin,xmax,ymax\ncat,1,2,3,4\n", "a.csv, line 1: No column names the images."),
        ("file,label,xmin,ymin,xmax,ymax\n1.jpg,cat,a,b,c,d\n", "a.csv, line 2: The box of 'cat' is 'a, b, c, d'"),
        ('file,label,bbox\n1.jpg,cat,"{""a"": 1}"\n', "a.csv, line 2: The box of 'cat' is"),
    ],
)
def test_tables_without_boxes_are_refused_with_line_and_mend(tmp_path: Path, text: str, words: str) -> None:
    refused = refusal_of(csv_boxes, put(tmp_path, text), *IMAGES)
    assert refused.message.startswith(words)
    assert refused.hint


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ('ImageID,LabelName,XMin,XMax,YMin,YMax\n1,cat,"0,1","0,2","0,3","0,4"\n2,dog,0.1,0.2,0.3,0.4\n', "a.csv"),
        ('file,class,bbox\n1.jpg,cat,"[1, 2, 3, 4]"\n2.jpg,dog,"{""x"": 1, ""y"": 2, ""w"": 3, ""h"": 4}"\n', "a.csv"),
        ("1.jpg,cat,1,2,3,4\n2.jpg,dog,5,6,7,8\n", "a.txt"),
        ("file;width;height;class;cx;cy;w;h\n1.jpg;64;48;cat;1,5;2,5;3;4\n", "a.csv"),
    ],
)
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, text: str, file: str) -> None:
    put(tmp_path, text, file)
    assert survives(csv_boxes, tmp_path, file, [*IMAGES])


def test_other_columns_are_kept_of_an_images_first_row(tmp_path: Path) -> None:
    text = "file,class,xmin,ymin,xmax,ymax,site\n1.jpg,cat,1,2,3,4,north\n1.jpg,dog,1,2,3,4,south\n2.jpg,,,,,,south\n"
    reading = read(tmp_path, text)
    assert [row.columns for row in reading.rows] == [{"site": "north"}, {"site": "south"}]
