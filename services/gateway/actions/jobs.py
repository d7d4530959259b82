"""Jobs: written down first, rung for second."""

import threading
from contextlib import suppress
from typing import Any

from services.gateway.studio import Studio
from shared.bus.doorbell import ring
from shared.bus.events import publish_status
from shared.errors import Conflict, Invalid, NotFound
from shared.schemas.job import Job, JobKind, JobStatus, Progress
from shared.store.lifecycle import Move, Refused, RequestCancel, RequestStop

_APART = 0.002
"""Seconds: a job moved to an end of its queue stands half as far from the last one there."""

starting = threading.Lock()
"""Held from "nothing of the kind runs" to "it is written down", so that of two calls at once one is refused."""


def start(
    studio: Studio,
    kind: JobKind,
    project_id: str,
    title: str,
    payload: dict[str, Any],
    *,
    key: str | None = None,
    job_id: str | None = None,
) -> Job:
    """Store a job and announce it; without Redis it is accepted all the same and starts when Redis is back."""
    job = studio.workspace.jobs.create(
        kind, project_id, title, {"project_id": project_id, **payload}, idempotency_key=key, job_id=job_id
    )
    announce(studio, job)
    return job


def announce(studio: Studio, job: Job) -> None:
    """Tell listeners and workers of a job that waits."""
    publish_status(studio.workspace.jobs, job)
    ring(job)


def repeated(studio: Studio, kind: JobKind, project_id: str, key: str | None, **payload: Any) -> Job | None:
    """Return the job that an earlier call with the same idempotency key started.

    Args:
        studio: the studio.
        kind: of the job the call would start.
        project_id: of its project.
        key: the idempotency key; None never matches.
        **payload: what a repeated call must have asked for too.

    Raises:
        Invalid: the key was used for something else.
    """
    if key is None:
        return None
    for job in studio.workspace.jobs.list():
        if (job.project_id, job.idempotency_key) == (project_id, key):
            asked = {name: job.payload.get(name) for name in payload}
            if job.kind is not kind or asked != payload:
                raise Invalid(
                    "idempotency_key_reused",
                    f"This idempotency key belongs to another call: {job.title}.",
                    hint="Use a fresh key for each thing you start.",
                )
            return job
    return None


def told(job: Job | None) -> dict[str, Any]:
    """Return what things made by a job say of it: `progress` and `error`, each None where there is none."""
    return {
        "progress": job.progress.model_dump(mode="json") if job and job.progress else None,
        "error": job.error.model_dump(mode="json") if job and job.error else None,
    }


def outcome(job: Job | None) -> str:
    """Return the status of something whose job is `job`: pending, running, completed, failed or cancelled."""
    if job is None:
        return "failed"
    return _OUTCOMES.get(job.status, job.status.value)


_OUTCOMES = {JobStatus.QUEUED: "pending", JobStatus.FINALIZING: "running", JobStatus.SUCCEEDED: "completed"}


def listed(
    studio: Studio,
    *,
    project_id: str | None = None,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
) -> list[Job]:
    """Return jobs, newest first. None means any."""
    return [
        job
        for job in studio.workspace.jobs.list()
        if (project_id is None or job.project_id == project_id)
        and (kind is None or job.kind is kind)
        and (status is None or job.status is status)
    ]


def get(studio: Studio, job_id: str) -> Job:
    """Return a job, its progress up to date."""
    return with_progress(studio, studio.workspace.jobs.get(job_id))


def with_progress(studio: Studio, job: Job) -> Job:
    """Return the job with the progress its run told last; the document itself has it as of the last lease."""
    if not job.status.live or (event := studio.workspace.jobs.newest(job.id, "progress")) is None:
        return job
    return job.model_copy(update={"progress": Progress.model_validate(event.data)})


def find(studio: Studio, job_id: str | None) -> Job | None:
    """Return a job, or None where there is none (any more)."""
    try:
        return studio.workspace.jobs.get(job_id) if job_id else None
    except NotFound:
        return None


def unfinished(studio: Studio, project_id: str, kind: JobKind | None = None) -> list[Job]:
    """Return the jobs of a project that wait or run."""
    return [job for job in listed(studio, project_id=project_id, kind=kind) if not job.status.final]


def cancel(studio: Studio, job_id: str) -> Job:
    """Ask a job to end; what it had is dropped.

    Raises:
        Conflict: it has ended already.
    """
    return _request(studio, job_id, RequestCancel())


def cancel_if_unfinished(studio: Studio, job_id: str) -> None:
    """Ask a job to end, if it has not by now."""
    with suppress(Conflict):
        cancel(studio, job_id)


def stop(studio: Studio, job_id: str) -> Job:
    """Ask a job to end in order and keep what it has.

    Raises:
        Conflict: it has ended already.
    """
    return _request(studio, job_id, RequestStop())


def waiting(studio: Studio, kind: JobKind | None = None) -> list[Job]:
    """Return the jobs that wait, queue by queue, in the order in which workers take them."""
    kinds = list(JobKind) if kind is None else [kind]
    return [job for item in kinds for job in studio.workspace.jobs.waiting(item)]


def move(studio: Studio, job_id: str, before: str | None) -> Job:
    """Let a waiting job be taken right before another of its queue; None puts it at the end.

    Raises:
        Conflict: either does not wait (any more), or they wait in different queues.
    """
    job = studio.workspace.jobs.get(job_id)
    with starting:
        others = [item for item in waiting(studio, job.kind) if item.id != job_id]
        at = len(others) if before is None else _index(studio, others, before)
        for moved, position in _positions([*others[:at], job, *others[at:]], at):
            try:
                job = studio.workspace.jobs.apply(moved.id, Move(position))
            except Refused:
                if moved.id == job_id:
                    raise _not_waiting(studio.workspace.jobs.get(job_id)) from None
    job = studio.workspace.jobs.get(job_id)
    publish_status(studio.workspace.jobs, job)
    return job


def _positions(order: list[Job], at: int) -> list[tuple[Job, float]]:
    """Return the jobs to write and their places, so that `order` holds: one, unless no number is left between two."""
    places = [job.place for number, job in enumerate(order) if number != at]
    if not places:
        return []
    low = places[at - 1] if at > 0 else places[0] - _APART
    high = places[at] if at < len(places) else places[-1] + _APART
    middle = (low + high) / 2
    if low < middle < high:
        return [(order[at], middle)]
    first, last = places[0] - len(order), places[-1]
    return [(job, first + (last - first) * number / len(order)) for number, job in enumerate(order)]


def _index(studio: Studio, others: list[Job], before: str) -> int:
    for at, job in enumerate(others):
        if job.id == before:
            return at
    raise _not_waiting(studio.workspace.jobs.get(before))


def _not_waiting(job: Job) -> Conflict:
    return Conflict(
        "job_is_not_waiting",
        f"{job.title!r} does not wait in this queue: it is {job.status}.",
        hint="Only jobs that wait in the same queue can be put in order.",
    )


def _request(studio: Studio, job_id: str, command: RequestCancel | RequestStop) -> Job:
    try:
        job = studio.workspace.jobs.apply(job_id, command)
    except Refused:
        job = studio.workspace.jobs.get(job_id)
        raise Conflict("job_has_ended", f"This job has ended already: it {_ENDED[job.status]}.") from None
    publish_status(studio.workspace.jobs, job)
    return job


_ENDED = {
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "was cancelled",
}
