"""Shapes of objects that a task cannot hold: what was outlined or turned and becomes an upright box."""

from collections import Counter
from collections.abc import Iterable, Sequence

from shared.schemas.dataset import Problem
from shared.taskkit.formats.label_files import fault
from shared.taskkit.formats.rows import ObjectRow, Place, Rle, Row

_UPRIGHT = "box"
_ROUNDING = 1e-6
"""Shares of its longer side by which the corners of an upright box may be off."""
_MEND = "Nothing, where boxes are what you want; keep the label files, since the studio does not keep the shapes."


def lost(rows: Iterable[Row], annotation_kind: str) -> list[Problem]:
    """Return a warning for each label file whose outlines or turned boxes a task of upright boxes cannot hold."""
    if annotation_kind != _UPRIGHT:
        return []
    outlined: Counter[str] = Counter()
    turned: Counter[str] = Counter()
    for row in rows:
        for item in row.objects:
            if item.segmentation is not None:
                outlined[item.place.file] += not _fills_its_box(item)
            elif item.corners is not None:
                turned[item.place.file] += not _is_upright(item.corners)
    files = sorted(file for file in outlined.keys() | turned.keys() if outlined[file] or turned[file])
    return [_told(file, outlined[file], turned[file]) for file in files]


def _told(file: str, outlined: int, turned: int) -> Problem:
    outlines = f"{outlined:,} {'outline' if outlined == 1 else 'outlines'} (polygon or mask)"
    boxes = f"{turned:,} turned {'box' if turned == 1 else 'boxes'}"
    named = " and ".join(text for text, count in ((outlines, outlined), (boxes, turned)) if count)
    message = f"{named}: this project holds upright boxes, so the box around each is taken and the shape is lost."
    return fault("shape_lost", Place(file), message, _MEND, "warning")


def _fills_its_box(item: ObjectRow) -> bool:
    """Whether an outline is one polygon that is itself an upright rectangle."""
    outline = item.segmentation
    if outline is None or isinstance(outline, Rle) or len(outline) != 1:
        return False
    points = list(outline[0])
    if points[:2] == points[-2:]:
        points = points[:-2]
    return len(points) == 8 and _is_upright(points)


def _is_upright(points: Sequence[float]) -> bool:
    """Whether four corners (x, y, x, y, ...), each beside the next, are those of an upright rectangle."""
    xs, ys = points[::2], points[1::2]
    rounding = _ROUNDING * max(max(xs) - min(xs), max(ys) - min(ys))
    # Each side lies along one axis, and the next along the other.
    return any(
        all(abs(along[index] - along[(index + 1) % 4]) <= rounding for index in (0, 2))
        and all(abs(across[index] - across[(index + 1) % 4]) <= rounding for index in (1, 3))
        for along, across in ((xs, ys), (ys, xs))
    )
