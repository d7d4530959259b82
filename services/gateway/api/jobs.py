"""/api/jobs."""

from fastapi import APIRouter
from pydantic import ConfigDict

from services.gateway.actions import jobs
from services.gateway.api.http import Json, PageNumber, PageSize, listing, started
from services.gateway.studio import StudioDep
from shared.schemas.base import Model
from shared.schemas.job import JobKind, JobStatus

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


class Placement(Model):
    """Where a waiting job is to stand: before another of its queue, or, with null, at the end."""

    before: str | None

    model_config = ConfigDict(json_schema_extra={"examples": [{"before": "job-1f3a9c02"}, {"before": None}]})


@router.get("", summary="List jobs")
def list_jobs(
    studio: StudioDep,
    project_id: str | None = None,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Json:
    """Newest first."""
    found = jobs.listed(studio, project_id=project_id, kind=kind, status=status)
    shown = found[(page - 1) * page_size : page * page_size]
    items = [jobs.with_progress(studio, item).model_dump(mode="json") for item in shown]
    return Json({"items": items, "total": len(found), "page": page, "page_size": page_size})


@router.get("/waiting", summary="Jobs that wait, in order")
def list_waiting(
    studio: StudioDep, kind: JobKind | None = None, page: PageNumber = 1, page_size: PageSize = 50
) -> Json:
    """Queue by queue, in the order in which workers take them."""
    return listing([item.model_dump(mode="json") for item in jobs.waiting(studio, kind)], page, page_size)


@router.get("/{job_id}", summary="Read a job")
def read_job(studio: StudioDep, job_id: str) -> Json:
    """Progress, attempts, worker, times, error with traceback and hint, result."""
    return Json(jobs.get(studio, job_id).model_dump(mode="json"))


@router.post("/{job_id}/cancel", status_code=202, summary="Cancel a job")
def cancel_job(studio: StudioDep, job_id: str) -> Json:
    """Cooperative first, forced after a grace period."""
    return started(jobs.cancel(studio, job_id))


@router.post("/{job_id}/move", summary="Put a waiting job elsewhere in its queue")
def move_job(studio: StudioDep, job_id: str, body: Placement) -> Json:
    """409 `job_is_not_waiting` once a worker has it."""
    return Json(jobs.move(studio, job_id, body.before).model_dump(mode="json"))
