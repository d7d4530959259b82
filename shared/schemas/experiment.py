"""An experiment: one configuration, one training, its checkpoints."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from shared.schemas.base import Document, EditableDocument, Model, utc_now
from shared.schemas.job import Job, JobStatus
from shared.schemas.provenance import Provenance

Tag = Annotated[str, Field(min_length=1, max_length=30)]

Ended = Literal["finished", "stopped", "early"]


class ExperimentStatus(StrEnum):
    """Derived from the experiment's job, never stored."""

    CREATED = "created"
    PENDING = "pending"
    TRAINING = "training"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_FROM_JOB = {
    JobStatus.QUEUED: ExperimentStatus.PENDING,
    JobStatus.RUNNING: ExperimentStatus.TRAINING,
    JobStatus.FINALIZING: ExperimentStatus.TRAINING,
    JobStatus.SUCCEEDED: ExperimentStatus.COMPLETED,
    JobStatus.FAILED: ExperimentStatus.FAILED,
    JobStatus.CANCELLED: ExperimentStatus.CANCELLED,
}


def experiment_status(job: Job | None) -> ExperimentStatus:
    """Return the status of an experiment whose newest training job is `job`."""
    return ExperimentStatus.CREATED if job is None else _FROM_JOB[job.status]


class AugmentationStep(Model):
    """One step of the augmentation pipeline, by the name under which the task offers it."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True


Precision = Literal["32", "16-mixed", "bf16-mixed"]


class Hardware(Model):
    """What to train on. `auto` takes a GPU when the worker has one.

    `precision` is that of the calculations; weights stay in 32 bits. float16 (`16-mixed`) is for GPUs.
    """

    device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto",
        title="Device",
        description="A worker without what is asked for refuses.",
        json_schema_extra={"form": {"labels": {"auto": "GPU if there is one", "cpu": "CPU", "gpu": "GPU"}}},
    )
    precision: Precision = Field(
        default="32",
        title="Precision",
        description="Mixed is faster and takes less memory on a GPU; weights stay in 32 bit. bfloat16 is steadier, and "
        "needs an Ampere GPU or later, or the CPU; float16 needs a GPU.",
        json_schema_extra={
            "form": {"labels": {"32": "32 bit", "bf16-mixed": "Mixed, bfloat16", "16-mixed": "Mixed, float16"}}
        },
    )
    loader_workers: int = Field(
        default=0,
        ge=0,
        le=32,
        title="Loader processes",
        description="Read images ahead in as many processes; 0 reads in the run itself.",
    )

    @field_validator("precision")
    @classmethod
    def _fits_the_device(cls, value: Precision, info: ValidationInfo) -> Precision:
        if value == "16-mixed" and info.data.get("device") == "cpu":
            raise ValueError("16-mixed needs a GPU; on the CPU choose 32 or bf16-mixed")
        return value


class Configuration(Model):
    """Everything that decides what a training does; locked once it has started."""

    split_id: str
    dataset_revision: int
    architecture: str
    params: dict[str, Any]
    augmentations: list[AugmentationStep]
    hardware: Hardware


class Summary(Model):
    """What is known of a training so far. `best_metric` is the task's primary metric at `best_epoch`."""

    epochs_done: int = 0
    epochs_total: int | None = None
    best_epoch: int | None = None
    best_metric: float | None = None
    metric_key: str | None = None
    device: str | None = None
    seconds: float | None = None
    skipped_images: int = 0
    """Images of train and val that could not be read so far."""
    ended: Ended | None = None
    """How the last training ended that came to an end by itself or by a person's wish."""


class Experiment(EditableDocument):
    """`experiment.json`."""

    id: str
    project_id: str
    name: str = Field(min_length=1, max_length=120)
    description: str = Field(default="", max_length=2000)
    notes: str = Field(default="", max_length=20_000)
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    configuration: Configuration
    job_id: str | None = None
    """The newest training job; none before the first start."""
    summary: Summary = Field(default_factory=Summary)
    provenance: Provenance | None = None
    """None until a training has started."""
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


class EpochTimes(Model):
    """Where the seconds of an epoch went. `data` is waiting for images, `step` the optimizer's."""

    data: float = 0.0
    forward: float = 0.0
    backward: float = 0.0
    step: float = 0.0
    validation: float = 0.0


class EpochRow(Model):
    """One epoch: a line of `metrics.jsonl`, and of `timings.jsonl` what was measured.

    `epoch` counts from 1; metric keys are prefixed `train_` or `val_`.
    """

    epoch: int
    step: int
    learning_rate: float
    metrics: dict[str, float | None]
    vanished_objects: int = 0
    """Objects that augmentation moved out of their images, and that were not trained on."""
    skipped_images: int = 0
    """Images of train and val that could not be read in this epoch."""
    seconds: float | None = None
    images_per_second: float | None = None
    times: EpochTimes | None = None
    at: datetime | None = None


class CheckpointInfo(Model):
    """A checkpoint file that is complete. `metric` is the task's primary metric; size in bytes."""

    name: Literal["best", "last"]
    file: str
    epoch: int
    metric: float | None
    size: int
    sha256: str
    modified_at: datetime = Field(default_factory=utc_now)


class CheckpointManifest(Document):
    """`checkpoints/manifest.json`: the files to trust."""

    checkpoints: list[CheckpointInfo] = Field(default_factory=list)
