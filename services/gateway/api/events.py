"""GET /api/events: everything that happens, live."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from services.gateway.live import Scope
from services.gateway.studio import Studio, StudioDep

router = APIRouter(prefix="/api", tags=["events"])
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)]
AfterQuery = Annotated[
    str | None, Query(max_length=64, description="As Last-Event-ID, for the first connection of a page.")
]


@router.get("/events", summary="Live events (SSE)", response_class=StreamingResponse)
def events(
    studio: StudioDep,
    project_id: str | None = None,
    job_id: str | None = None,
    after: AfterQuery = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Events `job`, `progress`, `epoch`, `log` and `telemetry` of one job, of a project, or of all.

    Of one job, ids are its sequence numbers and everything after `Last-Event-ID` (or from the start) is told again.
    Otherwise an id starts with milliseconds and what came since is told again; drop what you know by job and `seq`.
    """
    if job_id is not None:
        studio.workspace.jobs.get(job_id)
    if project_id is not None:
        studio.workspace.projects.get(project_id)
    return answer_stream(studio, Scope(project_id=project_id, job_id=job_id), last_event_id or after)


def answer_stream(studio: Studio, scope: Scope, after: str | None) -> StreamingResponse:
    """Return the SSE answer for what `scope` covers."""
    return StreamingResponse(
        studio.hub.stream(scope, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
