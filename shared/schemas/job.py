"""A job: the durable record of one piece of work. The message that announces it is only a doorbell."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from shared.schemas.base import EditableDocument, Model, utc_now


class JobKind(StrEnum):
    """What is done, which is also the queue it waits in."""

    IMPORT = "import"
    TRAINING = "training"
    EVALUATION = "evaluation"
    EXPORT = "export"


class JobStatus(StrEnum):
    """Where a job is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    FINALIZING = "finalizing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing changes any more."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)

    @property
    def live(self) -> bool:
        """Whether a worker holds the job."""
        return self in (JobStatus.RUNNING, JobStatus.FINALIZING)


class Progress(Model):
    """How far a run is. `rate` is in units a second, `eta_s` in seconds."""

    phase: str
    done: float
    total: float | None = None
    unit: str = ""
    message: str = ""
    rate: float | None = None
    eta_s: float | None = None
    values: dict[str, float] = Field(default_factory=dict)
    """Figures to show live, such as `loss`."""


class Offer(Model):
    """Changes of an experiment's configuration that mend what made its training fail; `label` says them in words."""

    label: str
    params: dict[str, Any] = Field(default_factory=dict)
    hardware: dict[str, Any] = Field(default_factory=dict)


class JobError(Model):
    """Why a job failed, for a person; `traceback` for the developers."""

    code: str
    message: str
    hint: str | None = None
    offer: Offer | None = None
    traceback: str | None = None


class Death(Model):
    """One end of a run that nobody asked for. `step` is where its progress stood."""

    attempt: int
    cause: Literal["worker_lost", "out_of_memory", "stalled", "killed", "crashed"]
    step: str
    at: datetime = Field(default_factory=utc_now)


class Job(EditableDocument):
    """`job.json`. Every change goes through `shared.store.lifecycle.transition`."""

    id: str
    kind: JobKind
    project_id: str
    payload: dict[str, Any]
    """What to do, in ids and plain values."""
    title: str
    """One line for a person, such as `Train resnet18 at 96 px`."""
    status: JobStatus = JobStatus.QUEUED
    cancel_requested: bool = False
    stop_requested: bool = False
    attempt: int = 0
    """Times a worker took the job, shutdowns of a worker not counted."""
    epoch: int = 0
    """The fencing token: grows with every claim; writes that carry an older one are refused."""
    owner: str | None = None
    lease_until: datetime | None = None
    deaths: list[Death] = Field(default_factory=list)
    progress: Progress | None = None
    error: JobError | None = None
    result: dict[str, Any] | None = None
    idempotency_key: str | None = None
    position: float | None = None
    """Where a person put it among those that wait; see `place`."""
    created_at: datetime = Field(default_factory=utc_now)
    queued_at: datetime = Field(default_factory=utc_now)
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def place(self) -> float:
        """What waiting jobs are taken in the order of: a moment, that of its making unless a person moved it."""
        return self.created_at.timestamp() if self.position is None else self.position


EventName = Literal["job", "progress", "epoch", "log", "telemetry"]


class JobEvent(Model):
    """One line of `events.jsonl`. `seq` counts from 1 within the job."""

    seq: int
    at: datetime
    job_id: str
    project_id: str
    name: EventName
    data: dict[str, Any]


class Outcome(Model):
    """What a run left for its supervisor: how it ended, and what came of it."""

    epoch: int
    status: Literal["succeeded", "failed", "cancelled", "yielded"]
    result: dict[str, Any] | None = None
    error: JobError | None = None
