"""What is drawn over an image: plain records from the server, drawn by one module in the browser."""

from typing import Literal

from pydantic import Field

from shared.schemas.base import Model

Role = Literal["truth", "prediction", "correct", "wrong", "missed"]


class Shape(Model):
    """One thing to draw. `points` are pixels of the upright image; a badge has none.

    For `box` two points (top left, bottom right), for `polygon` its corners.
    """

    kind: Literal["badge", "box", "polygon"]
    role: Role
    label: str
    caption: str | None = None
    """What the line below a thumbnail says instead of the label, where that would be too long."""
    class_id: int | None = None
    color: str | None = None
    score: float | None = None
    points: list[tuple[float, float]] = Field(default_factory=list)

    @property
    def is_truth(self) -> bool:
        """Whether it stands for an annotation, found or missed, rather than for something a model said."""
        return self.role in ("truth", "missed")
