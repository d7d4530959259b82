"""Every job of every project."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import jobs, system
from services.gateway.pages.forms import TypedDep
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, link, show, toast_header
from services.gateway.pages.shell import shell
from services.gateway.studio import Studio, StudioDep
from shared.schemas.base import utc_now
from shared.schemas.job import Job, JobKind, JobStatus

router = APIRouter(prefix="/jobs", include_in_schema=False)
PAGE_SIZE = 50


@dataclass(frozen=True)
class JobRow:
    """A job with the name of its project; `seconds` is how long it ran, or has been running."""

    job: Job
    project_name: str
    seconds: float | None


@dataclass(frozen=True)
class WaitingRow:
    """A job that waits. `above` is the one it would be put before to go up, `below` the one after its next."""

    job: Job
    project_name: str
    above: str
    below: str
    last: bool


@dataclass(frozen=True)
class Worker:
    """A worker, what it computes on, and the job it has in hand."""

    name: str
    kind: str
    host: str
    devices: list[dict[str, Any]]
    job: Job | None


@dataclass(frozen=True, kw_only=True)
class JobsView(View):
    """Workers, queues, and the table of all jobs with its filters."""

    template: ClassVar[str] = "pages/jobs.html"
    fragments: ClassVar[dict[str, str]] = {"jobs": "jobs", "queue": "queue"}

    queues: dict[str, list[WaitingRow]]
    workers: list[Worker]

    rows: list[JobRow]
    kinds: list[str]
    statuses: list[str]
    kind: str
    status: str
    url: str
    pager: Pager
    flower_url: str


@router.get("")
def read(
    request: Request,
    studio: StudioDep,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
    page: int = 1,
) -> Response:
    """Show the jobs that match, newest first."""
    frame = shell(studio, "Jobs", jobs_page=True)
    found = jobs.listed(studio, kind=kind, status=status)
    page = max(1, page)
    names = {project.id: project.name for project in studio.workspace.projects.list()}
    shown = [jobs.with_progress(studio, job) for job in found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]]
    chosen = {"kind": kind.value if kind else "", "status": status.value if status else ""}
    view = JobsView(
        shell=frame,
        queues=_queues(jobs.waiting(studio), names),
        workers=[_worker(studio, item) for item in system.team(studio)],
        rows=[JobRow(job, names.get(job.project_id, "(deleted)"), _seconds(job)) for job in shown],
        kinds=[item.value for item in JobKind],
        statuses=[item.value for item in JobStatus],
        kind=chosen["kind"],
        status=chosen["status"],
        url=link("/jobs", **chosen, page=page if page > 1 else ""),
        pager=pager(len(found), page, PAGE_SIZE, lambda number: link("/jobs", **chosen, page=number)),
        flower_url=studio.settings.flower_url or "",
    )
    return show(request, view)


@router.post("/{job_id}/move")
def move(studio: StudioDep, job_id: str, typed: TypedDep) -> Response:
    """Put a waiting job before another, or at the end of its queue. The page hears of it by the event."""
    jobs.move(studio, job_id, typed.get("before") or None)
    return Response(None, 204)


@router.post("/{job_id}/cancel")
def cancel(studio: StudioDep, job_id: str) -> Response:
    """Ask a job to end. The page hears of it by the event."""
    jobs.cancel(studio, job_id)
    return Response(None, 204, {"HX-Trigger": toast_header("info", "The job is asked to end.")})


def _queues(waiting: list[Job], names: Mapping[str, str]) -> dict[str, list[WaitingRow]]:
    queues: dict[str, list[Job]] = {}
    for job in waiting:
        queues.setdefault(job.kind.value, []).append(job)
    return {kind: [_waiting(found, at, names) for at in range(len(found))] for kind, found in queues.items()}


def _waiting(queue: list[Job], at: int, names: Mapping[str, str]) -> WaitingRow:
    job = queue[at]
    above = queue[at - 1].id if at else ""
    below = queue[at + 2].id if at + 2 < len(queue) else ""
    return WaitingRow(job, names.get(job.project_id, "(deleted)"), above, below, at == len(queue) - 1)


def _worker(studio: Studio, told: Mapping[str, Any]) -> Worker:
    job = jobs.with_progress(studio, told["job"]) if told["job"] else None
    gpus = [item for item in told["devices"] if item["kind"] != "cpu"]
    return Worker(told["name"], told["kind"], told["host"], gpus or told["devices"], job)


def _seconds(job: Job) -> float | None:
    if job.started_at is None:
        return None
    return ((job.finished_at or utc_now()) - job.started_at).total_seconds()
