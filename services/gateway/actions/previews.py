"""Previews of imports: what they found, and the reports that imports left."""

from collections.abc import Iterator
from pathlib import Path

from services.gateway.actions import jobs
from services.gateway.studio import Studio
from shared.errors import Conflict, NotFound
from shared.schemas.dataset import ImportReport, Problem
from shared.schemas.import_plan import PreviewReport
from shared.schemas.job import Job, JobKind, JobStatus
from shared.store import sources
from shared.store.imports import read_problems
from shared.store.paths import missing

_DISCARDED = "discarded"
_GONE_HINT = "Start again with a new preview."


def get(studio: Studio, project_id: str, job_id: str) -> Job:
    """Return the job of a preview of the project or raise `NotFound`."""
    job = jobs.get(studio, job_id)
    if job.project_id != project_id or not job.payload.get("preview"):
        raise missing("preview", job_id)
    return job


def report(studio: Studio, project_id: str, job_id: str) -> PreviewReport:
    """Return what a preview found.

    Raises:
        Conflict: it has not ended, or not well.
    """
    job = get(studio, project_id, job_id)
    if job.status is not JobStatus.SUCCEEDED:
        why = job.error.message if job.error else f"It is {job.status}."
        raise Conflict("preview_not_ready", f"This preview has nothing to import from. {why}", hint=_GONE_HINT)
    return PreviewReport.model_validate(job.result)


def check_source(job: Job) -> None:
    """Refuse to go on from a preview that still runs or whose source is gone.

    Raises:
        Conflict: it is so.
    """
    if not job.status.final:
        raise Conflict("preview_is_running", "The preview is still running.", hint="Wait for it, or cancel it.")
    if not Path(job.payload["source"]["path"]).exists():
        raise Conflict("source_is_gone", "What was previewed is not there any more.", hint=_GONE_HINT)


def waiting(studio: Studio, project_id: str) -> Job | None:
    """Return the newest job of the project if it is a preview that was neither imported nor discarded."""
    found = [job for job in jobs.listed(studio, project_id=project_id, kind=JobKind.IMPORT) if "source" in job.payload]
    newest = found[0] if found else None
    if newest is None or not newest.payload.get("preview") or not newest.status.final or is_over(studio, newest):
        return None
    return newest


def discard(studio: Studio, project_id: str, job_id: str) -> None:
    """Cancel a preview, or let go of what it holds."""
    job = get(studio, project_id, job_id)
    if not job.status.final:
        jobs.cancel_if_unfinished(studio, job_id)
        return
    folder = studio.workspace.jobs.folder(job_id)
    (folder / _DISCARDED).touch()
    sources.release(folder)


def release_others(studio: Studio, job: Job) -> None:
    """Let go of the archives of earlier previews of the project, except the one that `job` imports."""
    for other in jobs.listed(studio, project_id=job.project_id, kind=JobKind.IMPORT):
        used = other.id in (job.id, job.payload.get("preview_job_id"))
        if other.payload.get("preview") and other.status.final and not used:
            sources.release(studio.workspace.jobs.folder(other.id))


def sample(studio: Studio, project_id: str, job_id: str, number: int) -> bytes:
    """Return the thumbnail of one of a preview's samples as JPEG or raise `NotFound`."""
    path = studio.workspace.jobs.folder(get(studio, project_id, job_id).id) / "samples" / f"{number}.jpg"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise missing("sample", str(number)) from None


def reports(studio: Studio, project_id: str) -> list[ImportReport]:
    """Return what all imports into the present dataset did, newest first."""
    studio.workspace.projects.get(project_id)
    return studio.workspace.dataset(project_id).imports.list()


def problems(studio: Studio, project_id: str, job_id: str) -> Iterator[Problem]:
    """Return all problems of an import or of a preview.

    Raises:
        NotFound: there is none of that id.
    """
    studio.workspace.projects.get(project_id)
    try:
        return studio.workspace.dataset(project_id).imports.problems(job_id)
    except NotFound:
        # A preview's, or those of an import by an older studio.
        if jobs.get(studio, job_id).project_id != project_id:
            raise
        return read_problems(studio.workspace.jobs.folder(job_id) / "problems.jsonl")


def is_over(studio: Studio, job: Job) -> bool:
    """Whether a preview was cancelled or discarded, or what it looked at is gone."""
    if job.status is JobStatus.CANCELLED or (studio.workspace.jobs.folder(job.id) / _DISCARDED).exists():
        return True
    return job.status.final and not Path(job.payload["source"]["path"]).exists()
