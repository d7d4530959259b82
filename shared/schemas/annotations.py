"""The annotation kinds, one per task family. Pixel coordinates, origin at the top left."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from shared.schemas.base import Model

ClassId = Annotated[int, Field(ge=0)]


class LabelAnnotation(Model):
    """The whole image belongs to a class."""

    kind: Literal["label"] = "label"
    class_id: ClassId


class BoxAnnotation(Model):
    """`bbox` is [x, y, width, height] in pixels."""

    kind: Literal["box"] = "box"
    class_id: ClassId
    bbox: tuple[float, float, float, float]
    iscrowd: bool = False
    """Whether it holds many objects that were not told apart, as in COCO; such a box is neither learned nor judged."""
    area: float | None = None
    """Pixels the object covers, where the source says so; else it is taken to fill its box."""


class RotatedBoxAnnotation(Model):
    """`bbox` is [centre x, centre y, width, height, angle]; degrees counter-clockwise, -90 <= angle < 90."""

    kind: Literal["rotated_box"] = "rotated_box"
    class_id: ClassId
    bbox: tuple[float, float, float, float, float]


class PolygonAnnotation(Model):
    """An instance outline: `segmentation` is polygons or a run-length encoding as in COCO."""

    kind: Literal["polygon"] = "polygon"
    class_id: ClassId
    bbox: tuple[float, float, float, float]
    segmentation: list[list[float]] | dict[str, Any]
    iscrowd: bool = False


class MaskAnnotation(Model):
    """`path` names a single-channel PNG of class ids in the dataset's mask folder; 255 is ignored."""

    kind: Literal["mask"] = "mask"
    path: str


class AnomalyAnnotation(Model):
    """Normal or anomalous, perhaps with the mask and the type of the defect."""

    kind: Literal["anomaly"] = "anomaly"
    is_anomalous: bool
    mask: str | None = None
    defect: str | None = None


class ValueAnnotation(Model):
    """One or more numbers in the units of the dataset's targets."""

    kind: Literal["value"] = "value"
    values: list[float] = Field(min_length=1)


Annotation = Annotated[
    LabelAnnotation
    | BoxAnnotation
    | RotatedBoxAnnotation
    | PolygonAnnotation
    | MaskAnnotation
    | AnomalyAnnotation
    | ValueAnnotation,
    Field(discriminator="kind"),
]
AnnotationKind = Literal["label", "box", "rotated_box", "polygon", "mask", "anomaly", "value"]


def values_of(annotations: Iterable[Annotation]) -> list[float] | None:
    """Return the numbers of an image, or None where it has none."""
    return next((item.values for item in annotations if isinstance(item, ValueAnnotation)), None)
