from pathlib import Path

import pytest

from shared.taskkit.formats.rows import Place, Row
from shared.tasks.classification.importing import annotations, class_names
from tests.support.generated import shape_image
from tests.tasks.conftest import ImportFolder


def test_of_several_classes_the_first_counts_and_the_others_are_listed() -> None:
    row = Row(Path("a.jpg"), labels=("dog", "cat", "bird"), place=Place("labels.csv", 4))
    assert class_names(row) == ("dog",)
    (kept,), (problem,) = annotations(row, {"dog": 3}, 10, 10)
    assert kept.model_dump()["class_id"] == 3
    assert (problem.severity, problem.code, problem.file, problem.line) == (
        "warning",
        "several_labels",
        "labels.csv",
        4,
    )
    assert problem.message == "The image is 'dog' and also 'cat', 'bird'; the first one counts."
    assert problem.mend


def test_an_image_without_a_class_is_kept_without_annotation() -> None:
    assert annotations(Row(Path("a.jpg")), {}, 10, 10) == ([], [])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("labels.csv", "filename;class;split\n1.jpg;round;train\n2.jpg;square;val\n3.jpg;round;test\n"),
        ("_classes.csv", "filename, round, square\n1.jpg, 1, 0\n2.jpg, 0, 1\n3.jpg, 1, 0\n"),
        ("list.txt", "1 round\n2 square\n3 round\n"),
    ],
)
def test_tables_of_labels_are_imported(import_folder: ImportFolder, tmp_path: Path, file: str, text: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}.jpg").write_bytes(shape_image(0, number))
    (folder / file).write_text(text)
    imported = import_folder("classification", folder)
    assert imported.problems == []
    names = {item.id: item.name for item in imported.head.classes}
    found = {name: [names[item.class_id] for item in record.annotations] for name, record in imported.records.items()}
    assert found == {"1.jpg": ["round"], "2.jpg": ["square"], "3.jpg": ["round"]}
