"""Made-up images with shapes over them, for the page of components."""

import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.gateway.pages.tiles import Tag, Tile, drawn
from shared.taskkit.shapes import Role, Shape

_CLASSES = (("red cell", "#ee6677"), ("white cell", "#4477aa"), ("platelet", "#228833"))


@dataclass(frozen=True)
class Scene:
    """An image in a viewer; it has what the viewer asks of a record. `width` and `height` are pixels."""

    id: str
    title: str
    filename: str
    width: int
    height: int
    shapes: list[dict[str, Any]]

    @property
    def file(self) -> str:
        """The picture itself, as an address."""
        return _picture(self.width, self.height)


def scenes(boxes: int) -> list[Scene]:
    """Return an image with a shape of every role, one with so many `boxes`, and one with badges alone."""
    badges = [_shape("badge", "truth", 0, None, []), _shape("badge", "wrong", 1, 0.62, [])]
    return [
        Scene("judged", "A judged image", "judged.svg", 640, 400, drawn(_judged())),
        Scene("crowd", "A crowd", "crowd.svg", 1600, 1200, drawn(_crowd(boxes, 1600, 1200))),
        Scene("badges", "Badges alone", "badges.svg", 48, 32, drawn(badges)),
    ]


def tiles() -> list[Tile]:
    """Return thumbnails of images that are wide, high and square."""
    sizes = ((640, 400), (320, 640), (500, 500), (1200, 300))
    return [_tile(at, width, height) for at, (width, height) in enumerate(sizes)]


def _tile(at: int, width: int, height: int) -> Tile:
    frame = _shape("box", "truth", 0, None, [(2, 2), (width - 2, height - 2)])
    shapes = drawn([frame, *_crowd(12 * (at + 1), width, height)])
    tags = [Tag(*item) for item in _CLASSES]
    picture = _picture(width, height)
    return Tile(f"sample-{at}", "#page", picture, f"sample-{at}.svg", width, height, tags, 0, shapes)


def _judged() -> list[Shape]:
    star = [(500 + 60 * math.cos(turn), 280 + 60 * math.sin(turn)) for turn in (0, 1.2, 2.5, 3.8, 5.1)]
    return [
        _shape("box", "truth", 0, None, [(60, 60), (200, 180)]),
        _shape("box", "correct", 0, 0.94, [(66, 54), (206, 176)]),
        _shape("box", "missed", 1, None, [(270, 210), (390, 330)]),
        _shape("box", "wrong", 2, 0.41, [(420, 50), (520, 120)]),
        _shape("polygon", "prediction", 1, 0.77, star),
    ]


def _crowd(count: int, width: int, height: int) -> list[Shape]:
    """Return boxes spread evenly by two irrational steps; every fourth is annotated, the others predicted."""
    side = max(6.0, 1.4 * math.sqrt(width * height / max(1, count)))
    made = []
    for at in range(count):
        left = (at * 0.618034 % 1) * (width - side)
        top = (at * 0.754878 % 1) * (height - side)
        truth = at % 4 == 0
        score = None if truth else round(0.05 + 0.95 * (at * 0.381966 % 1), 3)
        corners = [(left, top), (left + side * (0.6 + at % 5 / 10), top + side * (0.5 + at % 6 / 10))]
        made.append(_shape("box", "truth" if truth else "prediction", at % 3, score, corners))
    return made


def _shape(kind: str, role: Role, class_id: int, score: float | None, points: list[tuple[float, float]]) -> Shape:
    label, color = _CLASSES[class_id]
    given = {"kind": kind, "role": role, "label": label, "class_id": class_id, "color": color}
    return Shape.model_validate({**given, "score": score, "points": points})


def _picture(width: int, height: int) -> str:
    """Return a picture of dots on a grid of 80 pixels, half of it dark, as an address."""
    dot = "<circle cx='40' cy='40' r='22' fill='#d9a3ad'/>"
    dots = f"<pattern id='p' width='80' height='80' patternUnits='userSpaceOnUse'>{dot}</pattern>"
    shade = f"<rect x='{width / 2}' width='{width / 2}' height='{height}' fill='#101418' opacity='.8'/>"
    full = f"width='{width}' height='{height}'"
    content = f"<rect {full} fill='#f3e6e4'/><rect {full} fill='url(#p)'/>{shade}"
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' {full}>{dots}{content}</svg>"
    return f"data:image/svg+xml,{quote(picture)}"
