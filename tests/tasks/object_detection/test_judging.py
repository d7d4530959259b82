"""Right, false and missed, counted by hand."""

import pytest

from shared.schemas.annotations import BoxAnnotation
from shared.tasks.object_detection.judging import Counts, area_of, judge
from shared.tasks.object_detection.spec import Options

LEFT, RIGHT = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 10.0, 10.0)
HALF = (0.0, 0.0, 10.0, 5.0)
"""Covers half of LEFT: IoU 0.5."""


def truth(*boxes, class_id: int = 0, crowd: bool = False) -> list[BoxAnnotation]:
    return [BoxAnnotation(class_id=class_id, bbox=box, iscrowd=crowd) for box in boxes]


def said(*found: tuple[float, tuple[float, ...], int]) -> dict:
    return {
        "boxes": [list(box) for _, box, _ in found],
        "scores": [score for score, _, _ in found],
        "class_ids": [class_id for _, _, class_id in found],
    }


def test_found_false_and_missed():
    told = judge(said((0.9, LEFT, 0), (0.8, (80, 80, 5, 5), 0)), truth(LEFT, RIGHT), Options())
    assert told == {"verdicts": ["right", "false"], "missed": [1]}


def test_below_the_score_counts_as_not_made():
    told = judge(said((0.9, LEFT, 0), (0.49, RIGHT, 0)), truth(LEFT, RIGHT), Options(score=0.5))
    assert told == {"verdicts": ["right"], "missed": [1]}
    assert judge(said((0.5, LEFT, 0)), truth(LEFT), Options(score=0.5))["verdicts"] == ["right"]


@pytest.mark.parametrize(("iou", "verdict"), [(0.5, "right"), (0.51, "false")])
def test_the_overlap_decides(iou, verdict):
    assert judge(said((0.9, HALF, 0)), truth(LEFT), Options(iou=iou))["verdicts"] == [verdict]


def test_a_second_detection_of_an_object_and_one_of_another_class_are_false():
    assert judge(said((0.9, LEFT, 0), (0.8, LEFT, 0)), truth(LEFT), Options())["verdicts"] == ["right", "false"]
    assert judge(said((0.9, LEFT, 1)), truth(LEFT), Options()) == {"verdicts": ["false"], "missed": [0]}


def test_crowds_are_neither_missed_nor_do_they_make_detections_false():
    crowd = truth((0.0, 0.0, 60.0, 60.0), crowd=True)
    told = judge(said((0.9, LEFT, 0), (0.8, (80, 80, 5, 5), 0)), crowd, Options())
    assert told == {"verdicts": ["ignored", "false"], "missed": []}


def test_nothing_said_and_nothing_there():
    assert judge(said(), [], Options()) == {"verdicts": [], "missed": []}


def test_precision_and_recall_by_class():
    counts = Counts()
    objects = truth(LEFT) + truth(RIGHT, class_id=1)
    spoken = said((0.9, LEFT, 0), (0.8, (80, 80, 5, 5), 0))
    counts.add(spoken["class_ids"], objects, judge(spoken, objects, Options()))
    assert (counts.precision([0]), counts.recall([0])) == (0.5, 1.0)
    assert (counts.precision([1]), counts.recall([1])) == (None, 0.0)
    assert (counts.precision([0, 1]), counts.recall([0, 1])) == (0.5, 0.5)


def test_the_area_is_that_of_the_source_where_it_says_one():
    assert area_of(BoxAnnotation(class_id=0, bbox=LEFT)) == 100
    assert area_of(BoxAnnotation(class_id=0, bbox=LEFT, area=42)) == 42
