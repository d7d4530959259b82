"""Whether two models find the same objects in an image: their detections are compared as sets.

Detections with nearly the same score may change places between two runtimes, so places mean nothing.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from shared.taskkit.runtime import Agreement, Prediction
from shared.tasks.object_detection.spec import LOWEST_SCORE, MOST_DETECTIONS

SAME: Final = 0.05
"""How far apart the borders of one object found twice may be, in shares of the box's longer side."""
_EDGE: Final = 1e-3
"""How close to the least score, or to the last of a full list, a detection may be to be found by one model alone."""


def compare(expected: Prediction, actual: Prediction) -> Agreement:
    """Pair detections of one class by their borders and scores, best pairs first.

    The difference is the largest of any pair: of scores, or of box borders in shares of the box's longer side (IoU says
    little of boxes a hundredth of a pixel wide, which detectors find at the border of an image, and nothing of those
    without width). The answer is the same when every detection has a partner, apart from those at the edge of being
    given at all.
    """
    apart = _apart(expected["boxes"], actual["boxes"])
    classes = np.asarray(expected["class_ids"]).reshape(-1, 1) == np.asarray(actual["class_ids"]).reshape(1, -1)
    scores = np.abs(np.asarray(expected["scores"]).reshape(-1, 1) - np.asarray(actual["scores"]).reshape(1, -1))
    unlike = np.where(classes & (apart <= SAME), apart + scores, np.inf)
    difference = 0.0
    rows, columns = set(range(len(expected["scores"]))), set(range(len(actual["scores"])))
    for place in np.argsort(unlike, axis=None, kind="stable"):
        row, column = map(int, divmod(int(place), unlike.shape[1]))
        if np.isinf(unlike[row, column]) or not rows or not columns:
            break
        if row in rows and column in columns:
            rows.remove(row)
            columns.remove(column)
            difference = max(difference, float(scores[row, column]), float(apart[row, column]))
    alone = [(expected["scores"][at], actual) for at in rows] + [(actual["scores"][at], expected) for at in columns]
    return Agreement(difference, all(score <= _least(other) + _EDGE for score, other in alone))


def _apart(boxes: npt.ArrayLike, others: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return how far boxes [x, y, width, height] are from others, shape (n, m).

    In shares of the longer side of the box, which counts as a pixel at least.
    """
    values, other_values = (np.asarray(item, dtype=np.float64).reshape(-1, 4) for item in (boxes, others))
    ends, other_ends = (np.hstack([item[:, :2], item[:, :2] + item[:, 2:]]) for item in (values, other_values))
    borders = np.abs(ends[:, None] - other_ends[None]).max(-1)
    apart: npt.NDArray[np.float64] = borders / values[:, 2:].max(1, initial=1.0)[:, None]
    return apart


def _least(prediction: Prediction) -> float:
    """Return the score below which a model does not tell of a detection."""
    full = len(prediction["scores"]) >= MOST_DETECTIONS
    return float(prediction["scores"][-1]) if full else LOWEST_SCORE
