"""GET /api/tasks: what can be built."""

from fastapi import APIRouter

from services.gateway.actions import tasks
from services.gateway.api.http import Json, PageNumber, PageSize, listing
from shared.taskkit import registry

router = APIRouter(prefix="/api/tasks", tags=["tasks"])


@router.get("", summary="List vision tasks")
def list_tasks(page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """Every registered vision task."""
    return listing([tasks.overview(spec) for spec in registry.specs()], page, page_size)


@router.get("/{task_id}", summary="One task with its parameters and architectures")
def read_task(task_id: str) -> Json:
    """Parameters as JSON Schema, architectures, losses, augmentations, export formats."""
    return Json(tasks.detail(task_id))
