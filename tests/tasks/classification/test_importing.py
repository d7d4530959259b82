from pathlib import Path

from shared.taskkit.formats.rows import Place, Row
from shared.tasks.classification.importing import annotations, class_names


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
