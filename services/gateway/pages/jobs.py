"""Every job of every project."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import jobs
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, link, show, toast_header
from services.gateway.pages.shell import shell
from services.gateway.studio import StudioDep
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


@dataclass(frozen=True, kw_only=True)
class JobsView(View):
    """The table with its filters."""

    template: ClassVar[str] = "pages/jobs.html"
    fragments: ClassVar[dict[str, str]] = {"jobs": "jobs"}

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


@router.post("/{job_id}/cancel")
def cancel(studio: StudioDep, job_id: str) -> Response:
    """Ask a job to end. The page hears of it by the event."""
    jobs.cancel(studio, job_id)
    return Response(None, 204, {"HX-Trigger": toast_header("info", "The job is asked to end.")})


def _seconds(job: Job) -> float | None:
    if job.started_at is None:
        return None
    return ((job.finished_at or utc_now()) - job.started_at).total_seconds()
