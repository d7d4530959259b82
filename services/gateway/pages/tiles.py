"""Thumbnails with what is drawn over them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit import registry
from shared.taskkit.groups import columns_of
from shared.taskkit.shapes import Shape

_SHOWN_TAGS = 4
_SHOWN_SHAPES = 200
"""More would be a blot on a thumbnail; the largest ones say most."""


@dataclass(frozen=True)
class Tag:
    """What the line below a thumbnail says; classes have a colour, numbers none."""

    label: str
    color: str | None


@dataclass(frozen=True)
class Tile:
    """One image of a grid. `tags` are its classes; `shapes` what is drawn over it, badges left out."""

    id: str
    url: str
    thumbnail: str
    filename: str
    width: int
    height: int
    tags: list[Tag]
    more_tags: int
    shapes: list[dict[str, Any]]


def thumbnail_url(project_id: str, image_id: str) -> str:
    """Return the address of an image's thumbnail."""
    return f"/api/datasets/{project_id}/images/{image_id}/thumbnail"


def display_url(project_id: str, image_id: str) -> str:
    """Return the address of an image as a browser can show it."""
    return f"/api/datasets/{project_id}/images/{image_id}/display"


def tile(project_id: str, task: str, record: ImageRecord, legend: Legend, url: str) -> Tile:
    """Return an image with what its annotations look like."""
    overlay = registry.part(task, "overlay")
    shapes: list[Shape] = overlay.truth_shapes(record.annotations, legend) if overlay else []
    return with_shapes(project_id, record.id, record.filename, (record.width, record.height), shapes, url)


def with_shapes(
    project_id: str,
    image_id: str,
    filename: str,
    size: tuple[int, int],
    shapes: Sequence[Shape],
    url: str,
    *,
    thumbnail: str = "",
) -> Tile:
    """Return an image of `size` (width, height) with shapes over it, and their labels as tags below."""
    tags = list(dict.fromkeys(Tag(shape.caption or shape.label, shape.color) for shape in shapes))
    outlines = sorted((shape for shape in shapes if shape.points), key=_extent, reverse=True)
    return Tile(
        id=image_id,
        url=url,
        thumbnail=thumbnail or thumbnail_url(project_id, image_id),
        filename=filename,
        width=size[0],
        height=size[1],
        tags=tags[:_SHOWN_TAGS],
        more_tags=max(0, len(tags) - _SHOWN_TAGS),
        shapes=drawn(outlines[:_SHOWN_SHAPES]),
    )


def _extent(shape: Shape) -> float:
    """Return the area of the box around a shape, in square pixels."""
    xs, ys = zip(*shape.points, strict=True)
    return float((max(xs) - min(xs)) * (max(ys) - min(ys)))


def drawn(shapes: Iterable[Shape]) -> list[dict[str, Any]]:
    """Return shapes as the browser takes them."""
    return [shape.model_dump(mode="json") for shape in shapes]


def facts(record: ImageRecord, size: str) -> list[tuple[str, str]]:
    """Return what is known of an image file, as label and value."""
    known: list[tuple[str, str]] = [
        ("Size", f"{record.width} × {record.height} px"),
        ("File", f"{record.format} · {size}"),
        ("Imported", record.imported_at.strftime("%Y-%m-%d %H:%M")),
        ("Id", record.id),
    ]
    if record.source:
        known.append(("Source", record.source))
    subset = _meta(record).get("subset")
    known += [("Subset", str(subset))] if subset else []
    return known + [(name, str(value)) for name, value in columns_of(record).items()]


def _meta(record: ImageRecord) -> Mapping[str, Any]:
    return record.meta or {}
