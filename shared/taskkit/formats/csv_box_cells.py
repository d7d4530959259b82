"""Four numbers that make a box: their layout, and cells that hold all of them."""

import json
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from shared.taskkit.formats.csv_columns import NOTHING
from shared.taskkit.formats.label_files import Box, bounds_of, corners, finite, parsed

Layout = Literal["corners", "corner_size", "center_size"]
Four = tuple[float, float, float, float]
Role = Literal["x_min", "y_min", "x_max", "y_max", "x_center", "y_center", "width", "height"]

_ROLES: dict[Layout, tuple[Role, Role, Role, Role]] = {
    "corners": ("x_min", "y_min", "x_max", "y_max"),
    "corner_size": ("x_min", "y_min", "width", "height"),
    "center_size": ("x_center", "y_center", "width", "height"),
}
_SPELLINGS: dict[Role, tuple[str, ...]] = {
    "x_min": ("xmin", "minx", "x1", "xleft", "left", "xtl", "tlx", "xtopleft", "topleftx", "xstart", "startx", "x"),
    "y_min": ("ymin", "miny", "y1", "ytop", "top", "ytl", "tly", "ytopleft", "toplefty", "ystart", "starty", "y"),
    "x_max": ("xmax", "maxx", "x2", "xright", "right", "xbr", "brx", "xbottomright", "bottomrightx", "xend", "endx"),
    "y_max": ("ymax", "maxy", "y2", "ybottom", "bottom", "ybr", "bry", "ybottomright", "bottomrighty", "yend", "endy"),
    "x_center": ("xcenter", "centerx", "cx", "xc", "xcentre", "centrex", "xmid"),
    "y_center": ("ycenter", "centery", "cy", "yc", "ycentre", "centrey", "ymid"),
    "width": ("w", "width"),
    "height": ("h", "height"),
}
_FROM_ZERO: dict[Role, str] = {"x_min": "x0", "y_min": "y0", "x_max": "x1", "y_max": "y1"}
_PREFIXES = ("boundingbox", "bndbox", "bbox", "box", "rect", "")
_AS_CORNERS = 0.9


class CellBox(NamedTuple):
    """Four numbers of a cell; their layout where the cell names it."""

    values: Four
    layout: Layout | None = None


def find_roles(keys: Mapping[str, int]) -> dict[Role, int]:
    """Return the columns called like parts of a box, given columns by name without case and signs."""
    if all(name in keys for name in _FROM_ZERO.values()):
        return {role: keys[name] for role, name in _FROM_ZERO.items()}
    found: dict[Role, int] = {}
    for role, spellings in _SPELLINGS.items():
        names = (prefix + spelling for prefix in _PREFIXES for spelling in spellings)
        if (name := next((name for name in names if name in keys), None)) is not None:
            found[role] = keys[name]
    return found


def find_layout(roles: Iterable[Role]) -> Layout | None:
    """Return the layout whose parts are all there."""
    there = set(roles)
    return next((layout for layout, parts in _ROLES.items() if there.issuperset(parts)), None)


def parts_of(layout: Layout) -> tuple[Role, Role, Role, Role]:
    """Return what the four numbers of a layout are."""
    return _ROLES[layout]


def box_of(values: Four, layout: Layout) -> Box | None:
    """Return x, y, width and height; None where they are beyond the range of floats."""
    a, b, c, d = values
    if layout == "corners":
        return corners(a, b, c, d)
    if layout == "corner_size":
        return a, b, c, d
    return a - c / 2, b - d / 2, c, d


def guess_layout(boxes: Iterable[Four]) -> Layout:
    """Return whether numbers are two corners, which nearly all of the second ones have to lie beyond the first for."""
    beyond = [c >= a and d >= b for a, b, c, d in boxes]
    return "corners" if sum(beyond) >= _AS_CORNERS * len(beyond) else "corner_size"


def look_like_shares(boxes: Iterable[Four]) -> bool:
    """Whether numbers are shares of the image's size: none is larger than 1, and some are no whole numbers."""
    values = [value for box in boxes for value in box]
    return any(value % 1 for value in values) and all(-0.05 <= value <= 1.05 for value in values)


def is_empty(cell: str) -> bool:
    """Whether a cell says that there is no box."""
    return cell.casefold() in NOTHING or cell in ("", "[]", "{}", "()")


def parse_cell(cell: str) -> list[CellBox] | None:
    """Return the boxes in a cell: `[x, y, w, h]`, `x y w h`, `{"x": ..}` or a list of such; None where it is wrong."""
    if "{" in cell or cell.replace(" ", "").startswith(("[[", "((")):
        return _parse_json(cell)
    words = cell.strip("[]() ").replace(",", " ").replace(";", " ").split()
    values = _four([parsed(word) for word in words])
    return None if values is None else [CellBox(values)]


def _parse_json(cell: str) -> list[CellBox] | None:
    try:
        document = json.loads(cell.replace("'", '"').replace("(", "[").replace(")", "]"))
    except (ValueError, RecursionError):
        return None
    items = document if isinstance(document, list) else [document]
    boxes = [_json_box(item) for item in items]
    found = [box for box in boxes if box is not None]
    return found if found and len(found) == len(boxes) else None


def _json_box(item: object) -> CellBox | None:
    if isinstance(item, list):
        values = _four([finite(value) for value in item])
        return None if values is None else CellBox(values)
    if not isinstance(item, dict):
        return None
    if isinstance(xs := item.get("all_points_x"), list) and isinstance(ys := item.get("all_points_y"), list):
        bounds = bounds_of([finite(x) for x in xs], [finite(y) for y in ys]) if len(xs) == len(ys) else None
        return None if bounds is None else CellBox(bounds, "corner_size")
    names = list(item)
    roles = find_roles({"".join(char for char in name.casefold() if char.isalnum()): n for n, name in enumerate(names)})
    if (layout := find_layout(roles)) is None:
        return None
    values = _four([finite(item[names[roles[part]]]) for part in parts_of(layout)])
    return None if values is None else CellBox(values, layout)


def _four(values: list[float | None]) -> Four | None:
    known = [value for value in values if value is not None]
    return (known[0], known[1], known[2], known[3]) if len(values) == len(known) == 4 else None
