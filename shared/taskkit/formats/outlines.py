"""Outlines of objects: polygons, and masks by run lengths as COCO has them.

pycocotools reads the same run lengths, but trusts them: its C code reads beyond the end of a text that was cut. So they
are checked here, before anything else gets them; tests compare the two.
"""

from array import array
from collections.abc import Iterable, Sequence
from math import cos, isfinite, sin
from typing import cast

import numpy as np
import numpy.typing as npt

from shared.taskkit.formats.label_files import Box, bounds_of, finite, pixels
from shared.taskkit.formats.rows import Outline, Quad, Rle

_GROUP_BITS = 5
_MORE = 1 << _GROUP_BITS
_NEGATIVE = _MORE >> 1
_MOST_GROUPS = 8
_ZERO = ord("0")


def bounds(outline: Outline) -> Box | None:
    """Return the smallest box around an outline; None where it covers nothing."""
    if isinstance(outline, Rle):
        return _mask_bounds(unpacked(outline.counts) or [], outline.size[0])
    xs = [x for polygon in outline for x in polygon[::2]]
    ys = [y for polygon in outline for y in polygon[1::2]]
    return bounds_of(xs, ys)


def polygon_of(values: Iterable[object]) -> "array[float] | None":
    """Return x, y, x, y, ... of at least three points; None for anything else."""
    listed = cast(list[float], list(values))
    if len(listed) < 6 or len(listed) % 2 or bool in map(type, listed):
        return None
    try:
        polygon = array("d", listed)  # refuses what is no number
    except (TypeError, OverflowError):
        return None
    return polygon if all(map(isfinite, polygon)) else None


def turned(left: float, top: float, right: float, bottom: float, angle: float) -> Quad:
    """Return the corners of a box turned around its centre, clockwise by an angle in radians."""
    x, y = left / 2 + right / 2, top / 2 + bottom / 2
    across, down = right - x, bottom - y
    points = [
        (x + dx * cos(angle) - dy * sin(angle), y + dx * sin(angle) + dy * cos(angle))
        for dx, dy in ((-across, -down), (across, -down), (across, down), (-across, down))
    ]
    (a, b), (c, d), (e, f), (g, h) = points
    return a, b, c, d, e, f, g, h


def coco_outline(value: object) -> Outline | None:
    """Return the outline that COCO's `segmentation` holds; None where it is none."""
    if isinstance(value, dict):
        return _coco_mask(value)
    if not isinstance(value, list):
        return None
    parts = [value] if value and not isinstance(value[0], list) else [part for part in value if part != []]
    polygons = [polygon_of(part) if isinstance(part, list) else None for part in parts]
    known = tuple(polygon for polygon in polygons if polygon is not None)
    return known if known and len(known) == len(polygons) else None


def _coco_mask(value: dict[str, object]) -> Rle | None:
    size, counts = value.get("size"), value.get("counts")
    sides = [finite(side) for side in size] if isinstance(size, list) and len(size) == 2 else [None, None]
    if (known := pixels(sides[0], sides[1])) is None:
        return None
    runs = unpacked(counts) if isinstance(counts, str) else _whole_numbers(counts)
    if not runs or sum(runs) != known[0] * known[1]:
        return None
    return Rle(known, counts if isinstance(counts, str) else packed(runs))


def _whole_numbers(values: object) -> list[int] | None:
    if not isinstance(values, list):
        return None
    found = [int(value) for value in values if isinstance(value, int | float) and 0 <= value < 2**40]
    return found if len(found) == len(values) and found == values else None


def packed(runs: Sequence[int]) -> str:
    """Return run lengths as text: each as its difference to the last but one, five bits a character from the lowest."""
    text = bytearray()
    for index, run in enumerate(runs):
        rest = run - runs[index - 2] if index > 2 else run
        while True:
            group = rest & (_MORE - 1)
            rest >>= _GROUP_BITS
            is_last = rest == (-1 if group & _NEGATIVE else 0)
            text.append(_ZERO + (group if is_last else group | _MORE))
            if is_last:
                break
    return text.decode("ascii")


def unpacked(text: str) -> list[int] | None:
    """Return the run lengths that `packed` wrote; None where the text is cut, or is something else."""
    runs: list[int] = []
    value = groups = 0
    for character in text:
        code = ord(character) - _ZERO
        if not 0 <= code < 2 * _MORE or groups == _MOST_GROUPS:
            return None
        value |= (code & (_MORE - 1)) << (_GROUP_BITS * groups)
        groups += 1
        if code & _MORE:
            continue
        if code & _NEGATIVE:
            value -= 1 << (_GROUP_BITS * groups)
        run = value + (runs[-2] if len(runs) > 2 else 0)
        if run < 0:
            return None
        runs.append(run)
        value = groups = 0
    return None if groups else runs


def mask_outline(mask: npt.NDArray[np.bool_], left: int, top: int, width: int, height: int) -> Rle | None:
    """Return the outline of a mask whose top left corner stands at a place of an image of `width` and `height`.

    Args:
        mask: shape (rows, columns).
        left: first column of the image that it covers.
        top: first row.
        width: of the image in pixels.
        height: of the image in pixels.

    Returns:
        None where the mask does not lie within the image.
    """
    rows, columns = mask.shape
    if min(left, top, rows - 1, columns - 1) < 0 or left + columns > width or top + rows > height:
        return None
    # A row of nothing below each column, so that no run goes on in the next.
    padded = np.zeros((columns, rows + 1), dtype=np.int8)
    padded[:, :rows] = mask.T
    steps = np.diff(padded.reshape(-1), prepend=0)
    first, end = (np.flatnonzero(steps == step) for step in (1, -1))
    offset = (left + first // (rows + 1)) * height + top
    begins = offset + first % (rows + 1)
    edges = np.stack([begins, begins + (end - first)], axis=1)
    joined = np.flatnonzero(edges[1:, 0] == edges[:-1, 1])
    flat = np.delete(edges.reshape(-1), np.concatenate([joined * 2 + 1, joined * 2 + 2]))
    total = width * height
    rest = np.full(int(not flat.size or flat[-1] < total), total)
    return Rle((height, width), packed(np.diff(flat, prepend=0, append=rest).tolist()))


def _mask_bounds(runs: Sequence[int], height: int) -> Box | None:
    """Return the box around the runs that are on, which go down the columns of `height` pixels."""
    lengths = np.asarray(runs, dtype=np.int64)
    ends = np.cumsum(lengths)
    on = np.flatnonzero(lengths[1::2]) * 2 + 1
    if not on.size:
        return None
    first, last = ends[on] - lengths[on], ends[on] - 1
    left, right = int(first[0] // height), int(last[-1] // height) + 1
    if (first // height != last // height).any():
        top, bottom = 0, height
    else:
        top, bottom = int((first % height).min()), int((last % height).max()) + 1
    return float(left), float(top), float(right - left), float(bottom - top)
