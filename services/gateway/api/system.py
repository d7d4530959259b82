"""/api/system and /metrics."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.gateway.actions import system
from services.gateway.api.http import Json
from services.gateway.metrics import set_job_counts
from services.gateway.studio import StudioDep

router = APIRouter(tags=["system"])


@router.get("/api/system/health", summary="Alive")
def health() -> Json:
    """Answers while the process lives."""
    return Json({"status": "ok"})


@router.get("/api/system/ready", summary="Ready for work")
def ready(studio: StudioDep) -> Json:
    """503 with what is missing, while something is."""
    state = system.readiness(studio)
    return Json(state.body(), 200 if state.ready else 503)


@router.get("/api/system/devices", summary="Devices of the training workers")
def devices() -> Json:
    """As the workers report them."""
    return Json(system.devices())


@router.get("/api/system/workers", summary="Workers and what they are doing")
def workers(studio: StudioDep) -> Json:
    """Name, queue, host, devices with their memory in bytes, and the job in hand."""
    items = [
        {**item, "job": item["job"].model_dump(mode="json") if item["job"] else None} for item in system.team(studio)
    ]
    return Json({"items": items, "total": len(items)})


@router.get("/api/system/workspace", summary="Disk use")
def workspace(studio: StudioDep) -> Json:
    """By project, and what the disk has left."""
    return Json(system.disk_use(studio))


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(studio: StudioDep) -> Response:
    """Requests, and jobs by kind and status."""
    set_job_counts(studio.workspace.jobs.list())
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
