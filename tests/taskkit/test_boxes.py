import math
import time

import numpy as np
import pytest

from shared.taskkit.boxes import IGNORED, NOTHING, iou, match, placed


def test_overlap_of_boxes():
    found = iou([[0, 0, 10, 10], [100, 100, 5, 5]], [[0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 10, 10]])
    assert found == pytest.approx(np.array([[1, 1 / 3, 0], [0, 0, 0]]))


def test_overlap_with_a_crowd_is_the_share_of_the_box_inside():
    assert iou([[0, 0, 10, 10]], [[5, 0, 100, 100]], [True]) == pytest.approx(np.array([[0.5]]))


def test_overlap_of_nothing():
    assert iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert iou(np.empty((0, 4)), np.empty((0, 4))).shape == (0, 0)
    assert iou([[0, 0, 0, 0]], [[0, 0, 0, 0]]).tolist() == [[0]]


BOX, SHIFTED, FAR = [0, 0, 10, 10], [1, 0, 10, 10], [50, 50, 10, 10]


@pytest.mark.parametrize(
    ("detections", "truths", "expected", "missed"),
    [
        ([(BOX, 0, 0.9)], [(BOX, 0, False)], [0], []),
        ([(BOX, 1, 0.9)], [(BOX, 0, False)], [NOTHING], [0]),
        ([(SHIFTED, 0, 0.5), (BOX, 0, 0.9)], [(BOX, 0, False)], [NOTHING, 0], []),
        ([(SHIFTED, 0, 0.9), (BOX, 0, 0.5)], [(BOX, 0, False)], [0, NOTHING], []),
        ([(BOX, 0, 0.9), (BOX, 0, 0.8)], [(SHIFTED, 0, False), (BOX, 0, False)], [1, 0], []),
        ([(BOX, 0, 0.9), (BOX, 0, 0.8), (FAR, 0, 0.7)], [(BOX, 0, True)], [IGNORED, IGNORED, NOTHING], []),
        ([(BOX, 0, 0.9), (BOX, 0, 0.8)], [(BOX, 0, True), (SHIFTED, 0, False)], [1, IGNORED], []),
        ([], [(BOX, 0, False), (BOX, 0, True)], [], [0]),
        ([(BOX, 0, 0.9)], [], [NOTHING], []),
        ([], [], [], []),
    ],
)
def test_matching(detections, truths, expected, missed):
    found = match(*_columns(detections), *_columns(truths))
    assert found.truth_of.tolist() == expected
    assert found.missed.tolist() == missed


def test_the_overlap_it_takes_can_be_chosen():
    assert match([BOX], [0], [1.0], [SHIFTED], [0], [False], least_iou=0.9).truth_of.tolist() == [NOTHING]


def test_matching_agrees_with_pycocotools():
    """Real code that does the same, on crowded images with crowds and ties."""
    chance = np.random.default_rng(3)
    for _ in range(20):
        truths = np.hstack([chance.integers(0, 60, (30, 2)), chance.integers(10, 30, (30, 2))]).astype(float)
        boxes = np.vstack([truths[:20] + chance.integers(-2, 3, (20, 4)), truths + chance.integers(-4, 5, (30, 4))])
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
        classes, truth_classes = chance.integers(0, 3, 50), chance.integers(0, 3, 30)
        scores, crowd = chance.integers(0, 20, 50) / 20, chance.random(30) < 0.2
        found = match(boxes, classes, scores, truths, truth_classes, crowd)
        expected = _by_pycocotools(boxes, classes, scores, truths, truth_classes, crowd)
        assert found.truth_of.tolist() == expected


def test_hundreds_of_boxes_take_milliseconds():
    chance = np.random.default_rng(0)
    boxes = chance.uniform(10, 500, (600, 4))
    classes = np.zeros(600)
    start = time.process_time()
    match(boxes, classes, chance.random(600), boxes[:300], classes[:300], np.zeros(300))
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("bbox", [(0, 0, 100, 50), (10.5, 3, 20, 7), (99, 49, 1, 1)])
def test_a_box_in_its_image_stays_as_it_is(bbox):
    assert placed(bbox, 100, 50) == (bbox, None)


def test_a_pixel_too_far_is_cut_without_a_word():
    assert placed((-0.5, 0, 20, 51), 100, 50) == ((0.0, 0.0, 19.5, 50.0), None)


def test_a_box_that_reaches_out_is_cut_and_told():
    box, fault = placed((90, -5, 30, 20), 100, 50)
    assert box == (90, 0, 10, 15)
    assert fault is not None
    assert (fault.severity, fault.code) == ("warning", "box_outside_image")
    assert "[90, -5, 30, 20]" in fault.message
    assert "20 pixels" in fault.message


@pytest.mark.parametrize(
    ("bbox", "code"),
    [
        ((100, 10, 5, 5), "box_outside_image"),
        ((-5, 10, 5, 5), "box_outside_image"),
        ((10, 10, 0, 5), "box_without_area"),
        ((10, 10, 5, -1), "box_without_area"),
        ((10, math.nan, 5, 5), "box_not_a_number"),
        ((10, 10, math.inf, 5), "box_not_a_number"),
    ],
)
def test_a_box_that_cannot_be_used_is_left_out_and_told(bbox, code):
    box, fault = placed(bbox, 100, 50)
    assert box is None
    assert fault is not None
    assert (fault.severity, fault.code) == ("error", code)
    assert fault.mend


def _columns(rows):
    return [[row[column] for row in rows] for column in range(3)]


def _by_pycocotools(boxes, classes, scores, truths, truth_classes, crowd):
    import contextlib
    import io

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    dataset = COCO()
    dataset.dataset = {
        "info": {},
        "images": [{"id": 1}],
        "categories": [{"id": index} for index in range(3)],
        "annotations": [
            {
                "id": index + 1,
                "image_id": 1,
                "category_id": int(truth_classes[index]),
                "bbox": truths[index].tolist(),
                "area": float(truths[index, 2:].prod()),
                "iscrowd": int(crowd[index]),
            }
            for index in range(len(truths))
        ],
    }
    results = [
        {"image_id": 1, "category_id": int(classes[index]), "bbox": boxes[index].tolist(), "score": scores[index]}
        for index in range(len(boxes))
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        dataset.createIndex()
        evaluation = COCOeval(dataset, dataset.loadRes(results), "bbox")
        evaluation.evaluate()
    answer = [NOTHING] * len(boxes)
    for image in evaluation.evalImgs:
        if image is not None and image["aRng"] == evaluation.params.areaRng[0]:
            for detection, truth, ignored in zip(
                image["dtIds"], image["dtMatches"][0], image["dtIgnore"][0], strict=True
            ):
                if truth:
                    answer[detection - 1] = IGNORED if ignored else int(truth) - 1
    return answer
