from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from shared.schemas.annotations import BoxAnnotation, LabelAnnotation, ValueAnnotation
from shared.schemas.dataset import ImageRecord
from shared.taskkit.strata import IMAGES_PER_STRATUM, binned, natural, rarest_class, shown_classes

NAMES = {1: "red cell", 4: "white cell", 7: "platelet"}


def record(annotations: Sequence[object] = ()) -> ImageRecord:
    return ImageRecord.model_validate(
        {
            "id": "0" * 16,
            "filename": "a.jpg",
            "width": 8,
            "height": 8,
            "bytes": 1,
            "format": "JPEG",
            "sha256": "0" * 64,
            "imported_at": datetime(2026, 1, 1, tzinfo=UTC),
            "annotations": annotations,
        }
    )


def boxes(*class_ids: int) -> ImageRecord:
    return record([BoxAnnotation(class_id=class_id, bbox=(0, 0, 1, 1)) for class_id in class_ids])


def values(rows: Sequence[Sequence[float]]) -> Iterator[ImageRecord]:
    return (record([ValueAnnotation(values=list(row))] if row else []) for row in rows)


def test_the_rarest_class_is_counted_in_images_not_in_boxes() -> None:
    records = [boxes(1, 4, 4, 4), boxes(1, 7), boxes(7), boxes(1), boxes()]
    assert rarest_class(iter(records), NAMES) == ["white cell", "platelet", "platelet", "red cell", "(no object)"]
    assert rarest_class(iter([]), NAMES) == []


def test_of_equally_rare_classes_the_first_by_name_counts() -> None:
    records = [boxes(1, 4, 7), boxes(1, 4)]
    assert rarest_class(iter(records), NAMES) == ["platelet", "red cell"]
    others = {1: "white cell", 4: "red cell", 7: "platelet"}
    assert rarest_class(iter(records), others) == ["platelet", "red cell"], "whatever ids the import gave"


def test_shown_classes_do_not_depend_on_the_kind_of_annotation() -> None:
    assert shown_classes(boxes(7, 1, 7)) == (1, 7)
    assert shown_classes(record([LabelAnnotation(class_id=4)])) == (4,)
    assert shown_classes(next(values([[3.5]]))) == ()


def test_few_different_values_are_kept_apart() -> None:
    rows = [[60], [70.0], [], [60], [130]]
    assert binned(values(rows)) == ["60", "70", "(no value)", "60", "130"]
    assert binned(iter([])) == []
    assert binned(values([[], []])) == ["(no value)", "(no value)"]


def test_many_different_values_are_cut_into_even_ranges() -> None:
    labels = binned(values([[number / 10] for number in range(1000)]), bins=4)
    assert Counter(labels) == {"0 to 24.9": 250, "25 to 49.9": 250, "50 to 74.9": 250, "75 to 99.9": 250}


def test_few_images_make_few_ranges() -> None:
    labels = binned(values([[number * 1.5] for number in range(25)]))
    assert Counter(labels) == {"0 to 16.5": 12, "18 to 36": 13}


def test_several_targets_share_the_strata() -> None:
    rows = [[altitude, angle] for altitude in range(60, 140, 10) for angle in range(30, 100, 10) for _ in range(6)]
    found = Counter(binned(values(rows)))
    assert found["70 to 80 / 40 to 50"] == 24
    assert len(found) <= len(rows) / IMAGES_PER_STRATUM
    assert min(found.values()) >= 4


@given(st.lists(st.floats(-1e9, 1e9, allow_nan=False), max_size=120), st.integers(1, 8))
def test_ranges_do_not_overlap_and_sort_by_size(numbers: list[float], bins: int) -> None:
    labels = binned(values([[number] for number in numbers]), bins)
    found: dict[str, list[float]] = {}
    for label, number in zip(labels, numbers, strict=True):
        found.setdefault(label, []).append(number)
    assert len(found) <= bins
    in_order = sorted(found, key=lambda label: min(found[label]))
    for lower, higher in pairwise(in_order):
        assert max(found[lower]) < min(found[higher])


def test_labels_sort_as_people_do() -> None:
    mixed = ["(no value)", "100 to 120", "class 10", "-5 to 2", "60 to 80", "class 2", "-20 to -6", "Class 3", "0.5"]
    assert sorted(mixed, key=natural) == [
        "-20 to -6", "-5 to 2", "0.5", "60 to 80", "100 to 120", "class 2", "Class 3", "class 10", "(no value)",
    ]  # fmt: skip
