"""What is measured and shown of a training on its way, one model a kind of row."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.schemas.base import Model, utc_now
from shared.schemas.evaluation import ImageResult


class StepRow(Model):
    """One line of `steps.jsonl`: the mean loss of the batches since the line before, at optimizer or batch `step`."""

    step: int
    epoch: int
    """The epoch it belongs to, counted from 1."""
    loss: float
    learning_rate: float


class GpuReading(Model):
    """A GPU at a moment. Memory in bytes, all processes together; utilization in percent, None where unknown."""

    name: str
    utilization: float | None
    memory_used: int
    memory_total: int


class TelemetryRow(Model):
    """One line of `telemetry.jsonl`. Sizes in bytes.

    `cpu_percent` is the whole machine's, 0 to 100; `run_cpu_percent` that of the run's processes, 100 for each core.
    """

    at: datetime = Field(default_factory=utc_now)
    cpu_percent: float
    run_cpu_percent: float
    run_memory: int
    """Of all processes of the run; what they share is counted once."""
    memory_used: int
    memory_total: int
    disk_free: int
    """On the disk that holds the workspace."""
    disk_written: int
    """By the run since it started."""
    gpus: list[GpuReading] = Field(default_factory=list)


class EpochSamples(Model):
    """One line of `samples.jsonl`: what the model says of a few validation images after an epoch."""

    epoch: int
    items: list[ImageResult]


class SkippedImage(Model):
    """One line of `skipped.jsonl`: an image that could not be read, when it was first met."""

    image_id: str
    filename: str
    subset: Literal["train", "val"]
    reason: str
    epoch: int
