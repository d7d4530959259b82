"""Boxes as numbers: overlap, matching detections to truth, and what an import does with a box. No torch.

A box is [x, y, width, height] in pixels, the origin at the top left, as annotations hold it.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

NOTHING: Final = -1
"""Stands for a detection that found nothing."""
IGNORED: Final = -2
"""Stands for a detection inside a crowd, which is neither right nor wrong."""
CUT: Final = frozenset({"box_outside_image"})
"""Codes of the warnings about boxes that are kept after they were cut to their image."""
_ROUNDING: Final = 1.0
"""Pixels by which tools write a box out of its image when they round or count from one."""
_LEAST_REST: Final = 0.1
"""Pixels of a box inside its image below which it only touches the border."""


@dataclass(frozen=True, slots=True)
class Matches:
    """`truth_of` [n] is the truth each detection found, or `NOTHING` or `IGNORED`; `missed` lists truths not found."""

    truth_of: npt.NDArray[np.int64]
    missed: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a box and what became of it: an error is left out, a warning is cut to the image."""

    severity: Literal["error", "warning"]
    code: str
    message: str
    mend: str


def iou(boxes: npt.ArrayLike, others: npt.ArrayLike, crowd: npt.ArrayLike | None = None) -> Floats:
    """Return intersection over union of each box with each other one.

    Args:
        boxes: shape (n, 4).
        others: shape (m, 4).
        crowd: shape (m,), whether the other box is a crowd: then the intersection is divided by the area of the box
            alone, so that one inside the crowd has 1 (as in COCO's evaluation).

    Returns:
        Shape (n, m), from 0 to 1; 0 where there is no area to divide by.
    """
    a, b = _corners(boxes)[:, None], _corners(others)[None]
    shared = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(-1)
    areas, other_areas = (np.prod(item[..., 2:] - item[..., :2], axis=-1) for item in (a, b))
    union = areas + other_areas - shared
    if crowd is not None:
        union = np.where(np.asarray(crowd, dtype=bool), areas, union)
    found: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return found


def match(
    boxes: npt.ArrayLike,
    classes: npt.ArrayLike,
    scores: npt.ArrayLike,
    truths: npt.ArrayLike,
    truth_classes: npt.ArrayLike,
    crowd: npt.ArrayLike,
    *,
    least_iou: float = 0.5,
) -> Matches:
    """Say which detection of an image found which object, as COCO's evaluation does (Lin et al. 2014).

    Detections choose in the order of their scores, each the object of its class it overlaps most among those nobody
    has. One that finds none, but lies in a crowd of its class, is ignored; a crowd is never missed.

    Args:
        boxes: of the detections, shape (n, 4).
        classes: of the detections, shape (n,).
        scores: of the detections, shape (n,).
        truths: boxes of the objects, shape (m, 4).
        truth_classes: shape (m,).
        crowd: whether an object is a crowd, shape (m,).
        least_iou: the overlap it takes.
    """
    crowded = np.asarray(crowd, dtype=bool).reshape(-1)
    overlap = iou(boxes, truths, crowded)
    same = np.asarray(classes).reshape(-1, 1) == np.asarray(truth_classes).reshape(1, -1)
    enough = same & (overlap >= least_iou)
    truth_of = np.where((enough & crowded).any(1), IGNORED, NOTHING)
    open_overlap = np.where(enough & ~crowded, overlap, -1.0)
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    for index in order[(open_overlap[order] > 0).any(1)]:
        best = _last_best(open_overlap[index])
        if open_overlap[index, best] > 0:
            truth_of[index] = best
            open_overlap[:, best] = -1.0
    taken = np.zeros(len(crowded), dtype=bool)
    taken[truth_of[truth_of >= 0]] = True
    return Matches(truth_of, np.flatnonzero(~taken & ~crowded))


def placed(bbox: Box, width: int, height: int) -> tuple[Box | None, Fault | None]:
    """Return the part of a box that lies in its image of `width` x `height` pixels, or None, and what was wrong.

    A box that reaches out by up to a pixel is cut without a word.
    """
    if not all(map(math.isfinite, bbox)):
        return None, _left_out("box_not_a_number", f"The box {_told(bbox)} has a value that is not a number.")
    x, y, wide, high = bbox
    if wide <= 0 or high <= 0:
        return None, _left_out("box_without_area", f"The box {_told(bbox)} has no area.")
    image = f"its image of {width} x {height} pixels"
    left, top, right, low = max(x, 0.0), max(y, 0.0), min(x + wide, float(width)), min(y + high, float(height))
    rest = min(right - left, low - top)
    if rest <= 0 or (rest < _LEAST_REST and rest < min(wide, high)):
        return None, _left_out("box_outside_image", f"The box {_told(bbox)} lies outside {image}.")
    out = max(-x, -y, x + wide - width, y + high - height)
    if out <= 0:
        return bbox, None
    inside = (left, top, right - left, low - top)
    if out <= _ROUNDING:
        return inside, None
    message = f"The box {_told(bbox)} reaches {out:.5g} pixels out of {image} and was cut to {_told(inside)}."
    return inside, Fault("warning", "box_outside_image", message, "Check that the box belongs to this image.")


def _corners(boxes: npt.ArrayLike) -> Floats:
    values = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.hstack([values[:, :2], values[:, :2] + values[:, 2:]])


def _last_best(values: Floats) -> int:
    """Return where the largest value is; of equal ones the last, as in COCO's evaluation."""
    return len(values) - 1 - int(values[::-1].argmax())


def _left_out(code: str, message: str) -> Fault:
    return Fault("error", code, f"{message} It was left out.", "Mend the box in the source, or remove it there.")


def _told(bbox: Box) -> str:
    return "[" + ", ".join(f"{value:.5g}" for value in bbox) + "]"
