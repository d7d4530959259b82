import pytest

from shared.tasks.object_detection.agreement import compare


def said(*found: tuple[float, list[float], int]) -> dict:
    return {
        "boxes": [box for _, box, _ in found],
        "scores": [score for score, _, _ in found],
        "class_ids": [class_id for _, _, class_id in found],
    }


HERE, THERE = [10.0, 10.0, 20.0, 40.0], [60.0, 60.0, 30.0, 30.0]


def test_places_in_the_list_mean_nothing():
    agreement = compare(said((0.9, HERE, 1), (0.9, THERE, 1)), said((0.9, THERE, 1), (0.9, HERE, 1)))
    assert (agreement.difference, agreement.same_decision) == (0.0, True)


def test_the_difference_is_of_scores_and_of_borders_in_shares_of_the_box():
    assert compare(said((0.9, HERE, 1)), said((0.85, HERE, 1))).difference == pytest.approx(0.05)
    assert compare(said((0.9, HERE, 1)), said((0.9, [10.0, 10.0, 20.4, 40.0], 1))).difference == pytest.approx(0.01)


@pytest.mark.parametrize("other", [said(), said((0.9, THERE, 1)), said((0.9, HERE, 2))])
def test_an_object_that_only_one_finds_is_another_answer(other):
    assert not compare(said((0.9, HERE, 1)), other).same_decision
    assert not compare(other, said((0.9, HERE, 1))).same_decision


def test_a_detection_at_the_least_score_may_be_given_by_one_alone():
    assert compare(said((0.9, HERE, 1), (0.0502, THERE, 1)), said((0.9, HERE, 1))).same_decision
    assert compare(said(), said()).same_decision


@pytest.mark.parametrize("box", [[0.0, 10.0, 0.0, 20.0], [64.0, 64.0, 0.0, 0.0], [5.0, 0.0, 0.01, 30.0]])
def test_a_box_that_is_a_line_or_a_point_is_found_again(box):
    """A detector that hardly learned finds them, and the two models still say the same."""
    agreement = compare(said((0.9, box, 1), (0.5, HERE, 1)), said((0.9, box, 1), (0.5, HERE, 1)))
    assert (agreement.difference, agreement.same_decision) == (0.0, True)
    assert not compare(said((0.9, box, 1)), said((0.9, [box[0] + 30.0, *box[1:]], 1))).same_decision
