"""The life of a job as one pure function. Gateway, workers and reconciler all change jobs through it.

`queued -> running -> finalizing -> succeeded | failed | cancelled`; the last three are final. A command that does not
fit the state it meets raises `Refused`, which callers treat as "somebody else was first".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.schemas.job import Death, Job, JobError, JobStatus, Progress

MAX_ATTEMPTS = 3


class Refused(Exception):
    """The command does not fit the job's state or carries an old epoch."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker takes a queued job."""

    owner: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class Renew:
    """The owner is alive; `progress` is where its run stands."""

    epoch: int
    lease_s: float
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Finalize:
    """The run has ended in order and its results are being published. Not for a job that is to be cancelled."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Succeed:
    """The work is done."""

    epoch: int
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Fail:
    """The work cannot be done, and trying again would not help."""

    epoch: int
    error: JobError


@dataclass(frozen=True, slots=True)
class EndCancelled:
    """The run ended because it was asked to. `result` is what it had by then."""

    epoch: int
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Yield:
    """The worker shuts down; the job goes back without counting the attempt."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Lose:
    """The run died. Queued again, unless it died too often or twice at the same step."""

    epoch: int
    cause: str
    message: str


@dataclass(frozen=True, slots=True)
class Expire:
    """The reconciler found the lease run out."""


@dataclass(frozen=True, slots=True)
class RequestCancel:
    """A person wants the job ended."""


@dataclass(frozen=True, slots=True)
class RequestStop:
    """A person wants the run to end after the current batch and keep what it has."""


@dataclass(frozen=True, slots=True)
class Move:
    """A person wants a waiting job to be taken earlier or later; see `Job.place`."""

    position: float


Command = (
    Claim
    | Renew
    | Finalize
    | Succeed
    | Fail
    | EndCancelled
    | Yield
    | Lose
    | Expire
    | RequestCancel
    | RequestStop
    | Move
)

_HINTS = {
    "out_of_memory": "Use a smaller batch or image size, or give the worker more memory.",
    "worker_lost": "Look at the worker's log and at the machine it ran on.",
    "killed": "Something killed the process, often the system for want of memory.",
    "stalled": "Look at the log for what it did last; a network drive or a device that hangs is the usual cause.",
    "crashed": "The log of the job has the last words of the process.",
}


def transition(job: Job, command: Command, now: datetime) -> Job:
    """Return the job after `command`; the given one is not changed.

    Raises:
        Refused: the command does not fit.
    """
    match command:
        case Claim():
            changes = _claim(job, command, now)
        case RequestCancel():
            changes = _request_cancel(job, now)
        case RequestStop():
            changes = _request_stop(job, now)
        case Expire():
            changes = _expire(job, now)
        case Move(position=position):
            changes = _move(job, position)
        case _:
            changes = _owned(job, command, now)
    return job.model_copy(update={**changes, "revision": job.revision + 1})


def _claim(job: Job, command: Claim, now: datetime) -> dict[str, Any]:
    if job.status is not JobStatus.QUEUED or job.cancel_requested:
        raise Refused(f"{job.id} is {job.status}, not waiting")
    return {
        "status": JobStatus.RUNNING,
        "attempt": job.attempt + 1,
        "epoch": job.epoch + 1,
        "owner": command.owner,
        "lease_until": now + timedelta(seconds=command.lease_s),
        "started_at": job.started_at or now,
        "progress": None,
    }


def _request_cancel(job: Job, now: datetime) -> dict[str, Any]:
    if job.status.final:
        raise Refused(f"{job.id} is already {job.status}")
    if job.status is JobStatus.QUEUED:
        return {"cancel_requested": True, **_final(JobStatus.CANCELLED, now)}
    return {"cancel_requested": True}


def _request_stop(job: Job, now: datetime) -> dict[str, Any]:
    changes = _request_cancel(job, now)
    if job.status is JobStatus.QUEUED:
        return changes
    return {"stop_requested": True}


def _move(job: Job, position: float) -> dict[str, Any]:
    if job.status is not JobStatus.QUEUED:
        raise Refused(f"{job.id} is {job.status}, not waiting")
    return {"position": position}


def _expire(job: Job, now: datetime) -> dict[str, Any]:
    if not job.status.live or job.lease_until is None or job.lease_until > now:
        raise Refused(f"{job.id} holds its lease")
    return _after_death(job, "worker_lost", "The worker of this job stopped answering.", now)


def _owned(job: Job, command: Command, now: datetime) -> dict[str, Any]:
    """Commands of the worker that holds the job; anybody else's carry an old epoch."""
    epoch = getattr(command, "epoch", None)
    if not job.status.live or epoch != job.epoch:
        raise Refused(f"{job.id} is {job.status} in epoch {job.epoch}; the command carries {epoch}")
    match command:
        case Renew(lease_s=lease_s, progress=progress):
            return {
                "lease_until": now + timedelta(seconds=lease_s),
                "progress": progress or job.progress,
            }
        case Finalize():
            if job.cancel_requested and not job.stop_requested:
                raise Refused(f"{job.id} is to be cancelled")
            return {"status": JobStatus.FINALIZING}
        case Succeed(result=result):
            return {"result": result, **_final(JobStatus.SUCCEEDED, now)}
        case Fail(error=error):
            return {"error": error, **_final(JobStatus.FAILED, now)}
        case EndCancelled(result=result):
            return {"result": result, **_final(JobStatus.CANCELLED, now)}
        case Yield():
            if job.cancel_requested or job.stop_requested:
                return _final(JobStatus.CANCELLED, now)
            return {"attempt": job.attempt - 1, **_queued(now)}
        case Lose(cause=cause, message=message):
            return _after_death(job, cause, message, now)
    raise Refused(f"unknown command {command!r}")


def _after_death(job: Job, cause: str, message: str, now: datetime) -> dict[str, Any]:
    if job.cancel_requested or job.stop_requested:
        return _final(JobStatus.CANCELLED, now)
    death = Death.model_validate({"attempt": job.attempt, "cause": cause, "step": _step(job.progress), "at": now})
    deaths = [*job.deaths, death]
    same = len(deaths) > 1 and (deaths[-2].cause, deaths[-2].step) == (death.cause, death.step)
    if job.attempt < MAX_ATTEMPTS and not same:
        return {"deaths": deaths, **_queued(now)}
    why = "twice at the same step" if same else f"{job.attempt} times"
    error = JobError(code=cause, message=f"{message} It happened {why}.", hint=_HINTS[cause])
    return {"deaths": deaths, "error": error, **_final(JobStatus.FAILED, now)}


def _step(progress: Progress | None) -> str:
    return "start" if progress is None else f"{progress.phase} {progress.done:g}"


def _queued(now: datetime) -> dict[str, Any]:
    return {"status": JobStatus.QUEUED, "owner": None, "lease_until": None, "queued_at": now}


def _final(status: JobStatus, now: datetime) -> dict[str, Any]:
    return {"status": status, "owner": None, "lease_until": None, "finished_at": now}
