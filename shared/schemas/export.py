"""An export: a file made from a checkpoint, and the proof that it gives the same answers."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from shared.schemas.base import Document, Model, utc_now


class Verification(Model):
    """The exported file in its own runtime against the checkpoint, on real images.

    `max_difference` is the largest absolute difference of any output; `agreement` is the share of images with the
    same decision, 0 to 1; latencies are milliseconds for one image.
    """

    passed: bool
    image_count: int
    images: str
    """Where the images came from, such as `test subset`."""
    max_difference: float
    tolerance: float
    agreement: float
    runtime: str
    latency_ms_p50: float
    message: str


class ExportResult(Model):
    """What came of an export. Size in bytes."""

    file: str
    size: int
    sha256: str
    input_shape: list[int | str]
    output_shape: list[int | str]
    metadata: dict[str, str]
    verification: Verification


class Export(Document):
    """`exports/<export_id>/export.json`. Its status is its job's."""

    id: str
    project_id: str
    experiment_id: str
    job_id: str
    checkpoint: Literal["best", "last"]
    format: str
    options: dict[str, Any]
    result: ExportResult | None = None
    created_at: datetime = Field(default_factory=utc_now)
