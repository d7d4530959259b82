"""Whether two models find the same objects in an image: their detections are compared as sets.

Detections with nearly the same score may change places between two runtimes, so places mean nothing.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from shared.taskkit.boxes import iou
from shared.taskkit.runtime import Agreement, Prediction
from shared.tasks.object_detection.spec import LOWEST_SCORE, MOST_DETECTIONS

SAME: Final = 0.9
"""Least IoU of one object found twice."""
_EDGE: Final = 1e-3
"""How close to the least score, or to the last of a full list, a detection may be to be found by one model alone."""


def compare(expected: Prediction, actual: Prediction) -> Agreement:
    """Pair detections of one class by IoU, best pairs first.

    The difference is the largest of any pair: of scores, or of box borders in shares of the box's longer side (IoU says
    little of boxes a hundredth of a pixel wide, which detectors find at the border of an image). The answer is the same
    when every detection has a partner, apart from those at the edge of being given at all.
    """
    overlap = iou(expected["boxes"], actual["boxes"])
    classes = np.asarray(expected["class_ids"]).reshape(-1, 1) == np.asarray(actual["class_ids"]).reshape(1, -1)
    scores = np.abs(np.asarray(expected["scores"]).reshape(-1, 1) - np.asarray(actual["scores"]).reshape(1, -1))
    likeness = np.where(classes & (overlap >= SAME), overlap - scores, -1.0)
    difference = 0.0
    rows, columns = set(range(len(expected["scores"]))), set(range(len(actual["scores"])))
    for place in np.argsort(-likeness, axis=None, kind="stable"):
        row, column = map(int, divmod(int(place), likeness.shape[1]))
        if likeness[row, column] < 0 or not rows or not columns:
            break
        if row in rows and column in columns:
            rows.remove(row)
            columns.remove(column)
            apart = _apart(expected["boxes"][row], actual["boxes"][column])
            difference = max(difference, float(scores[row, column]), apart)
    alone = [(expected["scores"][at], actual) for at in rows] + [(actual["scores"][at], expected) for at in columns]
    return Agreement(difference, all(score <= _least(other) + _EDGE for score, other in alone))


def _apart(box: Sequence[float], other: Sequence[float]) -> float:
    """Return how far two boxes [x, y, width, height] are apart, in shares of the first one's longer side."""
    (x, y, wide, high), (left, top, width, height) = box, other
    borders = (x - left, y - top, x + wide - left - width, y + high - top - height)
    return max(map(abs, borders)) / max(wide, high)


def _least(prediction: Prediction) -> float:
    """Return the score below which a model does not tell of a detection."""
    full = len(prediction["scores"]) >= MOST_DETECTIONS
    return float(prediction["scores"][-1]) if full else LOWEST_SCORE
