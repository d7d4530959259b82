"""Right, false and missed, in scenes whose answers can be read off the boxes."""

import pytest

from shared.schemas.annotations import BoxAnnotation
from shared.taskkit.runtime import Prediction
from shared.tasks.object_detection.judging import Counts, judge
from shared.tasks.object_detection.spec import Options

OBJECT = (10.0, 10.0, 20.0, 20.0)
HALF = [10.0, 10.0, 20.0, 10.0]
"""The upper half of the object: an IoU of 0.5."""
ELSEWHERE = [60.0, 60.0, 10.0, 10.0]
CAT, DOG = 3, 8


def said(*found: tuple[float, list[float], int]) -> Prediction:
    """Return detections of score, box and class."""
    return {
        "boxes": [box for _, box, _ in found],
        "scores": [score for score, _, _ in found],
        "class_ids": [class_id for *_, class_id in found],
    }


def thing(bbox: tuple[float, float, float, float] = OBJECT, class_id: int = CAT, **more: bool) -> BoxAnnotation:
    return BoxAnnotation(class_id=class_id, bbox=bbox, **more)


def verdicts(prediction: Prediction, *truth: BoxAnnotation, **options: float) -> tuple[list[str], list[int]]:
    judgement = judge(prediction, truth, Options(**options))
    assert len(judgement["truth_of"]) == len(judgement["verdicts"])
    return judgement["verdicts"], judgement["missed"]


def test_nothing_said_of_nothing_is_faultless():
    assert verdicts(said()) == ([], [])


def test_every_object_is_missed_where_nothing_is_said_and_all_is_false_where_nothing_is():
    assert verdicts(said(), thing(), thing(class_id=DOG)) == ([], [0, 1])
    assert verdicts(said((0.9, HALF, CAT), (0.8, ELSEWHERE, DOG))) == (["false", "false"], [])


@pytest.mark.parametrize(("iou", "right"), [(0.49, True), (0.5, True), (0.51, False), (0.95, False)])
def test_the_overlap_it_takes_is_the_one_asked_for(iou, right):
    expected = (["right"], []) if right else (["false"], [0])
    assert verdicts(said((0.9, HALF, CAT)), thing(), iou=iou) == expected


@pytest.mark.parametrize(("score", "judged"), [(0.05, 3), (0.3, 2), (0.31, 1), (0.9, 1), (0.91, 0)])
def test_detections_below_the_score_count_as_not_made(score, judged):
    prediction = said((0.9, list(OBJECT), CAT), (0.3, ELSEWHERE, CAT), (0.1, ELSEWHERE, DOG))
    found, missed = verdicts(prediction, thing(), score=score)
    assert found == ["right", "false", "false"][:judged]
    assert missed == ([] if judged else [0])


def test_another_class_in_the_right_place_is_false_and_the_object_missed():
    assert verdicts(said((0.9, list(OBJECT), DOG)), thing()) == (["false"], [0])


def test_an_object_is_found_once_by_the_surest_however_well_others_fit():
    prediction = said((0.9, HALF, CAT), (0.8, list(OBJECT), CAT))
    judgement = judge(prediction, [thing()], Options())
    assert judgement == {"verdicts": ["right", "false"], "truth_of": [0, None], "missed": []}


def test_each_of_two_neighbours_is_found_by_the_one_that_fits_it():
    right, left = (12.0, 10.0, 20.0, 20.0), (10.0, 10.0, 20.0, 20.0)
    prediction = said((0.9, [10.0, 10.0, 20.0, 20.0], CAT), (0.8, [12.0, 10.0, 20.0, 20.0], CAT))
    judgement = judge(prediction, [thing(right), thing(left)], Options())
    assert judgement == {"verdicts": ["right", "right"], "truth_of": [1, 0], "missed": []}


def test_a_crowd_is_never_missed_and_takes_any_number_of_its_class():
    crowd = thing((0.0, 0.0, 100.0, 100.0), iscrowd=True)
    assert verdicts(said(), crowd) == ([], [])
    inside = said((0.9, HALF, CAT), (0.8, ELSEWHERE, CAT), (0.7, ELSEWHERE, DOG))
    assert verdicts(inside, crowd) == (["ignored", "ignored", "false"], [])


def test_an_object_inside_a_crowd_is_found_before_the_crowd_takes_the_rest():
    crowd = thing((0.0, 0.0, 100.0, 100.0), iscrowd=True)
    prediction = said((0.9, list(OBJECT), CAT), (0.8, HALF, CAT))
    judgement = judge(prediction, [crowd, thing()], Options())
    assert judgement == {"verdicts": ["right", "ignored"], "truth_of": [1, None], "missed": []}


def test_counts_add_up_over_images():
    counts = Counts()
    scenes = [
        (said((0.9, list(OBJECT), CAT), (0.8, ELSEWHERE, CAT), (0.6, ELSEWHERE, DOG)), [thing()]),
        (said((0.2, list(OBJECT), CAT)), [thing(), thing((0.0, 0.0, 100.0, 100.0), DOG, iscrowd=True)]),
        (said(), []),
    ]
    for prediction, truth in scenes:
        counts.add(prediction["class_ids"], truth, judge(prediction, truth, Options()))
    assert (counts.right[CAT], counts.false[CAT], counts.missed[CAT]) == (1, 1, 1)
    assert (counts.precision([CAT]), counts.recall([CAT])) == (0.5, 0.5)
    assert (counts.precision([DOG]), counts.recall([DOG])) == (0.0, None), "a crowd is no object to be found"
    assert counts.precision([CAT, DOG]) == pytest.approx(1 / 3)
    assert (counts.precision([1]), counts.recall([1])) == (None, None)
